"""Prints the story: scenes to stdout, progress of long steps to stderr."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from cityledger.demo.scene import Scene


class Narrator:
    """Numbers the scenes, shows bars on a terminal, and records which scenes failed."""

    def __init__(self, console: Console, errors: Console) -> None:
        self._console = console
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._bars = Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal)
        self._tasks: dict[str, TaskID] = {}
        self.failed: list[str] = []
        self._count = 0

    def __enter__(self) -> Narrator:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bars.stop()

    def progress(self, what: str, done: int, total: int) -> None:
        """Shows one bar for each ``what``, removed once it is full."""
        if what not in self._tasks:
            self._tasks[what] = self._bars.add_task(what, total=total)
        self._bars.update(self._tasks[what], completed=done, total=total, visible=done < total)

    def say(self, text: str = "") -> None:
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def show(self, scene: Scene) -> None:
        """Prints a scene with the mark of its outcome."""
        self._count += 1
        mark = "✓" if scene.is_as_expected else "✗ NOT AS EXPECTED:"
        self.say(f"\n{self._count}. {mark} {scene.title}")
        for line in scene.lines:
            self.say(f"     {line}")
        if scene.curl is not None:
            self.say(f"     $ {scene.curl}")
        if not scene.is_as_expected:
            self.failed.append(scene.title)

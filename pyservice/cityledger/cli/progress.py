"""Shows how far a long command is: bars on a terminal, elsewhere a line on stderr now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from cityledger.cli.output import harmless, note

if TYPE_CHECKING:
    from rich.progress import Progress

LINE_SECONDS = 5.0
MIB = 1_048_576


class Report(Protocol):
    """Called with a unit, how many of it are done, and how many there are, None where that is unknown. A new
    unit begins a new bar.
    """

    def __call__(self, unit: str, done: int, total: int | None, detail: str = "") -> None: ...


@contextmanager
def progress(title: str) -> Iterator[Report]:
    """Share, numbers and remaining time of each unit, while the command runs."""
    from rich.progress import TaskProgressColumn, TextColumn

    lines = Lines()
    with bars(TaskProgressColumn(), TextColumn("{task.fields[text]}", markup=False)) as shown:
        task, begun = shown.add_task(title, total=None, text=""), ""

        def report(unit: str, done: int, total: int | None, detail: str = "") -> None:
            nonlocal begun
            if unit != begun:
                shown.reset(task, total=total)
                begun = unit
            text = in_words(unit, done, total) + (f" ({harmless(detail)[:60]})" if detail else "")
            shown.update(task, completed=done, total=total, text=text)
            lines.consider(f"{title}: {text}" + (f", {done * 100 // total} %" if total else ""))

        yield report


def in_words(unit: str, done: int, total: int | None) -> str:
    """``3 of 7 rows``; bytes in MiB."""
    scale, name = (MIB, "MiB") if unit == "bytes" else (1, unit)
    end = "" if total is None else f" of {total / scale:,.0f}"
    return f"{done / scale:,.0f}{end} {name}"


@contextmanager
def bars(*columns: Any) -> Iterator[Progress]:
    """Bars on stderr with ``columns`` and the remaining time; none where stderr is not a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    shown = TextColumn("{task.description}", markup=False), BarColumn(), *columns, TimeRemainingColumn()
    # Not rich's own opinion: FORCE_COLOR makes it draw bars into pipes.
    is_hidden = not sys.stderr.isatty()
    with Progress(*shown, console=Console(stderr=True), transient=True, disable=is_hidden) as progress:
        yield progress


class Lines:
    """A line on stderr every few seconds, for logs and pipes; a terminal has the bar."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._is_silent = sys.stderr.isatty()
        self._now = now
        self._next = now() + LINE_SECONDS

    def consider(self, text: str) -> None:
        if not self._is_silent and self._now() >= self._next:
            note(text)
            self._next = self._now() + LINE_SECONDS

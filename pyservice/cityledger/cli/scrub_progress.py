"""Shows how far a scrub is, in rows of all rows: a bar on a terminal, elsewhere a line every ten seconds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cityledger.cli.import_progress import Lines

if TYPE_CHECKING:
    from cityledger.recovery.scrub import Progress

MIB = 1_048_576


@contextmanager
def scrubbing() -> Iterator[Callable[[Progress], None]]:
    """While a scrub runs; call what it gives with each progress."""
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn
    from rich.progress import Progress as Bars

    console, lines = Console(stderr=True), Lines()
    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn()
    with Bars(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        task = bars.add_task("scrub", total=None)

        def show(at: Progress) -> None:
            bars.update(task, completed=at.rows, total=at.total, description=in_words(at))
            lines.consider(in_words(at))

        yield show


def in_words(at: Progress) -> str:
    read = f"{at.rows:,} of {at.total:,} rows, {at.bytes / MIB:,.0f} MiB"
    return f"scrub, {at.stage}: {read}, {len(at.findings)} findings"

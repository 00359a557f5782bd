"""Shows the progress of a scrub, in rows of all rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cityledger.cli.progress import MIB, Lines, bars

if TYPE_CHECKING:
    from cityledger.recovery.scrub.scrub import Progress


@contextmanager
def scrubbing() -> Iterator[Callable[[Progress], None]]:
    """Shows progress while a scrub runs; call the yielded function with each ``Progress``."""
    from rich.progress import TaskProgressColumn

    lines = Lines()
    with bars(TaskProgressColumn()) as shown:
        task = shown.add_task("scrub", total=None)

        def show(at: Progress) -> None:
            shown.update(task, completed=at.rows, total=at.total, description=in_words(at))
            lines.consider(in_words(at))

        yield show


def in_words(at: Progress) -> str:
    read = f"{at.rows:,} of {at.total:,} rows, {at.bytes / MIB:,.0f} MiB"
    return f"scrub, {at.stage}: {read}, {len(at.findings)} findings"

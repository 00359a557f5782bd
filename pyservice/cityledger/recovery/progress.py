"""Progress of a long operation, reported to its caller."""

from __future__ import annotations

from collections.abc import Callable

OnProgress = Callable[[str, int, int], None]
"""Called with a unit ("rows", "objects", "bytes"), the number of it that is done, and the total. A
new unit is a new stage.
"""


def silent(_unit: str, _done: int, _total: int) -> None:
    """Reports nothing."""


def counting(on_progress: OnProgress, unit: str, total: int) -> Callable[[int], None]:
    """Returns a function that adds to the number done and reports it; exceeding ``total`` raises that."""
    done = 0

    def add(count: int) -> None:
        nonlocal done
        done += count
        on_progress(unit, done, max(done, total))

    return add

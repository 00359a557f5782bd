"""What a scene of the story tells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cityledger.errors import CityledgerError


@dataclass(frozen=True, slots=True)
class Scene:
    """``came_out`` says whether what happened is what the title claims; ``curl`` does the same by hand."""

    title: str
    came_out: bool
    lines: tuple[str, ...]
    curl: str | None = None


def refusal_of(act: Callable[[], object]) -> CityledgerError | None:
    """The error that an act ends in, None if it went through."""
    try:
        act()
    except CityledgerError as error:
        return error
    return None

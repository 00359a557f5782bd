"""The form of a scene of the story."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cityledger.errors import CityledgerError


@dataclass(frozen=True, slots=True)
class Scene:
    """``is_as_expected``: the outcome is what the title states. ``curl`` is a command that does the same."""

    title: str
    is_as_expected: bool
    lines: tuple[str, ...]
    curl: str | None = None


def refusal_of(act: Callable[[], object]) -> CityledgerError | None:
    """The error that an act raises; None if it succeeds."""
    try:
        act()
    except CityledgerError as error:
        return error
    return None

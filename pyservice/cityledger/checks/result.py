"""One look at one thing, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cityledger.errors import CityledgerError


@dataclass(frozen=True, slots=True)
class Line:
    """``next_step`` is "" where it is ok. ``detail`` is for the operator; ``told`` may be shown to anybody:
    no address, path, URL or key. A line that is not ``vital`` needs the operator, and yet the node answers.
    """

    name: str
    ok: bool
    detail: str
    told: str
    next_step: str = ""
    vital: bool = True


@dataclass(frozen=True, slots=True)
class Look:
    """One check. ``see`` returns what it found, or raises; ``next_step`` is what an operator does then."""

    name: str
    see: Callable[[], str | Seen]
    next_step: str
    vital: bool = True


@dataclass(frozen=True, slots=True)
class Seen:
    """What was found, where the operator sees more than others do."""

    detail: str
    told: str


class WrongError(CityledgerError):
    """Something is not as it should be. What it says may be shown to anybody.

    ``detail`` adds what only the operator sees; ``next_step`` and ``vital`` are those of the look unless
    given.
    """

    def __init__(
        self, told: str, *, detail: str = "", next_step: str | None = None, vital: bool | None = None
    ) -> None:
        super().__init__(told)
        self.told = told
        self.detail = detail or told
        self.next_step = next_step
        self.vital = vital


def line_of(look: Look) -> Line:
    """Takes the look. A failure that is not ours says its kind only: its words may quote anything."""
    try:
        seen = look.see()
    except WrongError as wrong:
        step = look.next_step if wrong.next_step is None else wrong.next_step
        vital = look.vital if wrong.vital is None else wrong.vital
        return Line(look.name, False, wrong.detail, wrong.told, step, vital)
    except CityledgerError as error:
        return Line(look.name, False, str(error), type(error).__name__, look.next_step, look.vital)
    except Exception as error:
        kind = type(error).__name__
        return Line(look.name, False, kind, kind, look.next_step, look.vital)
    found = seen if isinstance(seen, Seen) else Seen(seen, seen)
    return Line(look.name, True, found.detail, found.told, vital=look.vital)

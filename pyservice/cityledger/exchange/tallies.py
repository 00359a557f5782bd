"""What became of the rows of an import, counted."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

MAX_REASONS = 200
"""Different reasons that are counted apart; reasons may name a line or a length, and go on without end."""
OTHER = "other reasons"


class Outcome(StrEnum):
    """What became of a row; each has exactly one."""

    ACCEPTED = "accepted"
    """A new version."""
    UNCHANGED = "unchanged"
    """The record says this already, byte for byte; or there was nothing to delete, and ``upsert``."""
    DUPLICATE = "duplicate"
    """The same state once more, as the profile sees it; dropped."""
    WITHDRAWN = "withdrawn"
    """The record ends here."""
    REJECTED = "rejected"
    """Refused for a reason; it changed nothing."""


@dataclass(slots=True)
class Tallies:
    """``reasons`` counts rejected rows, ``flags`` the odd things in rows that were not rejected."""

    outcomes: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    flags: Counter[str] = field(default_factory=Counter)

    def count(self, outcome: Outcome, *, reason: str = "", flags: Iterable[str] = ()) -> None:
        self.outcomes[outcome.value] += 1
        if outcome is Outcome.REJECTED:
            is_known = reason in self.reasons or len(self.reasons) < MAX_REASONS
            self.reasons[reason if is_known else OTHER] += 1
        else:
            self.flags.update(flags)

    @property
    def rows(self) -> int:
        return self.outcomes.total()

    def copy(self) -> Tallies:
        return Tallies(self.outcomes.copy(), self.reasons.copy(), self.flags.copy())

    def to_json(self) -> str:
        held = {"outcomes": self.outcomes, "reasons": self.reasons, "flags": self.flags}
        return json.dumps({name: dict(sorted(counter.items())) for name, counter in held.items()})

    @classmethod
    def from_json(cls, text: str) -> Tallies:
        held = json.loads(text)
        return cls(*(Counter(held.get(name, {})) for name in ("outcomes", "reasons", "flags")))

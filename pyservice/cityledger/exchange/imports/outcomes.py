"""The outcome of a row of an import for the record that it names, by the record's newest state."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from cityledger.errors import ConflictError, ContradictionError
from cityledger.exchange.parts.own import Newest
from cityledger.exchange.parts.seal_version import Content
from cityledger.exchange.submit import says_the_same
from cityledger.formats.rows import Act
from cityledger.profiles.profile import Profile
from cityledger.types import SubjectId

ALREADY_EXISTS = "there is a record of this id already, with other content"
NOTHING_TO_CHANGE = "there is no such record to change"
SAME_INSTANT = "same-instant"
NOTHING_TO_DELETE = "there is no such record to delete"


@dataclass(frozen=True, slots=True)
class State:
    """The newest state of a record, as much of it as rows are compared with.

    ``digest`` is of its parts, None where it does not exist. ``parts`` are stored only for profiles that
    compare by meaning; digests alone keep a long import small.
    """

    version: int
    digest: bytes | None
    subjects: tuple[SubjectId, ...]
    parts: Mapping[str, bytes]

    @property
    def exists(self) -> bool:
        return self.digest is not None


def state_of(profile: Profile, newest: Newest) -> State:
    """The state to remember of the newest stored version."""
    if not newest.exists or newest.parts is None:
        return State(newest.version, None, (), {})
    return _state(profile, newest.version, newest.parts, newest.subjects)


def next_state(profile: Profile, newest: State, content: Content) -> State:
    """The state to remember once ``content`` is the next version."""
    if content.withdraws:
        return State(newest.version + 1, None, (), {})
    return _state(profile, newest.version + 1, content.parts, content.subjects)


def judge(
    profile: Profile, newest: State, act: Act, content: Content, *, upsert: bool
) -> tuple[Outcome, str]:
    """The outcome, and the reason where it is rejected, or the flag ``SAME_INSTANT`` where it is accepted
    though the newest state is of the same instant and differs: the sender of a file cannot be asked.
    """
    if act is Act.DELETE:
        return _judge_deletion(newest, upsert=upsert)
    if not newest.exists:
        if act is Act.CHANGE and not upsert:
            return Outcome.REJECTED, NOTHING_TO_CHANGE
        return Outcome.ACCEPTED, ""
    try:
        repeated = _is_repeated(profile, newest, content)
    except ContradictionError as error:
        return (Outcome.REJECTED, str(error)) if act is Act.ADD else (Outcome.ACCEPTED, SAME_INSTANT)
    except ConflictError as error:
        return Outcome.REJECTED, str(error)
    if repeated is None and act is Act.ADD:
        return Outcome.REJECTED, ALREADY_EXISTS
    return repeated or Outcome.ACCEPTED, ""


def _judge_deletion(newest: State, *, upsert: bool) -> tuple[Outcome, str]:
    if newest.exists:
        return Outcome.WITHDRAWN, ""
    return (Outcome.UNCHANGED, "") if upsert else (Outcome.REJECTED, NOTHING_TO_DELETE)


def _is_repeated(profile: Profile, newest: State, content: Content) -> Outcome | None:
    """How the content says nothing new, None where it does.

    Raises:
        ConflictError: it is a state from before the newest one.
    """
    same_subjects = newest.subjects == content.subjects
    if says_the_same(profile, Newest(newest.version, newest.parts), content) and same_subjects:
        return Outcome.DUPLICATE
    return Outcome.UNCHANGED if same_subjects and newest.digest == _digest(content.parts) else None


def _state(
    profile: Profile, version: int, parts: Mapping[str, bytes], subjects: tuple[SubjectId, ...]
) -> State:
    compares = profile.is_same is not None or profile.instant_of is not None
    return State(version, _digest(parts), subjects, parts if compares else {})


def _digest(parts: Mapping[str, bytes]) -> bytes:
    """SHA-256 over the parts by name, each after its length: different parts, different input."""
    digest = hashlib.sha256()
    for name in sorted(parts):
        for one in (name.encode(), parts[name]):
            digest.update(len(one).to_bytes(8, "big") + one)
    return digest.digest()


MAX_REASONS = 200
"""Different reasons that are counted separately; they may name a line or a length, without limit."""
OTHER = "other reasons"


class Outcome(StrEnum):
    """The outcome of a row; each has exactly one."""

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
    """``reasons`` counts rejected rows, ``flags`` the irregularities in rows that were not rejected."""

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
        counters = {"outcomes": self.outcomes, "reasons": self.reasons, "flags": self.flags}
        return json.dumps({name: dict(sorted(counter.items())) for name, counter in counters.items()})

    @classmethod
    def from_json(cls, text: str) -> Tallies:
        stored = json.loads(text)
        return cls(*(Counter(stored.get(name, {})) for name in ("outcomes", "reasons", "flags")))

"""What a caller asks for: who asks, for what purpose, and about what. Nothing here was decided yet."""

from __future__ import annotations

from dataclasses import dataclass, replace

from cityledger.store.sessions.tokens import Session
from cityledger.types import (
    NO_AGENCY,
    NO_RECORD,
    NO_SUBJECT,
    Action,
    AgencyId,
    DatasetId,
    Purpose,
    RecordId,
    SubjectId,
)


@dataclass(frozen=True, slots=True)
class Intent:
    """What the caller wants to do, and for what purpose: stated in every request. ``represents`` is the
    agency that the caller acts for, 0 for none.
    """

    action: Action
    purpose: Purpose
    case: str = ""
    represents: AgencyId = NO_AGENCY


@dataclass(frozen=True, slots=True)
class Target:
    """What is requested. ``version`` None is the newest; ``parts`` None is every part that the caller's grant
    names.

    ``subject`` is the subject of a lookup; where a record is found, the record's own subjects count instead.
    """

    dataset: DatasetId
    record: RecordId = NO_RECORD
    subject: SubjectId = NO_SUBJECT
    version: int | None = None
    parts: int | None = None


@dataclass(frozen=True, slots=True)
class Access:
    """A caller, its intent and its target: everything that a decision needs of a request."""

    session: Session
    intent: Intent
    target: Target

    def of(self, target: Target) -> Access:
        """The same caller and intent, about another target."""
        return replace(self, target=target)

    def to(self, action: Action) -> Access:
        """The same caller and target, for another action."""
        return replace(self, intent=replace(self.intent, action=action))

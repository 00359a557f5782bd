"""The chain calls of a steward, as the edge of a node requests them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from cityledger.store.sessions.tokens import Session
from cityledger.types import AgencyId, DatasetId, Purpose, RecordId


@dataclass(frozen=True, slots=True)
class Slot:
    """The key of a grant: there is one at most for each."""

    dataset: DatasetId
    consumer: AgencyId
    purpose: Purpose


@dataclass(frozen=True, slots=True)
class Place:
    """The record, and for whom it is restricted; 0 for all."""

    dataset: DatasetId
    record: RecordId
    consumer: AgencyId


@dataclass(frozen=True, slots=True)
class Mined:
    """A call that is mined."""

    transaction: bytes
    block: int


class StewardTransactions(Protocol):
    """Each call returns once it is mined.

    Raises:
        DeniedError: the caller is not a steward.
        MisdirectedError: the caller's account is not in this node's keyring.
        RevertedError: the contract refused, e.g. because the steward is another agency's.
        ChainUnavailableError: not mined in time; it may still be.
    """

    def grant(self, session: Session, slot: Slot, parts: int, since: int, until: int) -> Mined: ...

    def revoke(self, session: Session, slot: Slot) -> Mined: ...

    def restrict(self, session: Session, place: Place, *, is_restricted: bool) -> Mined: ...

    def seal(self, session: Session, dataset: DatasetId, record: RecordId) -> Mined: ...

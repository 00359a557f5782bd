"""The steward's transactions in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cityledger.api.stewards.transactions import verify_steward
from cityledger.exchange.stewardship import Mined, Place, Slot
from cityledger.keccak import keccak
from cityledger.store.sessions.tokens import Session
from cityledger.types import DatasetId, RecordId
from support.node.chain_changes import ChainChanges


@dataclass
class MemorySteward:
    """Records the calls, and changes the index as the chain would have."""

    node: ChainChanges = field(init=False)
    calls: list[tuple[Any, ...]] = field(default_factory=list)

    def grant(self, session: Session, slot: Slot, parts: int, since: int, until: int) -> Mined:
        self._record(session, "grant", slot, parts, since, until)
        self.node.grant(slot.dataset, slot.consumer, slot.purpose, parts, since=since, until=until)
        return self._mined()

    def revoke(self, session: Session, slot: Slot) -> Mined:
        self._record(session, "revoke", slot)
        self.node.revoke(slot.dataset, slot.consumer, slot.purpose)
        return self._mined()

    def restrict(self, session: Session, place: Place, *, is_restricted: bool) -> Mined:
        self._record(session, "restrict", place, is_restricted)
        self.node.restrict(place.dataset, place.record, place.consumer, is_restricted=is_restricted)
        return self._mined()

    def seal(self, session: Session, dataset: DatasetId, record: RecordId) -> Mined:
        self._record(session, "seal", dataset, record)
        self.node.seal(dataset, record)
        return self._mined()

    def _record(self, session: Session, *call: Any) -> None:
        verify_steward(session)
        self.calls.append(call)

    def _mined(self) -> Mined:
        return Mined(keccak(str(len(self.calls)).encode()), self.node.block)

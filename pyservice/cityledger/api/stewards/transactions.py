"""Chain calls for a signed-in steward whose account this node holds: grant, revoke, restrict, seal."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from cityledger.chain.contracts.data_catalog import DataCatalog
from cityledger.chain.sender import Sender
from cityledger.chain.transactions import Call
from cityledger.errors import KeyringError, MisdirectedError
from cityledger.exchange.stewardship import Mined, Place, Slot
from cityledger.policy.rules import ROLE_NOT_HELD, denial
from cityledger.sealing.keyring import Keyring
from cityledger.store.sessions.tokens import Session
from cityledger.types import Address, DatasetId, RecordId, Role

INDEX_WAIT_SECONDS = 5.0
_PAUSE_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class ChainStewardTransactions:
    """Signs with the keyring's account and sends. ``indexed_block`` is the last block in this node's
    index."""

    sender: Sender
    catalog: DataCatalog
    keyring: Keyring
    indexed_block: Callable[[], int]
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def grant(self, session: Session, slot: Slot, parts: int, since: int, until: int) -> Mined:
        return self._send(
            session, self.catalog.grant(slot.dataset, slot.consumer, slot.purpose, parts, since, until)
        )

    def revoke(self, session: Session, slot: Slot) -> Mined:
        return self._send(session, self.catalog.revoke(slot.dataset, slot.consumer, slot.purpose))

    def restrict(self, session: Session, place: Place, *, is_restricted: bool) -> Mined:
        call = self.catalog.restrict(place.dataset, place.record, place.consumer, is_restricted=is_restricted)
        return self._send(session, call)

    def seal(self, session: Session, dataset: DatasetId, record: RecordId) -> Mined:
        return self._send(session, self.catalog.seal_by_law(dataset, record))

    def _send(self, session: Session, call: Call) -> Mined:
        verify_steward(session)
        try:
            account = self.keyring.account(session.account or Address(""))
        except KeyringError as error:
            message = "this node does not have the steward's account; send the call yourself"
            raise MisdirectedError(message) from error
        receipt = self.sender.transact(account, call)
        self._wait_until_indexed(receipt.block_number)
        return Mined(receipt.transaction, receipt.block_number)

    def _wait_until_indexed(self, block: int) -> None:
        """So that a read after a revocation is decided by it; the call is mined in any case."""
        deadline = self.monotonic() + INDEX_WAIT_SECONDS
        while self.indexed_block() < block and self.monotonic() < deadline:
            self.sleep(_PAUSE_SECONDS)


def verify_steward(session: Session) -> None:
    """Rejects early what the contract would reject anyway.

    Raises:
        DeniedError: the session is not a steward's.
    """
    if session.role != Role.STEWARD or session.account is None:
        raise denial(ROLE_NOT_HELD)

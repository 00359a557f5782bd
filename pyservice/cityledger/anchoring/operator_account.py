"""The node's one account on chain: one transaction at a time, each durable before it is sent."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from eth_account.signers.local import LocalAccount

from cityledger.chain.clock import ChainClock
from cityledger.chain.sender import Call, Sender
from cityledger.store import batches
from cityledger.store.batches import Attempt, Batch
from cityledger.store.database import Database
from cityledger.store.index import find_cursor
from cityledger.store.journal import Journal
from cityledger.types import Address

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Standing:
    """How the account stands at the index's cursor. ``live`` is an attempt that may still be mined."""

    nonce: int
    live: Attempt | None
    is_free: bool
    """Whether the next transaction may be signed, with ``nonce``."""


class OperatorAccount:
    """Hands out the account's nonces. Hold ``turn`` from asking how it stands until the attempt is stored:
    two transactions with one nonce would push each other out.
    """

    def __init__(
        self, database: Database, journal: Journal, clock: ChainClock, sender: Sender, operator: LocalAccount
    ) -> None:
        self.address = Address(operator.address)
        self.turn = threading.Condition()
        self._database = database
        self._journal = journal
        self._clock = clock
        self._sender = sender
        self._operator = operator
        self.waiting = 0
        """How many await their turn; read and changed with ``turn`` held."""
        self._gave_way = False

    def find_standing(self) -> Standing | None:
        """None before the first indexed block."""
        with self._database.reading() as connection:
            cursor = find_cursor(connection)
        if cursor is None:
            return None
        mined = self._sender.nonce(self.address, cursor.number)
        with self._database.reading() as connection:
            live = batches.list_attempts(connection, self.address, mined)
        # Mined above the cursor: the indexer is about to tell what became of it.
        is_ahead = self._sender.nonce(self.address) > mined
        return Standing(mined, None if is_ahead or not live else live[0], not (is_ahead or live))

    def sign(self, nonce: int, call: Call, carried: list[Batch]) -> Attempt:
        """Signs and stores. After a crash the same bytes are sent, never others.

        Raises:
            RevertedError: the call would revert now; nothing was signed.
        """
        limited = replace(call, gas=self._sender.gas(self.address, [call])[0])
        signed = self._sender.sign(self._operator, nonce, limited, self._sender.fees())
        now = self._clock.at()
        return self._journal.run(
            lambda connection: batches.store_attempt(
                connection,
                self.address,
                nonce,
                signed.raw,
                signed.hash,
                carried,
                now,
                self._clock.head.number,
            )
        )

    def broadcast(self, attempt: Attempt) -> None:
        told = self._sender.broadcast(attempt.raw)
        log.info("attempt sent nonce=%d answer=%s", attempt.nonce, told.value)

    def await_turn(self, take: Callable[[], bool], timeout_seconds: float) -> bool:
        """Calls ``take`` with ``turn`` held, now and whenever the account may have become free, until it says
        that it took it. False if it did not in time.
        """
        with self.turn:
            self.waiting += 1
            self.turn.notify_all()
            try:
                return self.turn.wait_for(take, timeout_seconds)
            finally:
                self.waiting -= 1

    def gives_way(self) -> bool:
        """Whether anchoring should leave this nonce to who waits: every other one, so neither starves."""
        self._gave_way = self.waiting > 0 and not self._gave_way
        return self._gave_way

"""The anchoring loop: close → sign → broadcast, each step durable before the next, each tick a comparison
with the index.

A tick acts on one recorded block, the index's cursor. While an attempt of the account may still be mined,
its stored bytes are sent again and nothing new is signed, so a batch is never in two transactions with
different nonces.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection
from dataclasses import dataclass, replace

import sqlalchemy as sa
from eth_account.signers.local import LocalAccount

from cityledger.anchoring.comparison import compare
from cityledger.anchoring.logs_of_node import adopt_new_logs
from cityledger.chain.clock import ChainClock
from cityledger.chain.contracts.record_ledger import RecordLedger
from cityledger.chain.sender import Sender
from cityledger.chain.structs import Batch as ChainBatch
from cityledger.errors import CityledgerError
from cityledger.store import batches, index, logs
from cityledger.store.batches import Attempt, Batch
from cityledger.store.database import Database
from cityledger.store.journal import Journal
from cityledger.types import Address, AgencyId, BlockRef

log = logging.getLogger(__name__)
ITEMS_PER_TRANSACTION = 200
"""Batches in one transaction: about 35,000 gas each, well inside a block of 30 M."""


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """A batch closes at ``max_leaves`` leaves or when its oldest leaf is ``max_age_seconds`` old."""

    max_age_seconds: float
    max_leaves: int


class Anchorer:
    """Anchors every log of one node with one account. ``wake`` after each block; ``run`` until told to
    stop.
    """

    def __init__(
        self,
        database: Database,
        journal: Journal,
        clock: ChainClock,
        sender: Sender,
        ledger: RecordLedger,
        operator: LocalAccount,
        hosted: Collection[AgencyId],
        limits: BatchLimits,
    ) -> None:
        self._database = database
        self._journal = journal
        self._clock = clock
        self._sender = sender
        self._ledger = ledger
        self._operator = operator
        self._account = Address(operator.address)
        self._hosted = hosted
        self._limits = limits
        self._wake = threading.Event()

    def wake(self, _block: BlockRef) -> None:
        """The index has moved: compare again."""
        self._wake.set()

    def run(self, stop: threading.Event, idle_seconds: float) -> None:
        """Ticks at each wake, at the latest every ``idle_seconds``, until ``stop`` is set; a failed tick is
        tried again.
        """
        while not stop.is_set():
            self._wake.wait(idle_seconds)
            self._wake.clear()
            try:
                self.tick()
            except CityledgerError as error:
                log.error("anchoring failed error=%s reason=%s", type(error).__name__, error)
            except Exception:
                log.exception("anchoring failed")

    def tick(self) -> None:
        """One comparison, and the one step that follows from it."""
        self._journal.run(self._close_due)
        with self._database.reading() as connection:
            cursor = index.find_cursor(connection)
        if cursor is None:
            return
        mined = self._sender.nonce(self._account, cursor.number)
        with self._database.reading() as connection:
            live = batches.list_attempts(connection, self._account, mined)
        if self._sender.nonce(self._account) > mined:
            return  # mined above the cursor: the indexer tells what became of it
        if live:
            self._broadcast(live[0])
        else:
            self._sign_next(mined)

    def _close_due(self, connection: sa.Connection) -> None:
        adopt_new_logs(connection, self._account, self._hosted)
        now = self._clock.at()
        for head in logs.list_heads(connection):
            if head.halted is None:
                batches.close_batch(
                    connection,
                    head.log,
                    now,
                    max_age=self._limits.max_age_seconds,
                    max_leaves=self._limits.max_leaves,
                )

    def _sign_next(self, nonce: int) -> None:
        pending = self._journal.run(self._compare_all)[:ITEMS_PER_TRANSACTION]
        if not pending:
            return
        call = self._ledger.anchor([ChainBatch(one.log, one.first, one.count, one.root) for one in pending])
        limited = replace(call, gas=self._sender.gas(self._account, [call])[0])
        signed = self._sender.sign(self._operator, nonce, limited, self._sender.fees())
        now = self._clock.at()
        # Durable before the first broadcast: after a crash the same bytes are sent, never others.
        attempt = self._journal.run(
            lambda connection: batches.store_attempt(
                connection, self._account, nonce, signed.raw, signed.hash, pending, now
            )
        )
        self._broadcast(attempt)

    def _compare_all(self, connection: sa.Connection) -> list[Batch]:
        pending: list[Batch] = []
        for head in logs.list_heads(connection):
            if head.halted is not None:
                continue
            found = compare(connection, head)
            if found.halt is not None:
                log.error("log halted log=%d reason=%s", head.log, found.halt)
                logs.halt(connection, head.log, found.halt)
            pending += found.pending
        return pending

    def _broadcast(self, attempt: Attempt) -> None:
        told = self._sender.broadcast(attempt.raw)
        log.info("attempt sent nonce=%d answer=%s", attempt.nonce, told.value)

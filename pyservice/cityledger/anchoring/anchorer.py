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
from dataclasses import dataclass

import sqlalchemy as sa
from eth_account.signers.local import LocalAccount

from cityledger.anchoring.comparison import compare
from cityledger.anchoring.logs_of_node import adopt_new_logs
from cityledger.anchoring.operator_account import OperatorAccount
from cityledger.chain.clock import ChainClock
from cityledger.chain.contracts.record_ledger import RecordLedger
from cityledger.chain.sender import Sender
from cityledger.chain.structs import Batch as ChainBatch
from cityledger.errors import CityledgerError
from cityledger.store import batches, logs
from cityledger.store.batches import Batch
from cityledger.store.database import Database
from cityledger.store.journal import Journal
from cityledger.types import AgencyId, BlockRef

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
        self.account = OperatorAccount(database, journal, clock, sender, operator)
        self._journal = journal
        self._clock = clock
        self._ledger = ledger
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
        with self.account.turn:
            self._take_turn()
            self.account.turn.notify_all()

    def _take_turn(self) -> None:
        standing = self.account.find_standing()
        if standing is None:
            return
        if standing.live is not None:
            self.account.broadcast(standing.live)
        elif standing.is_free and not self.account.gives_way():
            self._sign_next(standing.nonce)

    def _close_due(self, connection: sa.Connection) -> None:
        adopt_new_logs(connection, self.account.address, self._hosted)
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
        self.account.broadcast(self.account.sign(nonce, call, pending))

    def _compare_all(self, connection: sa.Connection) -> list[Batch]:
        pending: list[Batch] = []
        for head in logs.list_heads(connection):
            if head.halted is not None:
                continue
            found = compare(connection, head)
            if found.halt is not None:
                cause, detail = found.halt.cause, found.halt.detail
                log.error("log halted log=%d cause=%s detail=%s", head.log, cause.value, detail)
                logs.halt(connection, head.log, cause, detail)
            pending += found.pending
        return pending

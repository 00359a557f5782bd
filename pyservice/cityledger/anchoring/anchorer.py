"""The anchoring loop: close → sign → broadcast, each step durable before the next, each tick a comparison
with the index.

A tick acts on one recorded block, the index's cursor. While an attempt of the account may still be mined,
its stored bytes are sent again and nothing with another nonce is signed, so a batch is never in two
transactions with different nonces.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Mapping

import sqlalchemy as sa

from cityledger.anchoring.closing import BatchLimits, close_due, in_turns
from cityledger.anchoring.comparison import Comparison, compare, find_contradiction
from cityledger.anchoring.halts import Halt
from cityledger.anchoring.logs_of_node import adopt_new_logs, has_new_logs, list_foreign
from cityledger.anchoring.operator_account import FeeLimits, OperatorAccount, Standing
from cityledger.chain.clock import ChainClock
from cityledger.chain.contracts.record_ledger import Batch as ChainBatch
from cityledger.chain.contracts.record_ledger import RecordLedger
from cityledger.chain.sender import Sender
from cityledger.errors import CityledgerError
from cityledger.signing import Account
from cityledger.store import logs, node_state
from cityledger.store.batches import Batch
from cityledger.store.engine.database import Database
from cityledger.store.engine.journal import Journal
from cityledger.store.index.queries import find_cursor
from cityledger.types import Address, AgencyId, BlockRef, LogId

log = logging.getLogger(__name__)
ITEMS_PER_TRANSACTION = 200
"""Batches in one transaction: about 35,000 gas each, well inside a block of 30 M."""


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
        operator: Account,
        hosted: Collection[AgencyId],
        limits: BatchLimits,
        fees: FeeLimits | None = None,
        former: Collection[Address] = (),
    ) -> None:
        """``former`` are accounts that operated this node before; their logs wait to be handed over."""
        self.account = OperatorAccount(
            database, journal, clock, sender, operator, hosted, fees or FeeLimits()
        )
        self._database = database
        self._journal = journal
        self._clock = clock
        self._ledger = ledger
        self._hosted = hosted
        self._former = former
        self._limits = limits
        self._wake = threading.Event()
        self._told_foreign: set[LogId] = set()

    def wake(self, _block: BlockRef) -> None:
        """The index has moved: compare again."""
        self._wake.set()

    def run(
        self, stop: threading.Event, idle_seconds: float, leads: Callable[[], bool] = lambda: True
    ) -> None:
        """Ticks at each wake, at the latest every ``idle_seconds``, until ``stop`` is set; a failed tick is
        tried again. Anchors only while ``leads`` says that this process is the one of its node that does.
        """
        told = ""
        while not stop.is_set():
            self._wake.wait(idle_seconds)
            self._wake.clear()
            if stop.is_set():
                return
            told = self._try_tick(told) if leads() else self._let_others_look()

    def _try_tick(self, told: str) -> str:
        """The failure, "" if there was none. One that is the same as ``told`` is not logged again."""
        try:
            self.tick()
        except CityledgerError as error:
            if str(error) != told:
                log.error("anchoring failed error=%s reason=%s", type(error).__name__, error)
            return str(error)
        except Exception:
            log.exception("anchoring failed")
        return ""

    def _let_others_look(self) -> str:
        """Who waits in this process for the account looks whether the leading one has left it free."""
        with self.account.turn:
            self.account.turn.notify_all()
        return ""

    def tick(self) -> None:
        """One comparison, and the one step that follows from it. Nothing while the index is halted."""
        if not self._prepare():
            return
        self._halt_contradicted()
        if close_due(self._database, self._journal, self._hosted, self._limits, self._clock.at()):
            self._wake.set()
        with self.account.turn:
            self._take_turn()
            self.account.turn.notify_all()

    def _prepare(self) -> bool:
        """Adopts new logs. False where the index is halted: what it says must not be acted on."""
        with self._database.reading() as connection:
            if node_state.find_value(connection, node_state.INDEX_HALTED) is not None:
                return False
            has_new = has_new_logs(connection, self.account.address, self._hosted)
            self._tell_foreign(connection)
        if has_new:
            self._journal.run(lambda held: adopt_new_logs(held, self.account.address, self._hosted))
        return True

    def _tell_foreign(self, connection: sa.Connection) -> None:
        for one in list_foreign(connection, self.account.address, self._hosted):
            if one.log not in self._told_foreign:
                self._told_foreign.add(one.log)
                log.error(
                    "log not adopted log=%d next=%d reason=unknown-to-this-database", one.log, one.next_seq
                )

    def _halt_contradicted(self) -> None:
        """Before anything is asked of the account: what a log contradicts is the more telling cause."""
        with self._database.reading() as connection:
            found = {
                head.log: find_contradiction(connection, head, self.account.address, self._former)
                for head in logs.list_heads_of(connection, self._hosted)
                if head.halted is None
            }
        self._halt({number: halt for number, halt in found.items() if halt is not None})

    def _take_turn(self) -> None:
        standing = self.account.find_standing()
        if standing is None:
            return
        if standing.live:
            self.account.push(standing)
        elif standing.is_free and not self.account.gives_way():
            self._sign_next(standing)

    def _sign_next(self, standing: Standing) -> None:
        pending = self._list_pending(standing)
        if not pending:
            return
        call = self._ledger.anchor([ChainBatch(one.log, one.first, one.count, one.root) for one in pending])
        attempt = self.account.sign(standing, call, pending)
        if attempt is not None:
            self.account.broadcast(attempt)

    def _list_pending(self, standing: Standing) -> list[Batch]:
        """What the next transaction carries: the lowest batch of each log first, so that none waits for all
        of another.
        """
        found: dict[LogId, Comparison] = {}
        with self._database.reading() as connection:
            if find_cursor(connection) != standing.cursor:
                return []  # moved since the nonce was asked: the next tick sees both at one block
            for head in logs.list_heads_of(connection, self._hosted):
                if head.halted is None:
                    found[head.log] = compare(
                        connection, head, self.account.address, standing.nonce, self._former
                    )
        self._halt({number: one.halt for number, one in found.items() if one.halt is not None})
        waiting = [list(one.pending) for one in found.values() if one.pending]
        waiting.sort(key=lambda pending: pending[0].closed_at)  # or the last logs might never have a turn
        return list(in_turns(waiting))[:ITEMS_PER_TRANSACTION]

    def _halt(self, found: Mapping[LogId, Halt]) -> None:
        for number, halt in found.items():
            log.error("log halted log=%d cause=%s detail=%s", number, halt.cause, halt.detail)
        if found:
            self._journal.run(lambda connection: _store_halts(connection, found))


def _store_halts(connection: sa.Connection, found: Mapping[LogId, Halt]) -> None:
    for number, halt in found.items():
        logs.halt(connection, number, halt.cause, halt.detail)

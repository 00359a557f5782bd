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
from dataclasses import dataclass

import sqlalchemy as sa

from cityledger.anchoring.closing import BatchLimits, close_due, round_robin
from cityledger.anchoring.comparison import Comparison, compare, next_step
from cityledger.anchoring.halts import Halt
from cityledger.anchoring.logs_of_node import adopt_new_logs, has_new_logs, list_foreign
from cityledger.anchoring.operator_account import AccountPosition, FeeLimits, OperatorAccount
from cityledger.chain.clock import ChainClock
from cityledger.chain.contracts.record_ledger import Batch as ChainBatch
from cityledger.chain.contracts.record_ledger import RecordLedger
from cityledger.chain.sender import Sender
from cityledger.errors import CityledgerError
from cityledger.signing import Account
from cityledger.store import node_state
from cityledger.store.anchoring import logs
from cityledger.store.anchoring.batches import Batch
from cityledger.store.engine.database import Database
from cityledger.store.engine.journal import Journal
from cityledger.store.index.queries import find_cursor
from cityledger.types import Address, AgencyId, BlockRef, LogId

log = logging.getLogger(__name__)
ITEMS_PER_TRANSACTION = 200
"""Batches in one transaction: about 35,000 gas each, well inside a block of 30 M."""


@dataclass(frozen=True, slots=True)
class _Compared:
    """The logs that need not halt, compared at one cursor of the index."""

    cursor: BlockRef | None
    logs: tuple[Comparison, ...]


class Anchorer:
    """Anchors every log of one node with one account. ``wake`` after each block; ``run`` until ``stop`` is
    set.
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
        self._reported_foreign: set[LogId] = set()

    def wake(self, _block: BlockRef) -> None:
        """The index has moved: compare again."""
        self._wake.set()

    def run(
        self, stop: threading.Event, idle_seconds: float, is_leader: Callable[[], bool] = lambda: True
    ) -> None:
        """Ticks at each wake, at the latest every ``idle_seconds``, until ``stop`` is set; a failed tick is
        tried again. Anchors only while this process is the one of its node that does: ``is_leader()``.
        """
        last_failure = ""
        while not stop.is_set():
            self._wake.wait(idle_seconds)
            self._wake.clear()
            if stop.is_set():
                return
            last_failure = self._try_tick(last_failure) if is_leader() else self._notify_waiters()

    def _try_tick(self, last_failure: str) -> str:
        """The failure, "" if there was none. One that repeats ``last_failure`` is not logged again."""
        try:
            self.tick()
        except CityledgerError as error:
            if str(error) != last_failure:
                log.error("anchoring failed error=%s reason=%s", type(error).__name__, error)
            return str(error)
        except Exception:
            log.exception("anchoring failed")
        return ""

    def _notify_waiters(self) -> str:
        """Threads that wait for the account check whether the leading process has left it free."""
        with self.account.turn:
            self.account.turn.notify_all()
        return ""

    def tick(self) -> None:
        """One comparison, and the one step that follows from it. Nothing while the index is halted."""
        if not self._prepare():
            return
        # Before any request about the account: what contradicts a log is the more specific cause.
        compared = self._compare_logs()
        if close_due(self._database, self._journal, self._hosted, self._limits, self._clock.at()):
            self._wake.set()
        with self.account.turn:
            self._take_turn(compared)
            self.account.turn.notify_all()

    def _prepare(self) -> bool:
        """Adopts new logs. False where the index is halted: its state must not be acted on."""
        with self._database.reading() as connection:
            if node_state.find_value(connection, node_state.INDEX_HALTED) is not None:
                return False
            has_new = has_new_logs(connection, self.account.address, self._hosted)
            self._report_foreign(connection)
        if has_new:
            self._journal.run(
                lambda connection: adopt_new_logs(connection, self.account.address, self._hosted)
            )
        return True

    def _report_foreign(self, connection: sa.Connection) -> None:
        for foreign in list_foreign(connection, self.account.address, self._hosted):
            if foreign.log not in self._reported_foreign:
                self._reported_foreign.add(foreign.log)
                log.error(
                    "log not adopted log=%d next=%d reason=unknown-to-this-database",
                    foreign.log,
                    foreign.next_seq,
                )

    def _compare_logs(self) -> _Compared:
        """Compares each log that is not halted, and halts those that the chain contradicts or refuses."""
        with self._database.reading() as connection:
            cursor = find_cursor(connection)
            compared = [
                compare(connection, head, self.account.address, self._former)
                for head in logs.list_heads_of(connection, self._hosted)
                if head.halted is None
            ]
        self._halt({one.head.log: one.halt for one in compared if one.halt is not None})
        return _Compared(cursor, tuple(one for one in compared if one.halt is None))

    def _take_turn(self, compared: _Compared) -> None:
        position = self.account.find_position()
        if position is None:
            return
        if position.live:
            self.account.push(position)
        elif position.is_free and not self.account.yields_turn():
            self._sign_next(position, compared)

    def _sign_next(self, position: AccountPosition, compared: _Compared) -> None:
        pending = self._list_pending(position, compared)
        if not pending:
            return
        call = self._ledger.anchor([ChainBatch(one.log, one.first, one.count, one.root) for one in pending])
        attempt = self.account.sign(position, call, pending)
        if attempt is not None:
            self.account.broadcast(attempt)

    def _list_pending(self, position: AccountPosition, compared: _Compared) -> list[Batch]:
        """The batches of the next transaction: the lowest batch of each log first, so that none waits for all
        of another.
        """
        if compared.cursor != position.cursor:
            compared = self._compare_logs()  # the index moved while batches were closed
        with self._database.reading() as connection:
            if not find_cursor(connection) == compared.cursor == position.cursor:
                return []  # moved again: the next tick sees nonce and logs at one block
            halted = {head.log for head in logs.list_heads_of(connection, self._hosted) if head.halted}
            steps = {
                one.head.log: next_step(connection, one, self.account.address, position.nonce)
                for one in compared.logs
                if one.head.log not in halted
            }
        self._halt({number: step.halt for number, step in steps.items() if step.halt is not None})
        waiting = [list(step.pending) for step in steps.values() if step.pending]
        waiting.sort(key=lambda pending: pending[0].closed_at)  # or the last logs might never have a turn
        return list(round_robin(waiting))[:ITEMS_PER_TRANSACTION]

    def _halt(self, halts: Mapping[LogId, Halt]) -> None:
        for number, halt in halts.items():
            log.error("log halted log=%d cause=%s detail=%s", number, halt.cause, halt.detail)
        if halts:
            self._journal.run(lambda connection: _store_halts(connection, halts))


def _store_halts(connection: sa.Connection, halts: Mapping[LogId, Halt]) -> None:
    for number, halt in halts.items():
        logs.halt(connection, number, halt.cause, halt.detail)

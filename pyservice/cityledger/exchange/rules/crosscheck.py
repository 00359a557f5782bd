"""Checks that the contract decides as this node did: a share of the permits, in the background.

Both executors are tested to be equal; this finds what no test did. A mismatch stops all reads, also after a
restart, until an operator has checked it: a node that decides otherwise than the contract must not decide.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from cityledger.errors import ChainError, UnavailableError
from cityledger.store import node_state
from cityledger.store.engine.database import Database
from cityledger.store.engine.journal import Journal
from cityledger.types import Address, BlockRef, Decision, Query

log = logging.getLogger(__name__)
READS_STOPPED = "reads_stopped"
_WAITING_LIMIT = 1_000
"""Permits that may wait to be checked; more stay unchecked, so that reads are not slowed down."""

Ask = Callable[[Address, Sequence[Query], BlockRef], Sequence[Decision]]
"""``ask(policy contract, queries, block)`` → the contract's decisions at that block."""


@dataclass(frozen=True, slots=True)
class Permitted:
    """Permits, with the block of the decision."""

    policy: Address
    block: BlockRef
    queries: tuple[Query, ...]
    decisions: tuple[Decision, ...]


class CrossCheck:
    """``share`` is the part of the permits to check, 0 to 1; ``random_unit`` returns a float in [0, 1)."""

    def __init__(
        self,
        database: Database,
        journal: Journal,
        ask: Ask,
        *,
        share: float,
        random_unit: Callable[[], float],
    ) -> None:
        self._database = database
        self._journal = journal
        self._ask = ask
        self._share = share
        self._random_unit = random_unit
        self._waiting: queue.Queue[Permitted] = queue.Queue(_WAITING_LIMIT)
        self._stopped: str | None = None
        self._is_stored = False
        """Whether the reason is in the database, for other processes and for this one after a restart."""

    def verify_agreed(self) -> None:
        """Refuses once a process of this node found a mismatch.

        Raises:
            UnavailableError: contract and index disagree; an operator must check.
        """
        with self._database.reading() as connection:
            self.verify_agreed_within(connection)

    def verify_agreed_within(self, connection: sa.Connection) -> None:
        """As ``verify_agreed``, inside a transaction that is open already."""
        # Our own finding counts even where it could not be written; another process's is in the database.
        stopped = self._stopped or node_state.find_value(connection, READS_STOPPED)
        if stopped is not None:
            raise UnavailableError(f"reads are stopped: {stopped}")

    def consider(self, permitted: Permitted) -> None:
        """Selects a share of the permits for checking. Never waits."""
        if self._random_unit() < self._share:
            try:
                self._waiting.put_nowait(permitted)
            except queue.Full:
                log.warning("permit not cross-checked reason=too-many-waiting")

    def run(self, stop: threading.Event) -> None:
        """Checks what was selected until ``stop`` is set. No failure ends it."""
        while not stop.is_set():
            try:
                self._store_reason()
                self.check(self._waiting.get(timeout=0.2))
            except queue.Empty:
                continue
            except Exception as error:
                log.error("cross-check failed error=%s", type(error).__name__)
                stop.wait(0.2)

    def check(self, permitted: Permitted) -> None:
        """Compares with the contract at the same block, and stops the reads if it decided otherwise."""
        try:
            theirs = tuple(self._ask(permitted.policy, permitted.queries, permitted.block))
        except (ChainError, UnavailableError) as error:
            # The block may be orphaned by now, and its state gone; that is not a mismatch.
            log.warning("permit not cross-checked reason=%s", type(error).__name__)
            return
        if theirs != permitted.decisions:
            self._stop(f"contract and index disagreed at block {permitted.block.number}")

    def _stop(self, why: str) -> None:
        log.critical("reads stopped reason=%s", why)
        self._stopped, self._is_stored = why, False
        self._store_reason()

    def _store_reason(self) -> None:
        """Stores the reason why reads are stopped; a full disk must not let the next start forget it."""
        why = self._stopped
        if why is None or self._is_stored:
            return
        self._journal.run(lambda connection: node_state.put_value(connection, READS_STOPPED, why))
        self._is_stored = True

"""The node's one account on chain: one transaction at a time, each durable before it is sent, replaced by one
with a higher fee when it is not mined.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from cityledger.anchoring.halts import Halt
from cityledger.anchoring.nonce_watch import NonceWatch
from cityledger.chain.clock import ChainClock
from cityledger.chain.sender import Sender
from cityledger.chain.transactions import Broadcast, Call, Fees, SignedTransaction
from cityledger.signing import Account
from cityledger.store import node_state
from cityledger.store.anchoring import attempts, logs, operator_accounts
from cityledger.store.anchoring.attempts import Attempt, Signed
from cityledger.store.anchoring.batches import Batch
from cityledger.store.anchoring.operator_accounts import AccountState
from cityledger.store.engine.database import Database
from cityledger.store.engine.journal import Journal
from cityledger.store.index.queries import find_cursor
from cityledger.types import Address, AgencyId, BlockRef

log = logging.getLogger(__name__)
_GWEI = 10**9


@dataclass(frozen=True, slots=True)
class FeeLimits:
    """The highest fee per gas, in wei, and the time without being mined after which more is offered."""

    max_fee: int = 500 * _GWEI
    bump_after_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class AccountPosition:
    """The account at the index's cursor. ``live`` are the attempts that may still be mined, each nonce's
    newest, in the order in which they have to be mined.
    """

    cursor: BlockRef
    nonce: int
    live: tuple[Attempt, ...]
    is_free: bool
    """Whether the next transaction may be signed, with ``nonce``."""


@dataclass(frozen=True, slots=True)
class _Stored:
    """The account in the database, in one snapshot."""

    cursor: BlockRef | None
    is_index_halted: bool
    state: AccountState | None
    signed_end: int
    used_block: int


class OperatorAccount:
    """Hands out the account's nonces. Hold ``turn`` from ``find_position`` until the attempt is stored: of
    two transactions with one nonce only one is mined.
    """

    def __init__(
        self,
        database: Database,
        journal: Journal,
        clock: ChainClock,
        sender: Sender,
        operator: Account,
        hosted: Collection[AgencyId],
        limits: FeeLimits,
    ) -> None:
        self.address = Address(operator.address)
        self.turn = threading.Condition()
        self._database = database
        self._journal = journal
        self._clock = clock
        self._sender = sender
        self._operator = operator
        self._hosted = hosted
        self._limits = limits
        self._watch = NonceWatch(database, sender, self.address)
        self.waiting = 0
        """The number of threads that await their turn; read and changed with ``turn`` held."""
        self._yielded = False
        self._accepted: dict[bytes, float] = {}
        """Monotonic seconds at which an endpoint first accepted the transaction from this process."""
        self.waits_at_cap = False
        """Whether a transaction needed a higher fee than the limit allows, when this process last sent."""

    # --- its position ---------------------------------------------------------------------------------------

    def find_position(self) -> AccountPosition | None:
        """None while nothing may be done: before the first indexed block, at a lower block than one that was
        acted on, while account or index are halted, or while nonces are not accounted for.
        """
        stored = self._load()
        cursor = stored.cursor
        if cursor is None or stored.is_index_halted or cursor.number < stored.used_block:
            return None
        # By hash: an endpoint without the cursor's block refuses, instead of answering for another.
        mined, newest = self._sender.nonce(self.address, cursor), self._sender.nonce(self.address)
        if stored.state is None:
            if newest == mined:
                self._begin(mined)
            return None
        if stored.state.halted is not None:
            return None
        return self._position(cursor, stored.state.first_nonce, stored.signed_end, mined, newest)

    def _position(
        self, cursor: BlockRef, first: int, signed_end: int, mined: int, newest: int
    ) -> AccountPosition | None:
        signed_end = max(first, signed_end)
        are_ours, halt = self._watch.check(first, signed_end, mined, cursor)
        if halt is not None:
            self._halt(halt)
            return None
        if mined > signed_end:
            return None
        # Mined above the cursor: the indexer is about to reach the outcome.
        live = self._live(max(mined, newest))
        is_free = are_ours and newest <= mined == signed_end
        return AccountPosition(cursor, mined, live, is_free)

    def _live(self, from_nonce: int) -> tuple[Attempt, ...]:
        with self._database.reading() as connection:
            stored = attempts.list_attempts(connection, self.address, from_nonce)
        newest = {one.nonce: one for one in reversed(stored)}
        return tuple(newest[nonce] for nonce in sorted(newest))

    def _load(self) -> _Stored:
        with self._database.reading() as connection:
            is_index_halted = node_state.find_value(connection, node_state.INDEX_HALTED) is not None
            state = operator_accounts.find_state(connection, self.address)
            signed_end, used_block = attempts.find_end(connection, self.address)
            return _Stored(find_cursor(connection), is_index_halted, state, signed_end, used_block)

    def _begin(self, mined: int) -> None:
        """Counts from here: what the account did before is irrelevant."""
        self._journal.run(lambda connection: operator_accounts.begin_at(connection, self.address, mined))
        log.info("account in use account=%s first_nonce=%d", self.address, mined)

    def _halt(self, halt: Halt) -> None:
        log.error("account halted account=%s cause=%s detail=%s", self.address, halt.cause, halt.detail)
        self._journal.run(lambda connection: _halt_all(connection, self.address, self._hosted, halt))

    # --- the first transaction with a nonce -----------------------------------------------------------------

    def sign(self, position: AccountPosition, call: Call, carried: list[Batch]) -> Attempt | None:
        """Signs and stores. After a crash the same bytes are sent, never others. None if another process of
        this node has used the nonce.

        Raises:
            RevertedError: the call would revert now; nothing was signed.
        """
        limited = replace(call, gas=self._sender.gas(self.address, [call])[0])
        fees = self._sender.fees().capped(self._limits.max_fee)
        made = self._sender.sign(self._operator, position.nonce, limited, fees)
        signed = self._signed(made, position.cursor)
        return self._try_store(
            lambda connection: attempts.store_first(connection, self.address, position.nonce, signed, carried)
        )

    def _signed(self, made: SignedTransaction, cursor: BlockRef) -> Signed:
        return Signed(made.raw, made.hash, self._clock.at(), cursor.number)

    def _try_store(self, store: Callable[[sa.Connection], Attempt]) -> Attempt | None:
        try:
            return self._journal.run(store)
        except IntegrityError:
            log.info("nonce used by another process of this node account=%s", self.address)
            return None

    # --- until it is mined ----------------------------------------------------------------------------------

    def push(self, position: AccountPosition) -> None:
        """Sends all that is not mined, lowest nonce first; replaces those whose fee is below the market's."""
        waits = False
        for place, attempt in enumerate(position.live):
            outcome = self.broadcast(attempt)
            # Only the lowest can have waited for its fee alone; the others wait for the lowest.
            is_late = place == 0 and self._is_late(attempt, outcome, position.cursor)
            if outcome is Broadcast.UNDERPRICED or is_late:
                waits |= not self._is_replaced(attempt, position.cursor)
        self.waits_at_cap = waits

    def broadcast(self, attempt: Attempt) -> Broadcast:
        """Sends the attempt's bytes; may be called again with the same attempt."""
        outcome = self._sender.broadcast(attempt.raw)
        if outcome in (Broadcast.ACCEPTED, Broadcast.ALREADY_KNOWN):
            self._accepted.setdefault(attempt.tx_hash, self._clock.monotonic())
        log.info(
            "attempt sent nonce=%d replacement=%d answer=%s",
            attempt.nonce,
            attempt.replacement,
            outcome.value,
        )
        return outcome

    def _is_late(self, attempt: Attempt, outcome: Broadcast, cursor: BlockRef) -> bool:
        """Whether blocks were mined without it for ``bump_after_seconds``, though the pool had it."""
        if cursor.number <= attempt.at_block or outcome is Broadcast.NONCE_TOO_LOW:
            return False
        after = self._limits.bump_after_seconds
        is_old = self._clock.at() - attempt.signed_at >= after
        if outcome is Broadcast.ALREADY_KNOWN:
            return is_old
        in_pool = self._clock.monotonic() - self._accepted.get(attempt.tx_hash, self._clock.monotonic())
        return is_old and in_pool >= after

    def _is_replaced(self, attempt: Attempt, cursor: BlockRef) -> bool:
        """Signs the call of ``attempt`` with a higher fee. False, and nothing signed, where that would exceed
        the limit and it has to wait.
        """
        former = self._sender.read(attempt.raw)
        fees = former.fees.replacing(self._sender.fees(), self._limits.max_fee)
        if fees is None:
            self._report_cap(attempt, former.fees)
            return False
        signed = self._signed(self._sender.sign(self._operator, former.nonce, former.call, fees), cursor)
        stored = self._try_store(lambda connection: attempts.store_replacement(connection, attempt, signed))
        if stored is not None:
            log.info("attempt replaced nonce=%d max_fee_wei=%d", stored.nonce, fees.max_fee)
            self._accepted.pop(attempt.tx_hash, None)
            self.broadcast(stored)
        return True

    def _report_cap(self, attempt: Attempt, fees: Fees) -> None:
        log.warning(
            "attempt waits nonce=%d max_fee_wei=%d limit_wei=%d next=raise max_fee_gwei or wait",
            attempt.nonce,
            fees.max_fee,
            self._limits.max_fee,
        )

    def hashes_of(self, nonce: int) -> list[bytes]:
        """The hashes of all transactions with this nonce: any of them may be the one that is mined."""
        with self._database.reading() as connection:
            return attempts.list_hashes(connection, self.address, nonce)

    # --- taking turns ---------------------------------------------------------------------------------------

    def await_turn(self, take: Callable[[], bool], timeout_seconds: float) -> bool:
        """Calls ``take`` with ``turn`` held, now and whenever the account may have become free, until it
        returns True: it used its turn. False if it did not in time.
        """
        with self.turn:
            self.waiting += 1
            self.turn.notify_all()
            try:
                return self.turn.wait_for(take, timeout_seconds)
            finally:
                self.waiting -= 1

    def yields_turn(self) -> bool:
        """Whether anchoring should leave this nonce to a waiting thread: every other one, so none starves."""
        self._yielded = self.waiting > 0 and not self._yielded
        return self._yielded


def _halt_all(connection: sa.Connection, account: Address, hosted: Collection[AgencyId], halt: Halt) -> None:
    """The account, and each log of its node that is not halted for a cause of its own."""
    operator_accounts.halt(connection, account, halt.cause, halt.detail)
    for head in logs.list_heads_of(connection, hosted):
        if head.halted is None:
            logs.halt(connection, head.log, halt.cause, halt.detail)

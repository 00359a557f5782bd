"""Lets a halted log go on, if what it was halted for is over: asked of the chain itself, not of the index, so
that a node need not run.
"""

from __future__ import annotations

from dataclasses import dataclass

from cityledger.anchoring.halts import Halt
from cityledger.chain.contracts.record_ledger import Log, RecordLedger
from cityledger.chain.sender import Sender
from cityledger.errors import NotFoundError
from cityledger.proofs.verify import batch_word
from cityledger.store import attempts, batches, logs, operator_accounts
from cityledger.store.batches import Batch
from cityledger.store.engine.database import Database
from cityledger.store.logs import LogHead
from cityledger.store.operator_accounts import AccountState
from cityledger.types import Address, AgencyId, HaltCause, LogId


@dataclass(frozen=True, slots=True)
class _Held:
    """What the database holds of a log and of the account, in one snapshot."""

    head: LogHead
    heads: list[LogHead]
    account: AccountState | None
    signed_end: int


@dataclass(frozen=True, slots=True)
class Resumed:
    """``still`` is why the log stays halted, None if it goes on; ``logs`` are all that go on."""

    still: Halt | None = None
    logs: tuple[LogId, ...] = ()


class LogResumer:
    """Compares again, and resumes. A running node sees it at its next tick."""

    def __init__(self, database: Database, ledger: RecordLedger, sender: Sender, operator: Address) -> None:
        self._database = database
        self._ledger = ledger
        self._sender = sender
        self._operator = operator

    def resume(self, log: LogId, *, new_baseline: bool = False) -> Resumed:
        """Resumes a log, and with it those that were halted for the same account's sake. ``new_baseline``
        counts the account's nonces from what the chain holds now.

        Raises:
            NotFoundError: this node does not write the log.
        """
        held = self._load(log)
        if held.head.halted is None:
            return Resumed()
        mined = self._sender.nonce(self._operator)
        still = self._account_halt(held, mined, new_baseline) or self._halt_of(held.head)
        if still is not None:
            return Resumed(still)
        fit = [one.log for one in self._with_same_account(held) if self._halt_of(one) is None]
        with self._database.writing() as connection:
            if new_baseline:
                operator_accounts.begin_at(connection, self._operator, mined)
            for one in fit:
                logs.resume(connection, one, mined)
        return Resumed(logs=tuple(fit))

    def agency_of(self, log: LogId) -> AgencyId:
        """Whose log it is.

        Raises:
            NotFoundError: this node does not write the log.
        """
        return self._load(log).head.agency

    def _load(self, log: LogId) -> _Held:
        with self._database.reading() as connection:
            heads = logs.list_heads(connection)
            head = next((one for one in heads if one.log == log), None)
            if head is None:
                raise NotFoundError(f"log of this node: {log}")
            account = operator_accounts.find_state(connection, self._operator)
            return _Held(head, heads, account, attempts.find_end(connection, self._operator)[0])

    def _account_halt(self, held: _Held, mined: int, new_baseline: bool) -> Halt | None:
        if new_baseline or held.account is None:
            return None
        if held.account.halted is not None:
            return Halt(held.account.halted, held.account.halt_detail or "")
        known = max(held.account.first_nonce, held.signed_end)
        if mined <= known:
            return None
        told = f"{self._operator} has used {mined} nonces, this database knows of {known}"
        return Halt(HaltCause.ACCOUNT_USED_ELSEWHERE, told)

    def _with_same_account(self, held: _Held) -> list[LogHead]:
        others = [
            one
            for one in held.heads
            if one.halted is HaltCause.ACCOUNT_USED_ELSEWHERE and one.log != held.head.log
        ]
        return [held.head, *others]

    def _halt_of(self, head: LogHead) -> Halt | None:
        """Why the log cannot go on, by what the chain holds now."""
        chain = self._ledger.find_log(head.log, "latest")
        if chain is None:
            return Halt(HaltCause.REFUSED_OTHER, "the chain has no such log")
        return self._contradiction(head, chain) or _refusal(chain, self._operator)

    def _contradiction(self, head: LogHead, chain: Log) -> Halt | None:
        if chain.next > head.next_seq:
            told = f"the chain holds {chain.next} leaves, the store only {head.next_seq}"
            return Halt(HaltCause.CHAIN_AHEAD, told)
        if chain.next == 0:
            return None
        ours = self._last_batch(head, chain.next)
        if ours is None or ours.end != chain.next:
            told = f"the chain's batch that ends before {chain.next} is not one of the store's"
            return Halt(HaltCause.OTHER_ROOT, told)
        if self._ledger.find_batch(head.log, ours.first, "latest") != batch_word(ours.root, ours.count):
            return Halt(HaltCause.OTHER_ROOT, f"the chain holds another root for the batch at {ours.first}")
        with self._database.reading() as connection:
            displaced = batches.find_displaced(connection, head.log, chain.next)
        told = f"the chain holds another batch at {displaced}"
        return None if displaced is None else Halt(HaltCause.OTHER_ROOT, told)

    def _last_batch(self, head: LogHead, chain_next: int) -> Batch | None:
        with self._database.reading() as connection:
            return batches.find_batch_of(connection, head.log, chain_next - 1)


def _refusal(chain: Log, operator: Address) -> Halt | None:
    if chain.closed:
        return Halt(HaltCause.REFUSED_CLOSED, f"closed on chain at {chain.next} leaves")
    if chain.operator != operator:
        return Halt(HaltCause.REFUSED_OPERATOR, f"its operator on chain is {chain.operator}, not {operator}")
    return None

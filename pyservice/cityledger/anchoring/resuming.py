"""Resumes a halted log if the cause of its halt is gone, as read from the chain itself and not from the
index, so that a node need not run.
"""

from __future__ import annotations

from dataclasses import dataclass

from cityledger.anchoring.halts import Halt
from cityledger.chain.contracts.record_ledger import Log, RecordLedger
from cityledger.chain.sender import Sender
from cityledger.errors import NotFoundError
from cityledger.proofs.verify import batch_word
from cityledger.store.anchoring import attempts, batches, logs, operator_accounts
from cityledger.store.anchoring.batches import Batch
from cityledger.store.anchoring.logs import LogHead
from cityledger.store.anchoring.operator_accounts import AccountState
from cityledger.store.engine.database import Database
from cityledger.types import Address, AgencyId, HaltCause, LogId


@dataclass(frozen=True, slots=True)
class _Stored:
    """A log and the account in the database, in one snapshot."""

    head: LogHead
    heads: list[LogHead]
    account: AccountState | None
    signed_end: int


@dataclass(frozen=True, slots=True)
class Resumed:
    """``halt`` is the reason why the log stays halted, None if it resumes; ``logs`` are all that resume."""

    halt: Halt | None = None
    logs: tuple[LogId, ...] = ()


class LogResumer:
    """Compares again, and resumes. A running node sees it at its next tick."""

    def __init__(self, database: Database, ledger: RecordLedger, sender: Sender, operator: Address) -> None:
        self._database = database
        self._ledger = ledger
        self._sender = sender
        self._operator = operator

    def resume(self, log: LogId, *, new_baseline: bool = False) -> Resumed:
        """Resumes a log, and with it those that were halted because of the same account. ``new_baseline``
        counts the account's nonces from what the chain holds now.

        Raises:
            NotFoundError: this node does not write the log.
        """
        stored = self._load(log)
        if stored.head.halted is None:
            return Resumed()
        mined = self._sender.nonce(self._operator)
        halt = self._account_halt(stored, mined, new_baseline) or self._halt_of(stored.head)
        if halt is not None:
            return Resumed(halt)
        fit = [one.log for one in self._with_same_account(stored) if self._halt_of(one) is None]
        with self._database.writing() as connection:
            if new_baseline:
                operator_accounts.begin_at(connection, self._operator, mined)
            for one in fit:
                logs.resume(connection, one, mined)
        return Resumed(logs=tuple(fit))

    def agency_of(self, log: LogId) -> AgencyId:
        """The agency of the log.

        Raises:
            NotFoundError: this node does not write the log.
        """
        return self._load(log).head.agency

    def _load(self, log: LogId) -> _Stored:
        with self._database.reading() as connection:
            heads = logs.list_heads(connection)
            head = next((one for one in heads if one.log == log), None)
            if head is None:
                raise NotFoundError(f"log of this node: {log}")
            account = operator_accounts.find_state(connection, self._operator)
            return _Stored(head, heads, account, attempts.find_end(connection, self._operator)[0])

    def _account_halt(self, stored: _Stored, mined: int, new_baseline: bool) -> Halt | None:
        if new_baseline or stored.account is None:
            return None
        if stored.account.halted is not None:
            return Halt(stored.account.halted, stored.account.halt_detail or "")
        known = max(stored.account.first_nonce, stored.signed_end)
        if mined <= known:
            return None
        detail = f"{self._operator} has used {mined} nonces, this database knows of {known}"
        return Halt(HaltCause.ACCOUNT_USED_ELSEWHERE, detail)

    def _with_same_account(self, stored: _Stored) -> list[LogHead]:
        others = [
            one
            for one in stored.heads
            if one.halted is HaltCause.ACCOUNT_USED_ELSEWHERE and one.log != stored.head.log
        ]
        return [stored.head, *others]

    def _halt_of(self, head: LogHead) -> Halt | None:
        """The reason why the log cannot resume, by the chain's present state."""
        chain = self._ledger.find_log(head.log, "latest")
        if chain is None:
            return Halt(HaltCause.REFUSED_OTHER, "the chain has no such log")
        return self._contradiction(head, chain) or _refusal(chain, self._operator)

    def _contradiction(self, head: LogHead, chain: Log) -> Halt | None:
        if chain.next > head.next_seq:
            detail = f"the chain holds {chain.next} leaves, the store only {head.next_seq}"
            return Halt(HaltCause.CHAIN_AHEAD, detail)
        if chain.next == 0:
            return None
        ours = self._last_batch(head, chain.next)
        if ours is None or ours.end != chain.next:
            detail = f"the chain's batch that ends before {chain.next} is not one of the store's"
            return Halt(HaltCause.OTHER_ROOT, detail)
        if self._ledger.find_batch(head.log, ours.first, "latest") != batch_word(ours.root, ours.count):
            return Halt(HaltCause.OTHER_ROOT, f"the chain holds another root for the batch at {ours.first}")
        with self._database.reading() as connection:
            displaced = batches.find_displaced(connection, head.log, chain.next)
        detail = f"the chain holds another batch at {displaced}"
        return None if displaced is None else Halt(HaltCause.OTHER_ROOT, detail)

    def _last_batch(self, head: LogHead, chain_next: int) -> Batch | None:
        with self._database.reading() as connection:
            return batches.find_batch_of(connection, head.log, chain_next - 1)


def _refusal(chain: Log, operator: Address) -> Halt | None:
    if chain.closed:
        return Halt(HaltCause.REFUSED_CLOSED, f"closed on chain at {chain.next} leaves")
    if chain.operator != operator:
        return Halt(HaltCause.REFUSED_OPERATOR, f"its operator on chain is {chain.operator}, not {operator}")
    return None

"""RecordLedger and a sender in memory, over a ``MemoryChain``: an honest fake of what anchoring talks to."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Sequence
from dataclasses import dataclass, field

from cityledger.chain import events as e
from cityledger.chain.sender import Broadcast, Call, Fees, SignedTransaction
from cityledger.chain.structs import Batch, SkipReason
from cityledger.errors import ChainUnavailableError
from cityledger.types import Address, AgencyId, LogId, LogKind
from memory_chain import MemoryChain

OPERATOR = Address("0x" + "33" * 20)


@dataclass
class _Log:
    operator: Address
    next: int = 0
    closed: bool = False


@dataclass
class MemoryLedger:
    """Takes raw transactions, mines them in nonce order, and answers as the contract would."""

    chain: MemoryChain
    logs: dict[LogId, _Log] = field(default_factory=dict)
    pool: dict[int, bytes] = field(default_factory=dict)
    mined_at: list[int] = field(default_factory=list)
    """Block number of each mined nonce."""
    broadcasts: list[bytes] = field(default_factory=list)
    is_reachable: bool = True
    loses_answers: bool = False

    def open_log(self, log: int, agency: int, kind: LogKind) -> None:
        self.logs[LogId(log)] = _Log(OPERATOR)
        self.chain.mine(e.LogOpened(LogId(log), AgencyId(agency), kind, OPERATOR, LogId(0)))

    def mine(self) -> None:
        """Mines what waits, into one block."""
        events: list[e.Event] = []
        transactions: list[bytes] = []
        while (raw := self.pool.pop(len(self.mined_at), None)) is not None:
            _nonce, batches = pickle.loads(raw)  # noqa: S301 - made by this fake
            self.mined_at.append(len(self.chain.blocks))
            events += [self._anchor(batch) for batch in batches]
            transactions += [hashlib.sha256(raw).digest()] * len(batches)
        self.chain.mine(*events, transactions=transactions)

    def _anchor(self, batch: Batch) -> e.Event:
        log = self.logs.get(batch.log)
        reason = _reason(log, batch)
        if log is None or reason is not None:
            held = 0 if log is None else log.next
            return e.Skipped(batch.log, batch.first, held, reason or SkipReason.UNKNOWN_LOG)
        log.next += batch.count
        return e.BatchAnchored(batch.log, batch.first, batch.count, batch.root)

    # --- as RecordLedger ---

    def anchor(self, batches: Sequence[Batch]) -> Call:
        return Call(None, pickle.dumps(list(batches)), "RecordLedger.anchor")

    # --- as Sender ---

    def nonce(self, _account: Address, at: int | str = "latest") -> int:
        last = len(self.chain.blocks) - 1 if at == "latest" else int(at)
        return sum(block <= last for block in self.mined_at)

    def gas(self, _account: Address, calls: Sequence[Call]) -> list[int]:
        return [1 for _ in calls]

    def fees(self) -> Fees:
        return Fees(1, 1)

    def sign(self, _account: object, nonce: int, call: Call, _fees: Fees) -> SignedTransaction:
        raw = pickle.dumps((nonce, pickle.loads(call.data)))  # noqa: S301 - made by this fake
        return SignedTransaction(raw, hashlib.sha256(raw).digest(), nonce)

    def broadcast(self, raw: bytes) -> Broadcast:
        if not self.is_reachable:
            raise ChainUnavailableError("no answer")
        self.broadcasts.append(raw)
        nonce = pickle.loads(raw)[0]  # noqa: S301 - made by this fake
        if nonce < len(self.mined_at):
            return Broadcast.NONCE_TOO_LOW
        is_known = self.pool.get(nonce) == raw
        self.pool.setdefault(nonce, raw)
        if self.loses_answers:
            raise ChainUnavailableError("the answer was lost")
        return Broadcast.ALREADY_KNOWN if is_known else Broadcast.ACCEPTED


def _reason(log: _Log | None, batch: Batch) -> SkipReason | None:
    if log is None:
        return SkipReason.UNKNOWN_LOG
    if log.closed:
        return SkipReason.LOG_CLOSED
    if log.operator != OPERATOR:
        return SkipReason.NOT_OPERATOR
    return None if batch.first == log.next else SkipReason.WRONG_FIRST

"""RecordLedger and a sender in memory, over a ``MemoryChain``: an honest fake of what anchoring talks to."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Sequence
from dataclasses import dataclass, field

from cityledger.chain import events as e
from cityledger.chain.sender import Broadcast, Call, Fees, Receipt, SignedTransaction
from cityledger.chain.structs import Batch, Inclusion, SkipReason
from cityledger.errors import ChainUnavailableError, RevertedError
from cityledger.proofs.leaves import RecordLeaf, leaf_hash
from cityledger.types import (
    ZERO32,
    Address,
    AgencyId,
    DatasetId,
    LeafHash,
    LogId,
    LogKind,
    RecordId,
)
from memory_chain import MemoryChain

OPERATOR = Address("0x" + "33" * 20)


@dataclass
class _Log:
    operator: Address
    next: int = 0
    closed: bool = False


@dataclass(frozen=True)
class _Move:
    leaf: RecordLeaf
    expected: LeafHash | None


@dataclass
class MemoryLedger:
    """Takes raw transactions, mines them in nonce order, and answers as the contract would."""

    chain: MemoryChain
    logs: dict[LogId, _Log] = field(default_factory=dict)
    pool: dict[int, bytes] = field(default_factory=dict)
    mined_at: list[int] = field(default_factory=list)
    """Block number of each mined nonce."""
    broadcasts: list[bytes] = field(default_factory=list)
    heads: dict[tuple[DatasetId, RecordId], LeafHash] = field(default_factory=dict)
    reverted: list[_Move] = field(default_factory=list)
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
            _nonce, called = pickle.loads(raw)  # noqa: S301 - made by this fake
            self.mined_at.append(len(self.chain.blocks))
            made = [self._move(called)] if isinstance(called, _Move) else map(self._anchor, called)
            made = [event for event in made if event is not None]
            events += made
            transactions += [hashlib.sha256(raw).digest()] * len(made)
        self.chain.mine(*events, transactions=transactions)

    def _anchor(self, batch: Batch) -> e.Event:
        log = self.logs.get(batch.log)
        reason = _reason(log, batch)
        if log is None or reason is not None:
            held = 0 if log is None else log.next
            return e.Skipped(batch.log, batch.first, held, reason or SkipReason.UNKNOWN_LOG)
        log.next += batch.count
        return e.BatchAnchored(batch.log, batch.first, batch.count, batch.root)

    def _move(self, move: _Move) -> e.Event | None:
        leaf, hashed = move.leaf, leaf_hash(move.leaf.struct_hash())
        held = self.heads.get((leaf.dataset, leaf.record))
        if held != move.expected:
            self.reverted.append(move)
            return None
        self.heads[leaf.dataset, leaf.record] = hashed
        return e.HeadMoved(leaf.dataset, leaf.record, hashed, held or LeafHash(ZERO32), leaf.version)

    # --- as RecordLedger ---

    def move_head(self, leaf: RecordLeaf, _inclusion: Inclusion, expected: LeafHash | None) -> Call:
        return Call(None, pickle.dumps(_Move(leaf, expected)), "RecordLedger.moveHead")

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

    def wait(self, signed: Sequence[SignedTransaction]) -> list[Receipt]:
        """Lets the chain mine until all are mined."""
        while any(one.nonce >= len(self.mined_at) for one in signed):
            self.mine()
        return [_receipt(one.hash, self.mined_at[one.nonce]) for one in signed]

    def verify_succeeded(self, _sender: Address, call: Call, _receipt: Receipt) -> None:
        if pickle.loads(call.data) in self.reverted:  # noqa: S301 - made by this fake
            raise RevertedError("RecordLedgerHeadMoved", {})


def _receipt(transaction: bytes, block: int) -> Receipt:
    return Receipt(transaction, block, bytes(32), True, 1, None, ())


def _reason(log: _Log | None, batch: Batch) -> SkipReason | None:
    if log is None:
        return SkipReason.UNKNOWN_LOG
    if log.closed:
        return SkipReason.LOG_CLOSED
    if log.operator != OPERATOR:
        return SkipReason.NOT_OPERATOR
    return None if batch.first == log.next else SkipReason.WRONG_FIRST

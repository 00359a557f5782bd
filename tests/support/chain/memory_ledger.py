"""RecordLedger and a sender in memory, over a ``MemoryChain``: an honest fake of what anchoring talks to."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field

from cityledger.chain.contracts import Event
from cityledger.chain.contracts.record_ledger import (
    Batch,
    BatchAnchored,
    HeadMoved,
    Inclusion,
    Log,
    LogClosed,
    LogOpened,
    OperatorSet,
    Skipped,
    SkipReason,
)
from cityledger.chain.rpc.endpoint import At
from cityledger.chain.transactions import (
    Broadcast,
    Call,
    Fees,
    SignedCall,
    SignedTransaction,
    TransactionReceipt,
)
from cityledger.errors import ChainError, ChainUnavailableError, RevertedError
from cityledger.proofs.leaves import RecordLeaf, leaf_hash
from cityledger.proofs.verify import batch_word
from cityledger.types import (
    ZERO32,
    Address,
    AgencyId,
    BlockRef,
    DatasetId,
    LeafHash,
    LogId,
    LogKind,
    RecordId,
)
from support.chain.memory_chain import MemoryChain

OPERATOR = Address("0x" + "33" * 20)


@dataclass
class _Log:
    agency: AgencyId
    kind: LogKind
    operator: Address
    next: int = 0
    closed: bool = False


@dataclass
class _State:
    """What the contract holds, and which transactions are mined: what a reorg takes back."""

    logs: dict[LogId, _Log] = field(default_factory=dict)
    batches: dict[tuple[LogId, int], bytes] = field(default_factory=dict)
    heads: dict[tuple[DatasetId, RecordId], LeafHash] = field(default_factory=dict)
    mined: list[_Mined] = field(default_factory=list)


@dataclass(frozen=True)
class _Mined:
    """A transaction in a block; its place in ``_State.mined`` is its nonce."""

    raw: bytes
    block: int
    succeeded: bool


@dataclass(frozen=True)
class _Move:
    leaf: RecordLeaf
    expected: LeafHash | None


@dataclass
class MemoryLedger:
    """Takes raw transactions, mines them in nonce order, and answers as contract and endpoint would."""

    chain: MemoryChain
    state: _State = field(default_factory=_State)
    pool: dict[int, bytes] = field(default_factory=dict)
    broadcasts: list[bytes] = field(default_factory=list)
    base_fee: int = 1
    """What a transaction must offer to be mined, and to be taken into an empty place of the pool."""
    is_reachable: bool = True
    hears_transactions: bool = True
    """Whether what is sent arrives at all."""
    loses_answers: bool = False
    is_failing: bool = False
    """Whether transactions are mined with status 0."""
    _before: dict[int, _State] = field(default_factory=dict)
    """The state before each block that changed it."""

    @property
    def logs(self) -> dict[LogId, _Log]:
        return self.state.logs

    @property
    def heads(self) -> dict[tuple[DatasetId, RecordId], LeafHash]:
        return self.state.heads

    @property
    def mined_at(self) -> list[int]:
        """Block number of each mined nonce."""
        return [one.block for one in self.state.mined]

    def open_log(self, log: int, agency: int, kind: LogKind) -> None:
        self._keep_state()
        self.logs[LogId(log)] = _Log(AgencyId(agency), kind, OPERATOR)
        self.chain.mine(LogOpened(LogId(log), AgencyId(agency), kind, OPERATOR, LogId(0)))

    def rotate_operator(self, log: int, operator: Address) -> None:
        self._keep_state()
        self.logs[LogId(log)].operator = operator
        self.chain.mine(OperatorSet(LogId(log), operator))

    def close_log(self, log: int) -> None:
        self._keep_state()
        self.logs[LogId(log)].closed = True
        self.chain.mine(LogClosed(LogId(log)))

    def mine(self, only: int | None = None) -> None:
        """Mines what waits and pays enough, into one block; at most ``only`` transactions."""
        self._keep_state()
        events: list[Event] = []
        transactions: list[bytes] = []
        while only is None or only > 0:
            raw = self.pool.get(len(self.state.mined))
            if raw is None or _opened(raw).fees.max_fee < self.base_fee:
                break
            del self.pool[len(self.state.mined)]
            made = self._run(_opened(raw).called)
            self.state.mined.append(_Mined(raw, len(self.chain.blocks), made is not None))
            events += made or []
            transactions += [_hash(raw)] * len(made or [])
            only = None if only is None else only - 1
        self.chain.mine(*events, transactions=transactions)

    def use_nonce(self) -> None:
        """Another process sends from the operator's account, and it is mined."""
        self._keep_state()
        raw = pickle.dumps(_Opened(len(self.state.mined), [], Fees(10**9, 10**9)))
        self.pool.pop(len(self.state.mined), None)
        self.state.mined.append(_Mined(raw, len(self.chain.blocks), True))
        self.chain.mine()

    def reorg(self, depth: int, *, keeps: bool) -> None:
        """Drops the newest blocks; their transactions go back to the pool if it ``keeps`` them, else they are
        lost.
        """
        lowest = len(self.chain.blocks) - depth
        gone = {nonce: one.raw for nonce, one in enumerate(self.state.mined) if one.block >= lowest}
        undone = [number for number in sorted(self._before) if number >= lowest]
        if undone:
            self.state = self._before[undone[0]]
        for number in undone:
            del self._before[number]
        self.pool = {**self.pool, **gone} if keeps else self.pool
        self.chain.reorg(depth)

    def _keep_state(self) -> None:
        self._before[len(self.chain.blocks)] = deepcopy(self.state)

    def _run(self, called: _Move | list[Batch]) -> list[Event] | None:
        """The events, None where it fails."""
        if self.is_failing:
            return None
        if isinstance(called, _Move):
            moved = self._move(called)
            return None if moved is None else [moved]
        return [self._anchor(batch) for batch in called]

    def _anchor(self, batch: Batch) -> Event:
        log = self.logs.get(batch.log)
        reason = _reason(log, batch)
        if log is None or reason is not None:
            next_number = 0 if log is None else log.next
            return Skipped(batch.log, batch.first, next_number, reason or SkipReason.UNKNOWN_LOG)
        log.next += batch.count
        self.state.batches[batch.log, batch.first] = batch_word(batch.root, batch.count)
        return BatchAnchored(batch.log, batch.first, batch.count, batch.root)

    def _move(self, move: _Move) -> Event | None:
        leaf, hashed = move.leaf, leaf_hash(move.leaf.struct_hash())
        head = self.heads.get((leaf.dataset, leaf.record))
        if head != move.expected:
            return None
        self.heads[leaf.dataset, leaf.record] = hashed
        return HeadMoved(leaf.dataset, leaf.record, hashed, head or LeafHash(ZERO32), leaf.version)

    # --- as RecordLedger ---

    def move_head(self, leaf: RecordLeaf, _inclusion: Inclusion, expected: LeafHash | None) -> Call:
        return Call(None, pickle.dumps(_Move(leaf, expected)), "RecordLedger.moveHead")

    def anchor(self, batches: Sequence[Batch]) -> Call:
        return Call(None, pickle.dumps(list(batches)), "RecordLedger.anchor")

    def find_log(self, log: LogId, _at: At) -> Log | None:
        info = self.logs.get(log)
        return None if info is None else Log(info.agency, info.kind, info.closed, info.next, info.operator)

    def find_batch(self, log: LogId, first: int, _at: At) -> bytes | None:
        return self.state.batches.get((log, first))

    # --- as Sender ---

    def nonce(self, _account: Address, at: At = "latest") -> int:
        self._verify_reachable()
        if isinstance(at, BlockRef):
            self._verify_on_chain(at)
            return sum(block <= at.number for block in self.mined_at)
        return len(self.mined_at)

    def head_number(self) -> int:
        return self.chain.head().number

    def gas(self, _account: Address, calls: Sequence[Call]) -> list[int]:
        self._verify_reachable()
        return [1 for _ in calls]

    def fees(self) -> Fees:
        self._verify_reachable()
        return Fees(2 * self.base_fee, 1)

    def sign(self, _account: object, nonce: int, call: Call, fees: Fees) -> SignedTransaction:
        raw = pickle.dumps(_Opened(nonce, pickle.loads(call.data), fees))  # noqa: S301 - made by this fake
        return SignedTransaction(raw, _hash(raw), nonce)

    def read(self, raw: bytes) -> SignedCall:
        opened = _opened(raw)
        call = Call(None, pickle.dumps(opened.called), "a signed call", 1)
        return SignedCall(opened.nonce, call, opened.fees)

    def broadcast(self, raw: bytes) -> Broadcast:
        self._verify_reachable()
        if not self.hears_transactions:
            raise ChainUnavailableError("no answer")
        self.broadcasts.append(raw)
        answer = self._take(raw)
        if self.loses_answers:
            raise ChainUnavailableError("the answer was lost")
        return answer

    def receipt(self, transaction: bytes) -> TransactionReceipt | None:
        self._verify_reachable()
        mined = (one for one in self.state.mined if _hash(one.raw) == transaction)
        return next((_receipt(one) for one in mined), None)

    def wait_any(self, candidates: Callable[[], Sequence[bytes]]) -> TransactionReceipt:
        """Lets the chain mine until one is mined."""
        while not (mined := [receipt for one in candidates() if (receipt := self.receipt(one)) is not None]):
            self.mine()
        return mined[0]

    def verify_succeeded(self, _sender: Address, _call: Call, receipt: TransactionReceipt) -> None:
        if not receipt.succeeded:
            raise RevertedError("RecordLedgerHeadMoved", {})

    def _take(self, raw: bytes) -> Broadcast:
        """As a node's pool: a replacement has to offer a tenth more."""
        sent = _opened(raw)
        pooled = self.pool.get(sent.nonce)
        if sent.nonce < len(self.state.mined):
            return Broadcast.NONCE_TOO_LOW
        if pooled == raw:
            return Broadcast.ALREADY_KNOWN
        if pooled is not None and 10 * sent.fees.max_fee < 11 * _opened(pooled).fees.max_fee:
            return Broadcast.UNDERPRICED
        if sent.fees.max_fee < self.base_fee:
            return Broadcast.UNDERPRICED
        self.pool[sent.nonce] = raw
        return Broadcast.ACCEPTED

    def _verify_reachable(self) -> None:
        if not self.is_reachable:
            raise ChainUnavailableError("no answer")

    def _verify_on_chain(self, block: BlockRef) -> None:
        if block.number >= len(self.chain.blocks) or self.chain.blocks[block.number].ref != block:
            raise ChainError("header for hash not found")


@dataclass(frozen=True)
class _Opened:
    """What raw bytes hold."""

    nonce: int
    called: _Move | list[Batch]
    fees: Fees


def _opened(raw: bytes) -> _Opened:
    opened: _Opened = pickle.loads(raw)  # noqa: S301 - made by this fake
    return opened


def _hash(raw: bytes) -> bytes:
    return hashlib.sha256(raw).digest()


def _receipt(mined: _Mined) -> TransactionReceipt:
    return TransactionReceipt(_hash(mined.raw), mined.block, bytes(32), mined.succeeded, 1, None, ())


def _reason(log: _Log | None, batch: Batch) -> SkipReason | None:
    if log is None:
        return SkipReason.UNKNOWN_LOG
    if log.closed:
        return SkipReason.LOG_CLOSED
    if log.operator != OPERATOR:
        return SkipReason.NOT_OPERATOR
    return None if batch.first == log.next else SkipReason.WRONG_FIRST

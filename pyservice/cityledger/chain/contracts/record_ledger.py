"""RecordLedger: logs of leaves, the batches in which they are anchored, and the heads of records."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from cityledger.chain.abi.codec import Named
from cityledger.chain.contracts.bound import BoundContract
from cityledger.chain.rpc.endpoint import At, Endpoint
from cityledger.chain.transactions import Call
from cityledger.keccak import keccak
from cityledger.proofs.leaves import RecordLeaf
from cityledger.types import ZERO32, Address, AgencyId, DatasetId, LeafHash, LogId, LogKind, RecordId


class SkipReason(IntEnum):
    """The reason why ``anchor`` skipped a batch (SPEC.md §4)."""

    UNKNOWN_LOG = 1
    LOG_CLOSED = 2
    NOT_OPERATOR = 3
    WRONG_FIRST = 4
    COUNT_OUT_OF_RANGE = 5


@dataclass(frozen=True, slots=True)
class Log:
    """A log as the ledger holds it. ``next`` is the number of the first leaf that is not yet anchored."""

    agency: AgencyId
    kind: LogKind
    closed: bool
    next: int
    operator: Address

    @classmethod
    def from_abi(cls, value: Mapping[str, Any]) -> Log | None:
        """None for a log that was never opened, whose fields are all zero."""
        if value["kind"] == 0:
            return None
        return cls(
            AgencyId(value["agency"]),
            LogKind(value["kind"]),
            value["closed"],
            value["next"],
            Address(value["operator"]),
        )


@dataclass(frozen=True, slots=True)
class Batch:
    """The leaves ``first … first + count − 1`` of a log under one root."""

    log: LogId
    first: int
    count: int
    root: bytes

    def to_abi(self) -> dict[str, Any]:
        return {"log": self.log, "first": self.first, "count": self.count, "root": self.root}


@dataclass(frozen=True, slots=True)
class Inclusion:
    """The place of a leaf in an anchored batch (RFC 9162 §2.1.3); ``path`` from the leaf upwards."""

    first: int
    count: int
    root: bytes
    path: tuple[bytes, ...]

    def to_abi(self) -> dict[str, Any]:
        return {"first": self.first, "count": self.count, "root": self.root, "path": list(self.path)}


class RecordLedger:
    def __init__(self, endpoint: Endpoint, address: Address) -> None:
        self._contract = BoundContract(endpoint, "RecordLedger", address)
        self.address = address

    # --- the agency's account -------------------------------------------------------------------------------

    def open_log(
        self, agency: AgencyId, kind: LogKind, operator: Address, predecessor: LogId | None = None
    ) -> Call:
        """Opens a log; its id is in the ``LogOpened`` event of the receipt."""
        return self._contract.prepare("openLog", agency, int(kind), operator, predecessor or 0)

    def close_log(self, log: LogId) -> Call:
        """Closes a log permanently."""
        return self._contract.prepare("closeLog", log)

    def set_operator(self, log: LogId, operator: Address) -> Call:
        return self._contract.prepare("setOperator", log, operator)

    # --- the operator ---------------------------------------------------------------------------------------

    def anchor(self, batches: Sequence[Batch]) -> Call:
        """Anchors each batch that fits; a ``Skipped`` event reports one that does not; no revert."""
        return self._contract.prepare("anchor", [batch.to_abi() for batch in batches])

    def move_head(self, leaf: RecordLeaf, inclusion: Inclusion, expected: LeafHash | None) -> Call:
        """Points the record's head to an anchored leaf, if it still points to ``expected`` (None: nothing).

        Reverts with ``RecordLedgerHeadMoved`` where another version is the head.
        """
        expected = expected or LeafHash(ZERO32)
        return self._contract.prepare("moveHead", record_leaf_to_abi(leaf), inclusion.to_abi(), expected)

    # --- a steward of the provider --------------------------------------------------------------------------

    def reset_head(self, dataset: DatasetId, record: RecordId, expected: LeafHash) -> Call:
        """Removes the record's head, if it still points to ``expected``."""
        return self._contract.prepare("resetHead", dataset, record, expected)

    # --- reads ----------------------------------------------------------------------------------------------

    def log_count(self, block: At) -> int:
        """The number of logs ever opened; also the highest id."""
        return int(self._contract.read(block, "logCount"))

    def find_log(self, log: LogId, block: At) -> Log | None:
        return Log.from_abi(self._contract.read(block, "logOf", log))

    def find_batch(self, log: LogId, first: int, block: At) -> bytes | None:
        """keccak(abi.encode(root, count)) of the batch that begins at ``first`` (SPEC.md §4)."""
        stored: bytes = self._contract.read(block, "batchAt", log, first)
        return None if stored == ZERO32 else stored

    def find_head(self, dataset: DatasetId, record: RecordId, block: At) -> tuple[LeafHash, int] | None:
        """Leaf hash and version of the record's head; None without one."""
        stored = self._contract.read(block, "headOf", dataset, record)
        return (LeafHash(stored["leafHash"]), stored["version"]) if stored["version"] else None


def record_leaf_to_abi(leaf: RecordLeaf) -> tuple[object, ...]:
    """The leaf in the order of the contract's struct; parts go by the hashes of their names."""
    return (
        leaf.instance,
        leaf.log,
        leaf.seq,
        leaf.dataset,
        leaf.record,
        leaf.version,
        list(leaf.subjects),
        leaf.schema,
        [(keccak(part.name.encode()), part.ciphertext_digest, part.commitment) for part in leaf.parts],
    )


def operates_any(ledger: RecordLedger, account: Address, agencies: Collection[AgencyId]) -> bool:
    """Whether the account operates an open log of one of the agencies now.

    Raises:
        UnavailableError: no endpoint answers.
    """
    for number in range(ledger.log_count("latest"), 0, -1):
        log = ledger.find_log(LogId(number), "latest")
        if log is not None and log.agency in agencies and log.operator == account and not log.closed:
            return True
    return False


@dataclass(frozen=True, slots=True)
class LogOpened:
    """``predecessor`` is the log that this one continues; 0 for none."""

    log: LogId
    agency: AgencyId
    kind: LogKind
    operator: Address
    predecessor: LogId


@dataclass(frozen=True, slots=True)
class LogClosed:
    log: LogId


@dataclass(frozen=True, slots=True)
class OperatorSet:
    log: LogId
    operator: Address


@dataclass(frozen=True, slots=True)
class BatchAnchored:
    log: LogId
    first: int
    count: int
    root: bytes


@dataclass(frozen=True, slots=True)
class Skipped:
    """A batch was skipped; ``next`` is the number that the log waits for."""

    log: LogId
    first: int
    next: int
    reason: SkipReason


@dataclass(frozen=True, slots=True)
class HeadMoved:
    """A version became the head, which pointed to ``previous`` (32 zero bytes: to nothing)."""

    dataset: DatasetId
    record: RecordId
    leaf_hash: LeafHash
    previous: LeafHash
    version: int


@dataclass(frozen=True, slots=True)
class HeadReset:
    """A steward removed the record's head, which had these values; the record has no head now."""

    dataset: DatasetId
    record: RecordId
    leaf_hash: LeafHash
    version: int


RecordLedgerEvent = LogOpened | LogClosed | OperatorSet | BatchAnchored | Skipped | HeadMoved | HeadReset

READERS: Mapping[str, Callable[[Named], RecordLedgerEvent]] = {
    "LogOpened": lambda v: LogOpened(
        LogId(v["log"]),
        AgencyId(v["agency"]),
        LogKind(v["kind"]),
        Address(v["operator"]),
        LogId(v["predecessor"]),
    ),
    "LogClosed": lambda v: LogClosed(LogId(v["log"])),
    "OperatorSet": lambda v: OperatorSet(LogId(v["log"]), Address(v["operator"])),
    "BatchAnchored": lambda v: BatchAnchored(LogId(v["log"]), v["first"], v["count"], v["root"]),
    "Skipped": lambda v: Skipped(LogId(v["log"]), v["first"], v["next"], SkipReason(v["reason"])),
    "HeadMoved": lambda v: HeadMoved(
        DatasetId(v["dataset"]),
        RecordId(v["record"]),
        LeafHash(v["leafHash"]),
        LeafHash(v["previous"]),
        v["version"],
    ),
    "HeadReset": lambda v: HeadReset(
        DatasetId(v["dataset"]), RecordId(v["record"]), LeafHash(v["leafHash"]), v["version"]
    ),
}

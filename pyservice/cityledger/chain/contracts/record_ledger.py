"""RecordLedger: logs of leaves, and the batches in which they were anchored."""

from __future__ import annotations

from collections.abc import Sequence

from cityledger.chain.contracts.bound import BoundContract
from cityledger.chain.rpc.endpoint import At, Endpoint
from cityledger.chain.sender import Call
from cityledger.chain.structs import Batch, Inclusion, Log, record_leaf_to_abi
from cityledger.proofs.leaves import RecordLeaf
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
        """Closes a log, for good."""
        return self._contract.prepare("closeLog", log)

    def set_operator(self, log: LogId, operator: Address) -> Call:
        return self._contract.prepare("setOperator", log, operator)

    # --- the operator ---------------------------------------------------------------------------------------

    def anchor(self, batches: Sequence[Batch]) -> Call:
        """Anchors each batch that fits; one that does not is told by a ``Skipped`` event, not by a revert."""
        return self._contract.prepare("anchor", [batch.to_abi() for batch in batches])

    def move_head(self, leaf: RecordLeaf, inclusion: Inclusion, expected: LeafHash | None) -> Call:
        """Points the record's head to an anchored leaf, if it still points to ``expected`` (None: nothing).

        Reverts with ``RecordLedgerHeadMoved`` where another version has landed.
        """
        held = expected or LeafHash(ZERO32)
        return self._contract.prepare("moveHead", record_leaf_to_abi(leaf), inclusion.to_abi(), held)

    # --- a steward of the provider --------------------------------------------------------------------------

    def reset_head(self, dataset: DatasetId, record: RecordId, expected: LeafHash) -> Call:
        """Takes the record's head away, if it still points to ``expected``."""
        return self._contract.prepare("resetHead", dataset, record, expected)

    # --- reads ----------------------------------------------------------------------------------------------

    def log_count(self, block: At) -> int:
        """How many logs were ever opened; also the highest id."""
        return int(self._contract.read(block, "logCount"))

    def find_log(self, log: LogId, block: At) -> Log | None:
        return Log.from_abi(self._contract.read(block, "logOf", log))

    def find_batch(self, log: LogId, first: int, block: At) -> bytes | None:
        """keccak(abi.encode(root, count)) of the batch that begins at ``first`` (SPEC.md §4)."""
        held: bytes = self._contract.read(block, "batchAt", log, first)
        return None if held == ZERO32 else held

    def find_head(self, dataset: DatasetId, record: RecordId, block: At) -> tuple[LeafHash, int] | None:
        """Leaf hash and version of what has landed; None where nothing has."""
        held = self._contract.read(block, "headOf", dataset, record)
        return (LeafHash(held["leafHash"]), held["version"]) if held["version"] else None

"""Heads in memory: moves them in a node's index as the contract would, and lets other nodes come first."""

from __future__ import annotations

from dataclasses import dataclass, field

from cityledger.chain.contracts.record_ledger import Inclusion
from cityledger.chain.transactions import TransactionReceipt
from cityledger.errors import RevertedError
from cityledger.keccak import keccak
from cityledger.proofs.leaves import RecordLeaf, leaf_hash
from cityledger.proofs.merkle import verify_inclusion
from cityledger.store.index import queries as index
from cityledger.store.index import tables as t
from cityledger.store.index import versions as history
from cityledger.types import DatasetId, LeafHash, RecordId
from support.node.chain_changes import ChainChanges


@dataclass
class MemoryHeads:
    """``others`` become heads, moved by another node of the agency, after this node has read its index and
    before its own move is mined.
    """

    node: ChainChanges = field(init=False)
    moves: list[tuple[RecordLeaf, LeafHash | None]] = field(default_factory=list)
    others: list[tuple[DatasetId, RecordId, LeafHash, int]] = field(default_factory=list)
    refusal: RevertedError | None = None

    def move(self, leaf: RecordLeaf, inclusion: Inclusion, expected: LeafHash | None) -> TransactionReceipt:
        self.moves.append((leaf, expected))
        for other in self.others:
            self.put(*other)
        if self.refusal is not None:
            raise self.refusal
        hashed = leaf_hash(leaf.struct_hash())
        verify_inclusion(
            hashed, leaf.seq - inclusion.first, inclusion.count, list(inclusion.path), inclusion.root
        )
        self._verify_follows(leaf, expected)
        self.put(leaf.dataset, leaf.record, hashed, leaf.version)
        return TransactionReceipt(keccak(hashed), self.node.block, keccak(b"block"), True, 1, None, ())

    def put(self, dataset: DatasetId, record: RecordId, leaf: LeafHash, version: int) -> None:
        """The head, moved in a block of its own."""
        with self.node.next_block() as (connection, block):
            head = {"leaf_hash": leaf, "version": version, "tx_hash": keccak(leaf)}
            history.put(connection, t.idx_head, block, {"dataset": dataset, "record": record}, **head)

    def _verify_follows(self, leaf: RecordLeaf, expected: LeafHash | None) -> None:
        with self.node.context.services.database.reading() as connection:
            head = index.find_head(connection, leaf.dataset, leaf.record)
        if (None if head is None else head.leaf_hash) != expected:
            raise RevertedError("RecordLedgerHeadMoved", {})
        if head is not None and leaf.version <= head.version:
            raise RevertedError("RecordLedgerHeadNotForward", {})

"""An anchorer over a real database and a chain in memory; ``step`` is one turn of node and chain."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from cityledger.anchoring.anchorer import Anchorer
from cityledger.indexer.indexer import Indexer
from cityledger.proofs.leaves import Tombstone
from cityledger.store import logs
from cityledger.store.database import Database
from cityledger.store.journal import Journal
from cityledger.store.tables import idx_batch
from cityledger.types import ErasureReason, LeafHash, LogId
from memory_chain import MemoryChain
from memory_ledger import MemoryLedger


@dataclass
class Anchoring:
    chain: MemoryChain
    ledger: MemoryLedger
    database: Database
    journal: Journal
    anchorer: Anchorer
    indexer: Indexer

    def catch_up(self) -> None:
        while self.indexer.step():
            pass

    def step(self) -> None:
        self.catch_up()
        self.anchorer.tick()
        self.ledger.mine()
        self.catch_up()

    def write(self, log: int, count: int = 1) -> None:
        """Numbers leaves, each in a commit of its own."""
        for _ in range(count):
            self.journal.run(lambda connection: logs.append(connection, LogId(log), 0, _leaf(log)))

    def anchored(self, log: int) -> list[tuple[int, int]]:
        """(first, size) of each batch on the indexed chain."""
        held = (idx_batch.c.log == log) & idx_batch.c.valid_to.is_(None)
        query = sa.select(idx_batch.c.first, idx_batch.c.size).where(held).order_by(idx_batch.c.first)
        with self.database.reading() as connection:
            return [(row[0], row[1]) for row in connection.execute(query)]

    def halted(self, log: int) -> str | None:
        with self.database.reading() as connection:
            return next(head.halted for head in logs.list_heads(connection) if head.log == log)


def _leaf(log: int) -> object:
    def make(seq: int, _previous: LeafHash) -> Tombstone:
        erased = LeafHash(seq.to_bytes(32, "big"))
        return Tombstone(bytes(32), LogId(log), seq, erased, ErasureReason.DUTY, 1, 1)

    return make

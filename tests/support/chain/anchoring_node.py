"""An anchorer over a real database and a chain in memory; ``step`` is one turn of node and chain."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import sqlalchemy as sa

from cityledger.anchoring.anchorer import Anchorer
from cityledger.anchoring.closing import BatchLimits
from cityledger.anchoring.operator_account import FeeLimits
from cityledger.chain.clock import ChainClock
from cityledger.indexer.indexer import Indexer
from cityledger.proofs.leaves import Tombstone
from cityledger.store.anchoring import attempts, logs
from cityledger.store.engine.database import Database
from cityledger.store.engine.journal import Journal
from cityledger.store.index.tables import idx_batch
from cityledger.types import AgencyId, ErasureReason, HaltCause, LeafHash, LogId, LogKind
from support.chain.memory_chain import MemoryChain, MemoryFollower
from support.chain.memory_ledger import OPERATOR, MemoryLedger
from support.store.databases import fresh_database_url

MAX_FEE = 10_000
BUMP_AFTER_SECONDS = 60.0


@dataclass
class Anchoring:
    chain: MemoryChain
    ledger: MemoryLedger
    database: Database
    journal: Journal
    anchorer: Anchorer
    indexer: Indexer
    clock: ChainClock
    passed: list[float]
    """Monotonic seconds, as the node sees them; ``wait`` lets them pass."""

    def wait(self, seconds: float) -> None:
        self.passed[0] += seconds
        self.chain.waited += int(seconds)

    def restart(self) -> None:
        """The process ends, and another begins: what was only in memory is gone."""
        self.journal.close()
        self.journal = Journal(self.database)
        self.anchorer = anchorer_of(self.database, self.journal, self.clock, self.ledger)
        self.indexer = indexer_of(self.database, self.journal, self.clock, self.chain)

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
        is_current = (idx_batch.c.log == log) & idx_batch.c.valid_to.is_(None)
        query = sa.select(idx_batch.c.first, idx_batch.c.size).where(is_current).order_by(idx_batch.c.first)
        with self.database.reading() as connection:
            return [(row[0], row[1]) for row in connection.execute(query)]

    def attempts(self) -> list[tuple[int, int]]:
        """(nonce, replacement) of every transaction that was signed."""
        with self.database.reading() as connection:
            stored = attempts.list_attempts(connection, OPERATOR, 0)
        return sorted((one.nonce, one.replacement) for one in stored)

    def halted(self, log: int) -> HaltCause | None:
        with self.database.reading() as connection:
            return next(head.halted for head in logs.list_heads(connection) if head.log == log)

    def halt_detail(self, log: int) -> str | None:
        with self.database.reading() as connection:
            return next(head.halt_detail for head in logs.list_heads(connection) if head.log == log)


def _leaf(log: int) -> Callable[[int, LeafHash], Tombstone]:
    def make(seq: int, _previous: LeafHash) -> Tombstone:
        erased = LeafHash(seq.to_bytes(32, "big"))
        return Tombstone(bytes(32), LogId(log), seq, erased, ErasureReason.DUTY, 1, 1)

    return make


@contextmanager
def running_anchoring(folder: Path) -> Iterator[Anchoring]:
    """An anchorer whose node writes log 1 (records) and log 2 (receipts) of one agency, in ``folder``."""
    chain = MemoryChain(final_depth=20)
    chain.mine()
    ledger = MemoryLedger(chain)
    ledger.open_log(1, 1, LogKind.RECORDS)
    ledger.open_log(2, 1, LogKind.RECEIPTS)
    database = Database(fresh_database_url(folder))
    passed = [0.0]
    journal, clock = Journal(database), ChainClock(monotonic=lambda: passed[0])
    anchorer = anchorer_of(database, journal, clock, ledger)
    indexer = indexer_of(database, journal, clock, chain)
    made = Anchoring(chain, ledger, database, journal, anchorer, indexer, clock, passed)
    made.step()  # adopts the two logs, and begins to count the account's nonces
    yield made
    made.journal.close()
    database.close()


def anchorer_of(database: Database, journal: Journal, clock: ChainClock, ledger: MemoryLedger) -> Anchorer:
    """Closes at once, batches of four leaves at most."""
    return Anchorer(
        database,
        journal,
        clock,
        ledger,  # type: ignore[arg-type]
        ledger,  # type: ignore[arg-type]
        SimpleNamespace(address=OPERATOR),
        [AgencyId(1)],
        BatchLimits(0, 4),
        FeeLimits(MAX_FEE, BUMP_AFTER_SECONDS),
    )


def indexer_of(database: Database, journal: Journal, clock: ChainClock, chain: MemoryChain) -> Indexer:
    return Indexer(MemoryFollower(chain), database, journal, clock, first_block=0)  # type: ignore[arg-type]

"""An anchorer whose node writes two logs of one agency."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from anchoring_node import Anchoring
from cityledger.anchoring.anchorer import Anchorer, BatchLimits
from cityledger.chain.clock import ChainClock
from cityledger.indexer.indexer import Indexer
from cityledger.store.database import Database
from cityledger.store.journal import Journal
from cityledger.store.migrate import migrate
from cityledger.types import AgencyId, LogKind
from memory_chain import MemoryChain, MemoryFollower
from memory_ledger import OPERATOR, MemoryLedger


@pytest.fixture
def anchoring(tmp_path: Path) -> Iterator[Anchoring]:
    chain = MemoryChain(final_depth=20)
    chain.mine()
    ledger = MemoryLedger(chain)
    ledger.open_log(1, 1, LogKind.RECORDS)
    ledger.open_log(2, 1, LogKind.RECEIPTS)
    database = Database(f"sqlite:///{tmp_path / 'node.db'}")
    migrate(database)
    journal, clock = Journal(database), ChainClock()
    anchorer = Anchorer(
        database,
        journal,
        clock,
        ledger,  # type: ignore[arg-type]
        ledger,  # type: ignore[arg-type]
        SimpleNamespace(address=OPERATOR),  # type: ignore[arg-type]
        [AgencyId(1)],
        BatchLimits(0, 4),
    )
    indexer = Indexer(MemoryFollower(chain), database, journal, clock, first_block=0)  # type: ignore[arg-type]
    made = Anchoring(chain, ledger, database, journal, anchorer, indexer)
    made.step()  # adopts the two logs
    yield made
    journal.close()
    database.close()

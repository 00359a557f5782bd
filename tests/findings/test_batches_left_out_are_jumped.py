"""An endpoint left out a batch of a log; with the next one the index continued above the hole, whose
leaves could never be proved.
"""

from __future__ import annotations

import pytest

from cityledger.chain.clock import ChainClock
from cityledger.chain.contracts.record_ledger import BatchAnchored, LogOpened
from cityledger.errors import ChainError
from cityledger.indexer.indexer import Indexer
from cityledger.store.engine.database import Database
from cityledger.store.engine.journal import Journal
from cityledger.store.index.queries import find_cursor
from cityledger.types import Address, AgencyId, LogId, LogKind
from support.chain.memory_chain import MemoryChain, MemoryFollower


def test_index_stops_at_a_batch_that_does_not_follow(database: Database) -> None:
    chain, journal = MemoryChain(), Journal(database)
    operator = Address("0x" + "33" * 20)
    chain.mine(LogOpened(LogId(1), AgencyId(1), LogKind.RECORDS, operator, LogId(0)))
    before = chain.mine(BatchAnchored(LogId(1), 0, 4, b"\1" * 32))
    indexer = Indexer(MemoryFollower(chain), database, journal, ChainClock(), first_block=0)  # type: ignore[arg-type]
    while indexer.step():
        pass
    chain.mine(BatchAnchored(LogId(1), 6, 1, b"\2" * 32))

    with pytest.raises(ChainError, match="continues at 6 in block 2, but is known only up to 4"):
        indexer.step()

    with database.reading() as connection:
        assert find_cursor(connection) == before
    journal.close()

"""An event whose effects broke a constraint was taken for another process's quicker write: the index
stopped, and nothing reported why.
"""

from __future__ import annotations

import pytest

from cityledger.chain.clock import ChainClock
from cityledger.chain.contracts.record_ledger import BatchAnchored
from cityledger.errors import ChainError
from cityledger.indexer.indexer import Indexer
from cityledger.store.engine.database import Database
from cityledger.store.engine.journal import Journal
from cityledger.store.index.queries import find_cursor
from cityledger.types import LogId
from support.chain.memory_chain import MemoryChain, MemoryFollower


def test_step_says_that_the_tables_refuse_an_event(database: Database) -> None:
    chain, journal = MemoryChain(), Journal(database)
    before = chain.mine()
    indexer = Indexer(MemoryFollower(chain), database, journal, ChainClock(), first_block=0)  # type: ignore[arg-type]
    while indexer.step():
        pass
    chain.mine(BatchAnchored(LogId(9), 0, 1, bytes(32)))  # of a log that was never opened

    for _ in range(2):
        with pytest.raises(ChainError, match="the database refuses the effects of the blocks above 0"):
            indexer.step()

    with database.reading() as connection:
        assert find_cursor(connection) == before
    journal.close()

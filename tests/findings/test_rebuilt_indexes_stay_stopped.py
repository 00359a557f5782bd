"""A node that had seen the index stop continued to refuse every read after another node of the database had
rebuilt it.
"""

from __future__ import annotations

import pytest

from cityledger.chain.clock import ChainClock
from cityledger.errors import ChainError, StaleIndexError
from cityledger.indexer.indexer import Indexer
from cityledger.recovery.index.rebuild import replace
from cityledger.store import node_state
from cityledger.store.engine.database import Database
from cityledger.store.engine.journal import Journal
from support.chain.memory_chain import MemoryChain, MemoryFollower


def test_reads_go_on_once_the_index_was_rebuilt(database: Database) -> None:
    chain, journal = MemoryChain(), Journal(database)
    head = chain.mine()
    clock = ChainClock(wall=lambda: float(head.time), monotonic=lambda: 0.0)
    indexer = Indexer(MemoryFollower(chain), database, journal, clock, first_block=0)  # type: ignore[arg-type]
    indexer.step()
    journal.run(lambda connection: node_state.put_value(connection, node_state.INDEX_HALTED, "another chain"))
    with pytest.raises(ChainError, match="another chain"):
        indexer.step()
    with pytest.raises(StaleIndexError, match="another chain"):
        clock.verify_fresh(15)

    with database.reading() as scratch, database.writing() as live:
        replace(live, scratch)
    indexer.step()

    clock.verify_fresh(15)
    journal.close()

"""An index of a chain in memory, in a database of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from cityledger.chain.clock import ChainClock
from cityledger.indexer.indexer import Indexer
from cityledger.store.engine.database import Database
from cityledger.store.engine.journal import Journal
from support.chain.memory_chain import MemoryChain, MemoryFollower
from support.store.databases import fresh_database_url


@dataclass(frozen=True)
class Index:
    database: Database
    indexer: Indexer

    def catch_up(self) -> None:
        while self.indexer.step():
            pass


MakeIndex = Callable[[], Index]


@contextmanager
def index_of(chain: MemoryChain, folder: Path) -> Iterator[Index]:
    """An empty index that reads ``chain``; its file is in ``folder`` where it is SQLite."""
    with closing(Database(fresh_database_url(folder))) as database, closing(Journal(database)) as journal:
        follower = MemoryFollower(chain)
        yield Index(database, Indexer(follower, database, journal, ChainClock(), first_block=0))  # type: ignore[arg-type]

"""A chain in memory and a real database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cityledger.store.engine.database import Database
from cityledger.store.engine.journal import Journal
from support.chain.memory_chain import MemoryChain
from support.store.databases import fresh_database_url


@pytest.fixture
def chain() -> MemoryChain:
    made = MemoryChain()
    made.mine()
    return made


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(fresh_database_url(tmp_path))
    yield opened
    opened.close()


@pytest.fixture
def journal(database: Database) -> Iterator[Journal]:
    running = Journal(database)
    yield running
    running.close()

"""A real SQLite database in a file, migrated as a node's is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cityledger.store.database import Database
from cityledger.store.journal import Journal
from cityledger.store.migrate import migrate


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(f"sqlite:///{tmp_path / 'node.db'}")
    migrate(opened)
    yield opened
    opened.close()


@pytest.fixture
def journal(database: Database) -> Iterator[Journal]:
    running = Journal(database)
    yield running
    running.close()

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from cityledger.errors import StorageFullError, UnavailableError
from cityledger.store.engine.database import Database
from cityledger.store.engine.migrate import migrate
from cityledger.store.tables import node_state


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Database]:
    opened = Database(f"sqlite:///{tmp_path / 'sqlite.db'}")
    migrate(opened)
    yield opened
    opened.close()


def test_sqlite_syncs_every_commit_and_guards_foreign_keys(file: Database) -> None:
    with file.reading() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
        }

    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "secure_delete": 1}


def test_reading_sees_one_moment(database: Database) -> None:
    count = sa.select(sa.func.count()).select_from(node_state)
    with database.reading() as reader:
        before = reader.execute(count).scalar_one()
        with database.writing() as writer:
            writer.execute(node_state.insert().values(key="a", value="b"))

        assert reader.execute(count).scalar_one() == before


def test_writing_leaves_nothing_when_the_block_raises(database: Database) -> None:
    with pytest.raises(ValueError, match="stop"), database.writing() as connection:
        connection.execute(node_state.insert().values(key="a", value="b"))
        raise ValueError("stop")

    with database.reading() as connection:
        assert connection.execute(sa.select(node_state)).all() == []


def test_writing_to_a_read_only_file_is_told_as_storage_full(file: Database) -> None:
    read_only = Database(f"sqlite:///file:{file.engine.url.database}?mode=ro&uri=true")

    with pytest.raises(StorageFullError), read_only.writing() as connection:
        connection.execute(node_state.insert().values(key="a", value="b"))
    read_only.close()


def test_writing_to_a_full_file_is_told_as_storage_full(file: Database) -> None:
    with pytest.raises(StorageFullError), file.writing() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        connection.execute(node_state.insert().values(key="a", value="x" * 100_000))

    with file.reading() as connection:
        assert connection.execute(sa.select(node_state)).all() == []


def test_sqlite_without_its_folder_is_unavailable(tmp_path: Path) -> None:
    missing = Database(f"sqlite:///{tmp_path / 'no' / 'folder' / 'node.db'}")

    with pytest.raises(UnavailableError), missing.reading():
        pass

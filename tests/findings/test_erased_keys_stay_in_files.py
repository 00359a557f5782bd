"""After an erasure was answered, the 64 bytes of the wrapped key were found in SQLite's write-ahead log, also
after 100 further writes; on PostgreSQL they stayed in a dead row. The files' bytes are what counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from cityledger.checks.storage import observe_purging
from cityledger.errors import CheckFailedError
from cityledger.store.engine.database import Database
from cityledger.store.engine.purging import PURGE_SECONDS, Purging, find_due
from cityledger.store.tables import import_job, record_version
from support.imports.import_fixture import ImportDesk, ndjson
from support.node.node_fixture import TestNode
from support.node.sample_records import TREATMENT_RECORD


def _files_of(database: Database) -> list[Path]:
    if not database.is_shared:
        path = Path(str(database.engine.url.database))
        return [one for one in (path, path.with_name(f"{path.name}-wal")) if one.exists()]
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("CHECKPOINT")  # what is in shared memory is not in the file yet
        folder = connection.exec_driver_sql("SHOW data_directory").scalar_one()
        tables = (record_version.name, import_job.name)
        query = "SELECT pg_relation_filepath(%s::regclass)"
        return [Path(folder, connection.exec_driver_sql(query, (one,)).scalar_one()) for one in tables]


def _is_in_files(database: Database, secret: bytes) -> bool:
    return any(secret in file.read_bytes() for file in _files_of(database))


def _purging(node: TestNode) -> Purging:
    services = node.context.services
    return Purging(services.database, services.journal)


def _due(node: TestNode) -> int | None:
    with node.context.services.database.reading() as connection:
        return find_due(connection)


def _wrapped(node: TestNode) -> list[bytes]:
    with node.context.services.database.reading() as connection:
        query = sa.select(record_version.c.wrapped).where(record_version.c.wrapped.is_not(None))
        return [bytes(one) for one in connection.execute(query).scalars()]


def _erase(node: TestNode, name: str) -> None:
    headers = node.headers("HEALTH", "writer")
    answer = node.client.delete(node.url(node.health, name, "?reason=subject-request"), headers=headers)
    assert answer.status_code == 200, answer.text


@contextmanager
def _old_reader(database: Database) -> Iterator[None]:
    with database.reading() as connection:
        connection.execute(sa.select(sa.func.count()).select_from(record_version)).scalar_one()
        yield


def test_an_erased_key_has_left_the_files(node: TestNode) -> None:
    database = node.context.services.database
    for number in range(40):
        node.put(node.health, f"visit-{number}", TREATMENT_RECORD)
    before = _wrapped(node)
    assert all(_is_in_files(database, one) for one in before)
    for number in range(0, 40, 2):
        _erase(node, f"visit-{number}")
    erased = set(before) - set(_wrapped(node))
    assert len(erased) == 20
    assert _due(node) is not None

    assert _purging(node).turn()

    assert _due(node) is None
    assert not any(_is_in_files(database, one) for one in erased)
    assert not any(_is_in_files(database, one[16:48]) for one in erased)
    assert len(_wrapped(node)) == 20


def test_a_reader_of_an_older_state_delays_the_purge_and_no_more(node: TestNode) -> None:
    database, purging = node.context.services.database, _purging(node)
    node.put(node.health, "visit", TREATMENT_RECORD)
    (wrapped,) = _wrapped(node)

    with _old_reader(database):
        _erase(node, "visit")
        assert not purging.turn()
        assert _due(node) is not None

    assert purging.turn()
    assert not _is_in_files(database, wrapped)


def test_an_erasure_during_a_purge_is_not_forgotten(node: TestNode, monkeypatch: pytest.MonkeyPatch) -> None:
    purging = _purging(node)
    for name in ("first", "second"):
        node.put(node.health, name, TREATMENT_RECORD)
    _erase(node, "first")
    purge = Purging._purge

    def slow(self: Purging, seen: str) -> bool:
        done = purge(self, seen)
        _erase(node, "second")
        return done

    monkeypatch.setattr(Purging, "_purge", slow)
    assert not purging.turn()
    monkeypatch.undo()

    assert _due(node) is not None
    assert purging.turn()


def test_an_overdue_purge_is_seen_by_the_checks(node: TestNode) -> None:
    database = node.context.services.database
    node.put(node.health, "visit", TREATMENT_RECORD)
    _erase(node, "visit")
    due = _due(node)
    assert due is not None

    assert observe_purging(database, due + PURGE_SECONDS) == "a purge is due"
    with pytest.raises(CheckFailedError, match="for 61 s"):
        observe_purging(database, due + PURGE_SECONDS + 1)
    _purging(node).turn()
    assert observe_purging(database, due + 1_000).startswith("no destroyed key")


def test_the_key_of_an_imported_file_leaves_the_files_too(node: TestNode) -> None:
    database, desk = node.context.services.database, ImportDesk.of(node, node.health)
    job = desk.send(ndjson([{"id": "a", "parts": TREATMENT_RECORD["parts"]}]))
    assert job.spooled is not None
    assert _is_in_files(database, job.spooled.wrapped)
    desk.run()

    assert _purging(node).turn()

    assert not _is_in_files(database, job.spooled.wrapped)

"""Looks at a real database and a real folder of objects."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import event

from cityledger.checks.storage import (
    PROBE_PREFIX,
    observe_database,
    observe_instance,
    observe_list_objects,
    observe_lists,
    observe_objects,
)
from cityledger.errors import CheckFailedError, CityledgerError, StorageFullError
from cityledger.store import node_state
from cityledger.store.engine.database import Database
from cityledger.store.objects import Objects
from cityledger.store.sessions import revocations
from cityledger.store.sessions.revocation_objects import list_key
from cityledger.types import AgencyId, AgencyStatus
from support.node.node_fixture import make_node
from support.store.databases import fresh_database_url


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(fresh_database_url(tmp_path))
    yield made
    made.close()


def test_database_that_takes_writes_is_well_and_unchanged(database: Database) -> None:
    assert "accepts writes" in observe_database(database)
    with database.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM node_state").scalar_one() == 0


def test_database_that_takes_none_is_told(database: Database) -> None:
    is_sqlite = database.engine.dialect.name == "sqlite"
    refuse = "PRAGMA query_only = ON" if is_sqlite else "SET TRANSACTION READ ONLY"
    event.listen(database.engine, "begin", lambda connection: connection.exec_driver_sql(refuse))
    with pytest.raises(StorageFullError):
        observe_database(database)


def test_database_without_schema_is_told(tmp_path: Path) -> None:
    empty = Database(f"sqlite:///{tmp_path / 'other.db'}")
    with pytest.raises(CityledgerError):
        observe_database(empty)
    empty.close()


def test_database_of_another_instance_is_told(database: Database) -> None:
    assert observe_instance(database, bytes(32)) == "the database is new"
    with database.writing() as connection:
        node_state.bind_instance(connection, bytes(32))
    assert observe_instance(database, bytes(32)) == "the database is of this instance"
    with pytest.raises(CheckFailedError, match="another instance"):
        observe_instance(database, b"\1" * 32)


def test_awaited_revocation_list_is_reported_with_its_agency(database: Database) -> None:
    assert observe_lists(database) == "no revocation list is awaited"
    with database.writing() as connection:
        revocations.await_list(connection, AgencyId(2), 100)
    with pytest.raises(CheckFailedError, match=r"put their list again: 2$"):
        observe_lists(database)


def test_awaited_revocation_list_of_an_offboarded_agency_is_not_reported(tmp_path: Path) -> None:
    node = make_node(tmp_path)
    database = node.context.services.database
    with database.writing() as connection:
        revocations.await_list(connection, node.agency("LAND"), 100)
    with pytest.raises(CheckFailedError):
        observe_lists(database)
    node.set_agency("LAND", status=int(AgencyStatus.OFFBOARDED))
    assert observe_lists(database) == "no revocation list is awaited"
    node.close()


def test_lists_without_an_object_are_counted_and_not_named(database: Database, tmp_path: Path) -> None:
    objects = Objects.open((tmp_path / "objects").as_uri())
    assert observe_list_objects(database, objects) == "every revocation list is in the object store"
    one = revocations.RevocationList(bytes(32), "LAND", 1, 1, (revocations.Revoked("dr.chen", ""),), "a list")
    for agency in (AgencyId(2), AgencyId(3)):
        with database.writing() as connection:
            revocations.replace_list(connection, agency, one, 1)
    objects.put(list_key(AgencyId(2), bytes(32), 1), [b"a list"])

    with pytest.raises(CheckFailedError, match=r"of 1 agencies") as wrong:
        observe_list_objects(database, objects)
    assert "LAND" not in str(wrong.value)
    assert "chen" not in str(wrong.value)


def test_object_store_is_left_as_it_was(tmp_path: Path) -> None:
    url = (tmp_path / "objects").as_uri()
    objects = Objects.open(url)
    assert "stores and returns" in observe_objects(objects, url)
    assert list(objects.list(PROBE_PREFIX)) == []

"""A town for each test, on each database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cityledger.store.database import Database
from cityledger.store.migrate import migrate
from crash.nursery import Nursery
from crash.oracle import Oracle
from crash.town import Town, copied_town, found_town

DATABASES = ("sqlite", "postgresql")


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("founded")
    found_town(folder)
    return folder


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    with Nursery() as made:
        yield made


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty, migrated database."""
    url = _fresh(request.param, tmp_path, monkeypatch)
    database = Database(url)
    try:
        migrate(database)
    finally:
        database.close()
    return url


def _fresh(kind: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("CITYLEDGER_TEST_DATABASE", kind)
    if kind == "sqlite":
        return f"sqlite:///{folder / 'node.db'}"
    databases = pytest.importorskip("databases")
    url: str = databases.fresh_database_url(folder)
    return url


@pytest.fixture
def town(founded: Path, tmp_path: Path, database_url: str, nursery: Nursery) -> Iterator[Town]:
    with copied_town(founded, tmp_path, database_url, nursery) as made:
        yield made


@pytest.fixture
def oracle(town: Town) -> Iterator[Oracle]:
    made = Oracle(town)
    yield made
    made.close()

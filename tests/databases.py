"""Fresh, migrated databases for tests, of the kind that CITYLEDGER_TEST_DATABASE names: sqlite or postgresql.

Each is a copy of one that was migrated once. ``conftest.py`` drops them once the module that asked for them
is done.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import uuid
from functools import cache
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from cityledger.store.database import Database
from cityledger.store.migrate import migrate
from cityledger.store.schema import metadata
from postgres_cluster import Cluster, ProgramsMissingError, running_cluster

KINDS = ("sqlite", "postgresql")
_TEMPLATE = "template_node"
_made: list[str] = []


def database_kind() -> str:
    kind = os.environ.get("CITYLEDGER_TEST_DATABASE", "sqlite")
    assert kind in KINDS, f"CITYLEDGER_TEST_DATABASE must be one of {KINDS}"
    return kind


def fresh_database_url(folder: Path) -> str:
    """The URL of a new, migrated database; a file in ``folder`` where it is SQLite."""
    if database_kind() == "sqlite":
        path = folder / "node.db"
        if path.exists():
            path = folder / f"node-{uuid.uuid4().hex[:8]}.db"
        shutil.copyfile(_sqlite_template(), path)
        return f"sqlite:///{path}"
    return _created(_postgres_template())


def empty_database_url(folder: Path) -> str:
    """As ``fresh_database_url``, without any table."""
    if database_kind() == "sqlite":
        return f"sqlite:///{folder / f'empty-{uuid.uuid4().hex[:8]}.db'}"
    cluster()
    return _created("template0")


def stored_bytes(database: Database) -> bytes:
    """Everything that the database holds, as it is on disk or in a backup."""
    url = database.engine.url
    if url.drivername == "sqlite":
        assert url.database is not None
        files = (Path(url.database), Path(f"{url.database}-wal"))
        return b"".join(path.read_bytes() for path in files if path.exists())
    held = b""
    with psycopg.connect(cluster().url(str(url.database))) as connection:
        for table in metadata.sorted_tables:
            with connection.cursor().copy(f"COPY {table.name} TO STDOUT (FORMAT binary)".encode()) as copied:
                held += b"".join(bytes(block) for block in copied)
    return held


def cluster() -> Cluster:
    """The PostgreSQL cluster of these tests; skips the test where there is none."""
    try:
        return running_cluster()
    except ProgramsMissingError as error:
        pytest.skip(str(error))


def drop_databases() -> None:
    """Drops the databases that were made so far, whoever is still connected to them."""
    while _made:
        dropped = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(_made.pop()))
        with psycopg.connect(running_cluster().url("postgres"), autocommit=True) as connection:
            connection.execute(dropped)


def _created(template: str) -> str:
    name = f"node_{uuid.uuid4().hex[:12]}"
    cluster().run(f"CREATE DATABASE {name} TEMPLATE {template}")
    _made.append(name)
    return cluster().url(name)


@cache
def _sqlite_template() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="cityledger-db-"))
    owner = os.getpid()
    atexit.register(lambda: os.getpid() == owner and shutil.rmtree(folder, ignore_errors=True))
    path = folder / "template.db"
    _migrate(f"sqlite:///{path}")
    return path


@cache
def _postgres_template() -> str:
    cluster().run(f"CREATE DATABASE {_TEMPLATE} TEMPLATE template0")
    _migrate(cluster().url(_TEMPLATE))
    return _TEMPLATE


def _migrate(url: str) -> None:
    database = Database(url)
    try:
        migrate(database)
    finally:
        database.close()

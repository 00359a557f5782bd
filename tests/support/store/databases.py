"""Fresh, migrated databases for tests, of the kind that CITYLEDGER_TEST_DATABASE names: sqlite or postgresql.

Each is a copy of one that was migrated once. ``conftest.py`` takes PostgreSQL's back once the module that
asked for them is done: emptying one is fifty times as fast as to drop it and to make another.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import uuid
from collections import defaultdict
from functools import cache
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from cityledger.store.engine.database import Database
from cityledger.store.engine.migrate import migrate
from cityledger.store.schema import metadata
from support.store.postgres_cluster import Cluster, ProgramsMissingError, running_cluster

KINDS = ("sqlite", "postgresql")
_TEMPLATE = "template_node"
_made: list[str] = []
_emptied: list[str] = []
_unlike: set[str] = set()
"""Not copies of the template: dropped rather than emptied."""


class _CompiledOnce(dict[tuple[object, ...], object]):
    """SQLAlchemy's cache of compiled statements for all engines of one driver. Each engine has a cache of its
    own, and a test that opens a database would compile again all that it executes.
    """

    def get(self, key: tuple[object, ...], default: object = None) -> object:
        return super().get(key[1:], default)

    def __setitem__(self, key: tuple[object, ...], compiled: object) -> None:
        super().__setitem__(key[1:], compiled)  # the first entry is the engine's dialect


_compiled: dict[str, _CompiledOnce] = defaultdict(_CompiledOnce)


@sa.event.listens_for(sa.Engine, "engine_connect")
def _share_compiled_statements(connection: sa.Connection) -> None:
    connection.execution_options(compiled_cache=_compiled[connection.dialect.driver])


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
    return _again() if _emptied else _created(_postgres_template())


def empty_database_url(folder: Path) -> str:
    """As ``fresh_database_url``, without any table."""
    if database_kind() == "sqlite":
        return f"sqlite:///{folder / f'empty-{uuid.uuid4().hex[:8]}.db'}"
    url = _created("template0")
    _unlike.add(_made[-1])
    return url


def stored_bytes(database: Database) -> bytes:
    """Everything that the database holds, as it is on disk or in a backup."""
    url = database.engine.url
    if url.drivername == "sqlite":
        assert url.database is not None
        files = (Path(url.database), Path(f"{url.database}-wal"))
        return b"".join(path.read_bytes() for path in files if path.exists())
    content = b""
    with psycopg.connect(cluster().url(str(url.database))) as connection:
        for table in metadata.sorted_tables:
            with connection.cursor().copy(f"COPY {table.name} TO STDOUT (FORMAT binary)".encode()) as copied:
                content += b"".join(bytes(block) for block in copied)
    return content


def cluster() -> Cluster:
    """The PostgreSQL cluster of these tests; skips the test where there is none."""
    try:
        return running_cluster()
    except ProgramsMissingError as error:
        pytest.skip(str(error))


def take_back_databases() -> None:
    """Empties the databases that were handed out so far; clients that are still connected are cut off."""
    while _made:
        name = _made.pop()
        cluster().run(
            f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'"  # noqa: S608
        )
        if name in _unlike or not _empty(name):
            cluster().run(f"DROP DATABASE {name} WITH (FORCE)")
        else:
            _emptied.append(name)


def _empty(name: str) -> bool:
    """False if a test made something else of it than a migrated database."""
    tables = [f"DELETE FROM {table.name}" for table in reversed(metadata.sorted_tables)]  # noqa: S608
    script = "; ".join(["BEGIN", *tables, "ALTER SEQUENCE attempt_id_seq RESTART", "COMMIT"])
    try:
        cluster().run(script, name)
    except psycopg.Error:
        return False
    return True


def _again() -> str:
    name = _emptied.pop()
    _made.append(name)
    return cluster().url(name)


def _created(template: str) -> str:
    name = f"node_{uuid.uuid4().hex[:12]}"
    cluster().run(f"CREATE DATABASE {name} TEMPLATE {template}")
    _made.append(name)
    return cluster().url(name)


@cache
def _sqlite_template() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="cityledger-db-"))
    owner = os.getpid()

    def remove() -> None:
        if os.getpid() == owner:  # not in a process that was forked
            shutil.rmtree(folder, ignore_errors=True)

    atexit.register(remove)
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

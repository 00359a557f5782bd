"""PostgreSQL as a node uses it: every commit synced, reads of one snapshot, serialisable writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import event

from cityledger.errors import UnavailableError
from cityledger.store.engine.failures import LOCK_NOT_AVAILABLE, sql_state

if TYPE_CHECKING:  # the driver is loaded for a PostgreSQL database only: it takes half a second
    import psycopg

SCHEMES = ("postgresql", "postgres", "postgresql+psycopg")
READING: dict[str, Any] = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
WRITING: dict[str, Any] = {"isolation_level": "SERIALIZABLE"}
LOCK_TIMEOUT_MS = 10_000
"""Maximum wait of a writer for another, as SQLite's busy timeout."""
_CONNECT: Mapping[str, Any] = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "application_name": "cityledger",
}
# The server's own settings could differ: synchronous_commit = off loses acknowledged writes.
_SESSION = f"SET synchronous_commit = on; SET lock_timeout = {LOCK_TIMEOUT_MS}; SET timezone = 'UTC'"
Horizon = int
"""The number of the next transaction at a moment: all that have ended by then have lower ones."""
REWRITE_BYTES = 64 << 20
"""A table up to this length is rewritten, which takes about a second and blocks its readers for that time."""
_TURN = 0x63697479_6C656467
"""Key of the advisory lock; it has to be the same in every process that writes to the database."""


def create_engine(url: sa.URL) -> sa.Engine:
    # hide_parameters: rows hold wrapped keys and tokens' digests, which no log or error may show.
    engine = sa.create_engine(
        url.set(drivername="postgresql+psycopg"),
        connect_args={name: value for name, value in _CONNECT.items() if name not in url.query},
        pool_size=16,
        max_overflow=32,
        pool_pre_ping=True,  # a restart of the server is noticed before a transaction begins
        hide_parameters=True,
    )
    event.listen(engine, "connect", _prepare)
    return engine


def _prepare(raw: psycopg.Connection[Any], _record: object) -> None:
    with _outside_transactions(raw):
        raw.execute(_SESSION)


@contextmanager
def turn(connection: sa.Connection, *, is_taken: bool) -> Iterator[None]:
    """Waits until no other writer is active, if ``is_taken``.

    It must be held before the transaction begins: otherwise the snapshot would be older than the lock, and
    lead to the conflict that waiting avoids. A writer that waits too long continues without it.
    """
    if not is_taken:
        yield
        return
    raw = connection.connection.driver_connection
    if raw is None:
        raise UnavailableError("the database's connection was lost")
    is_locked = _take_turn(raw)
    try:
        yield
    finally:
        if is_locked:
            _end_turn(raw)


def _take_turn(raw: psycopg.Connection[Any]) -> bool:
    import psycopg

    try:
        with _outside_transactions(raw):
            raw.execute("SELECT pg_advisory_lock(%s)", (_TURN,))
    except psycopg.errors.LockNotAvailable:
        return False
    except psycopg.Error as error:
        raise UnavailableError(f"the database did not answer: {type(error).__name__}") from error
    return True


def _end_turn(raw: psycopg.Connection[Any]) -> None:
    """Releases the lock; closes a session that cannot, which releases it as well."""
    import psycopg

    try:
        with _outside_transactions(raw):
            raw.execute("SELECT pg_advisory_unlock(%s)", (_TURN,))
    except psycopg.Error:
        raw.close()


@contextmanager
def _outside_transactions(raw: psycopg.Connection[Any]) -> Iterator[None]:
    before = raw.autocommit
    raw.autocommit = True
    yield
    if not raw.closed:
        raw.autocommit = before


def horizon(engine: sa.Engine) -> Horizon:
    """The number of the next transaction."""
    with _autocommit(engine) as connection:
        query = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
        return Horizon(connection.exec_driver_sql(query).scalar_one())


def purge(engine: sa.Engine, tables: Iterable[str], before: Horizon) -> bool:
    """Removes the dead rows of transactions below ``before``, and rewrites the files of short tables, where
    vacuuming alone would leave the bytes in free space.

    Returns False if a session still sees an older state, or uses the tables: it must be tried again.
    """
    with _autocommit(engine) as connection:
        oldest = connection.exec_driver_sql(_OLDEST_SEEN).scalar()
        if oldest is not None and oldest < before:
            return False
        for table in tables:
            is_short = connection.exec_driver_sql(_LENGTH, (table,)).scalar_one() <= REWRITE_BYTES
            try:
                connection.exec_driver_sql(f"VACUUM {'(FULL) ' if is_short else ''}{table}")
            except sa.exc.OperationalError as error:
                if sql_state(error) == LOCK_NOT_AVAILABLE:
                    return False
                raise
        return True


# The views number transactions in 32 bits, this module in 64: the age is the distance to the newest number.
_OLDEST_SEEN = """SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint - max(age(seen)) FROM (
    SELECT backend_xmin AS seen FROM pg_stat_activity
    WHERE backend_xmin IS NOT NULL AND pid <> pg_backend_pid()
    UNION ALL SELECT transaction FROM pg_prepared_xacts
    UNION ALL SELECT xmin FROM pg_replication_slots WHERE xmin IS NOT NULL) AS seen"""
_LENGTH = "SELECT pg_table_size(%s::regclass)"


@contextmanager
def _autocommit(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A connection outside of transactions, as VACUUM needs, that waits for locks one second only: every
    later statement waits for a waiting VACUUM (FULL) too.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("SET lock_timeout = 1000")
        try:
            yield connection
        finally:
            connection.exec_driver_sql(f"SET lock_timeout = {LOCK_TIMEOUT_MS}")

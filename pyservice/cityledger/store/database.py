"""Opens a node's database with full durability, and turns the driver's failures into ours.

A transaction that returned is on disk: SQLite runs in WAL mode with ``synchronous=FULL``, so every commit
is synced.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, IntegrityError

from cityledger.errors import CityledgerError, StorageFullError, UnavailableError

BUSY_TIMEOUT_MS = 10_000


class Database:
    """One database, opened once a process. ``reading`` sees a snapshot; ``writing`` takes the write lock at
    once.
    """

    def __init__(self, url: str) -> None:
        self.engine = _create_engine(url)

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A read transaction: everything read inside is of one moment."""
        with translated(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A write transaction, durable when the block ends without an error, gone when it does not.

        Raises:
            StorageFullError: the disk is full or the database read-only; nothing was written.
        """
        with translated(), self.engine.connect() as connection:
            writer = connection.execution_options(cityledger_write=True)
            with writer.begin():
                yield writer

    def close(self) -> None:
        self.engine.dispose()


def _create_engine(url: str) -> sa.Engine:
    # hide_parameters: rows hold wrapped keys and tokens' digests, which no log or error may show.
    engine = sa.create_engine(url, pool_size=16, max_overflow=32, hide_parameters=True)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(raw: Any, _record: object) -> None:
    # The driver would otherwise open transactions on its own, and never for reads: a "snapshot" would be
    # none.
    raw.isolation_level = None
    cursor = raw.cursor()
    for pragma in (
        f"busy_timeout = {BUSY_TIMEOUT_MS}",
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
        "secure_delete = ON",  # an erased wrapped key must not linger in a free page
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    # BEGIN IMMEDIATE: a reader that turns writer halfway could fail with "busy" after having decided on old
    # rows.
    wants_write = connection.get_execution_options().get("cityledger_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if wants_write else "BEGIN")


@contextmanager
def translated() -> Iterator[None]:
    """Failures of the driver come out as ours; a broken constraint stays, for its author to explain."""
    try:
        yield
    except IntegrityError:
        raise
    except DBAPIError as error:
        raise _our_error(error) from error


def _our_error(error: DBAPIError) -> CityledgerError:
    told = str(error.orig).lower()
    if any(sign in told for sign in ("full", "readonly", "read-only", "disk i/o", "no space")):
        return StorageFullError("the database cannot be written: the disk is full or it is read-only")
    return UnavailableError(f"the database did not answer: {type(error.orig).__name__}")

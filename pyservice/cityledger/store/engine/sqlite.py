"""SQLite as a node uses it: every commit synced, read transactions that are snapshots, one writer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from cityledger.sealing.private_files import make_private_file

BUSY_TIMEOUT_MS = 10_000
TRUNCATE_TIMEOUT_MS = 250


def create_engine(url: sa.URL) -> sa.Engine:
    _make_private(url)
    # hide_parameters: rows hold wrapped keys and tokens' digests, which no log or error may show.
    engine = sa.create_engine(url, pool_size=16, max_overflow=32, hide_parameters=True)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _make_private(url: sa.URL) -> None:
    """Creates the file as private: SQLite would make it readable for all, and its WAL and index likewise."""
    if url.database and url.database != ":memory:" and Path(url.database).parent.is_dir():
        try:
            make_private_file(Path(url.database))
        except OSError:
            return  # a folder that cannot be written is reported by the first connection


def _prepare(raw: Any, _record: object) -> None:
    # The driver would otherwise open transactions itself, and never for reads, which then have no snapshot.
    raw.isolation_level = None
    cursor = raw.cursor()
    for pragma in (
        f"busy_timeout = {BUSY_TIMEOUT_MS}",
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
        # Records are filed under random keys: in a store of millions each write touches other pages of each
        # index. The upper pages of all of them fit in, and a page that is written often is flushed once.
        "cache_size = -16384",
        "wal_autocheckpoint = 2048",
        # An erased wrapped key must not stay in a free page; purging.py removes it from the log.
        "secure_delete = ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: sa.Connection) -> None:
    # BEGIN IMMEDIATE: a reader that becomes a writer could fail with "busy" after having decided on old rows.
    wants_write = connection.get_execution_options().get("cityledger_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if wants_write else "BEGIN")


def truncate_log(engine: sa.Engine) -> bool:
    """Moves everything from the write-ahead log into the database and empties the log file.

    Returns False if a reader still needs the log: it must be tried again. Writers wait for at most
    ``TRUNCATE_TIMEOUT_MS``.
    """
    raw = engine.raw_connection()
    try:
        cursor = raw.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {TRUNCATE_TIMEOUT_MS}")
        try:
            (is_blocked, _frames, _moved) = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        return not is_blocked
    finally:
        raw.close()

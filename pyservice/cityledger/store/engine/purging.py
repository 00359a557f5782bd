"""Removes destroyed keys from the database's files as well: a deleted key stays readable in SQLite's
write-ahead log and in dead rows of PostgreSQL. Source: SPEC.md §5, Erasure.

A transaction that destroys a key also marks the database, and a loop purges it and removes the mark. So a
crash between the two is repaired at the next start, and an overdue purge is visible.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from uuid import uuid4

import sqlalchemy as sa

from cityledger.errors import CityledgerError
from cityledger.store import node_state
from cityledger.store.engine import postgresql, sqlite
from cityledger.store.engine.database import Database
from cityledger.store.engine.failures import translated
from cityledger.store.engine.journal import Journal
from cityledger.store.tables import import_job, record_identifier, record_version
from cityledger.store.tables import node_state as node_state_table

log = logging.getLogger(__name__)
PURGE_SECONDS = 60
"""Maximum time until a destroyed key has left the files, unless a reader of an older state delays it."""
SQLITE_EVERY_SECONDS, POSTGRESQL_EVERY_SECONDS = 1.0, 20.0
_MARK = "purge_due"
_TABLES = (record_version, record_identifier, import_job)


def mark(connection: sa.Connection, now: int) -> None:
    """Marks the database; called in each transaction that destroys a key or an identifier. ``now`` in Unix
    seconds."""
    since = find_due(connection)
    # A new value each time, so that a purge which began before this transaction does not remove the mark.
    node_state.put_value(connection, _MARK, f"{now if since is None else since} {uuid4().hex}")


def find_due(connection: sa.Connection) -> int | None:
    """Time of the oldest destruction that is not purged (Unix seconds); None if there is none."""
    stored = node_state.find_value(connection, _MARK)
    return None if stored is None else int(stored.split()[0])


class Purging:
    """Purges one database; one thread calls it."""

    def __init__(self, database: Database, journal: Journal) -> None:
        self._database, self._journal = database, journal
        self._every = POSTGRESQL_EVERY_SECONDS if database.is_shared else SQLITE_EVERY_SECONDS
        self._seen = ""
        self._horizon: postgresql.Horizon | None = None

    def run(self, stop: threading.Event, leads: Callable[[], bool]) -> None:
        """Purges until ``stop`` is set; what cannot be purged now is tried again."""
        while not stop.wait(self._every):
            if leads():
                self._try()

    def turn(self) -> bool:
        """Purges a marked database; returns whether nothing is left to purge.

        Raises:
            UnavailableError: the database does not answer; the mark stays.
        """
        with self._database.reading() as connection:
            seen = node_state.find_value(connection, _MARK)
        if seen is None:
            return True
        if not self._purge(seen):
            return False
        is_seen = (node_state_table.c.key == _MARK) & (node_state_table.c.value == seen)
        removed = self._journal.run(
            lambda connection: connection.execute(node_state_table.delete().where(is_seen)).rowcount
        )
        return bool(removed)

    def _try(self) -> None:
        try:
            self.turn()
        except CityledgerError as error:
            log.warning("destroyed keys are not purged yet error=%s", type(error).__name__)

    def _purge(self, seen: str) -> bool:
        with translated():
            if not self._database.is_shared:
                return sqlite.truncate_log(self._database.engine)
            if self._horizon is None or self._seen != seen:
                self._seen, self._horizon = seen, postgresql.horizon(self._database.engine)
            return postgresql.purge(self._database.engine, [one.name for one in _TABLES], self._horizon)

"""One leader among the processes of a node, for loops that only one process should run.

The leader holds a lock that ends with the process, however that ends: PostgreSQL's session lock on a
connection of its own, or a lock on a file next to SQLite's. It prevents duplicate work, not duplicate
numbers: unique constraints do that, since a process may continue for a moment after its lock is lost.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Protocol, TextIO

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from cityledger.errors import ConfigurationError
from cityledger.store.engine.database import Database

log = logging.getLogger(__name__)
LOOK_SECONDS = 1.0
"""Lifetime of an answer: bounds how late a leader's end is noticed, by itself and by its successor."""
INDEXER = "indexer"
"""Name of the lead of the index, which one process has for all nodes of a database."""
PURGING = "purging"
_SERVED = "served"


class Lock(Protocol):
    def is_held(self) -> bool:
        """Tries to acquire the lock; returns whether this process holds it."""

    def release(self) -> None: ...


class Leadership:
    """Acquires the lead of ``name`` in a database. One thread calls it."""

    def __init__(
        self, database: Database, name: str, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._name = name
        self._monotonic = monotonic
        self._lock = lock_of(database, name)
        self._leads = False
        self._asked_at: float | None = None

    def leads(self) -> bool:
        """Returns whether this process leads. Never raises: a process that cannot ask does not lead."""
        now = self._monotonic()
        if self._asked_at is None or now - self._asked_at >= LOOK_SECONDS:
            self._asked_at = now
            self._tell(self._lock.is_held())
        return self._leads

    def close(self) -> None:
        """Releases the lead for another process."""
        self._lock.release()
        self._leads = False

    def _tell(self, leads: bool) -> None:
        if leads != self._leads:
            log.info("leadership %s name=%s", "taken" if leads else "lost", self._name)
        self._leads = leads


def lock_of(database: Database, name: str) -> Lock:
    """The lock ``name`` of a database, not acquired yet."""
    if database.is_shared:
        return _SessionLock(database, name)
    return _FileLock(database, name)


def hold_database(database: Database) -> Lock:
    """The lock that a process holds while it serves a database, wherever its folder is. One process at a time
    has it for SQLite, since two would give the same numbers; many for PostgreSQL.

    Raises:
        ConfigurationError: another process holds it, or has exclusive use of the database.
        UnavailableError: the database does not answer.
    """
    if not database.is_shared:
        return _acquired(
            lock_of(database, _SERVED),
            "another process already serves this SQLite database: stop it first, or use PostgreSQL",
        )
    _ask(database)
    return _acquired(
        _SessionLock(database, _SERVED, shares=True),
        "another process restores, rebuilds or migrates this database: wait until it has ended",
    )


@contextmanager
def sole_user(database: Database) -> Iterator[None]:
    """Exclusive use of the database: no process serves it within, from any folder.

    Raises:
        ConfigurationError: another process serves it, or has exclusive use.
        UnavailableError: the database does not answer.
    """
    taken = "another process serves this database, possibly from another folder: stop it first"
    with ExitStack() as stack:
        _ask(database)
        # A serving process lost the first lock if the server was restarted, but it takes the lead again.
        for lock in (lock_of(database, _SERVED), lock_of(database, INDEXER)):
            stack.callback(_acquired(lock, taken).release)
        yield


def _acquired(lock: Lock, otherwise: str) -> Lock:
    if not lock.is_held():
        raise ConfigurationError(otherwise)
    return lock


def _ask(database: Database) -> None:
    """Raises if the database does not answer: a lock that cannot be requested would look like a taken one."""
    with database.reading():
        return


class _SessionLock:
    """A lock that a database session holds, and that is lost when the session breaks. Processes that share it
    hold it together, and exclude the others.
    """

    def __init__(self, database: Database, name: str, *, shares: bool = False) -> None:
        self._take = sa.func.pg_try_advisory_lock_shared if shares else sa.func.pg_try_advisory_lock
        self._engine = database.engine.execution_options(isolation_level="AUTOCOMMIT")
        self._key = int.from_bytes(
            hashlib.sha256(f"cityledger/{name}".encode()).digest()[:8], "big", signed=True
        )
        self._session: sa.Connection | None = None

    def is_held(self) -> bool:
        try:
            return self._is_alive() if self._session is not None else self._is_taken()
        except SQLAlchemyError as error:
            log.warning("leadership not requested error=%s", type(error).__name__)
            self.release()
            return False

    def release(self) -> None:
        """Closes the session instead of unlocking it: a pool would keep the session, and a broken one cannot
        unlock.
        """
        if self._session is not None:
            self._session.invalidate()
            self._session.close()
            self._session = None

    def _is_alive(self) -> bool:
        assert self._session is not None
        return bool(self._session.execute(sa.text("SELECT true")).scalar_one())

    def _is_taken(self) -> bool:
        session = self._engine.connect()
        try:
            taken = bool(session.execute(sa.select(self._take(self._key))).scalar_one())
        except BaseException:
            session.invalidate()
            session.close()
            raise
        if taken:
            self._session = session
        else:
            session.close()
        return taken


class _FileLock:
    """A lock that an open file next to the database holds."""

    def __init__(self, database: Database, name: str) -> None:
        path = database.engine.url.database
        self._path = None if not path else Path(f"{path}.{name.replace('/', '-')}.lock")
        self._file: TextIO | None = None

    def is_held(self) -> bool:
        if self._path is None or self._file is not None:  # a database in memory has no other process
            return True
        try:
            file = self._path.open("a")
        except OSError as error:
            log.warning("leadership not requested error=%s", type(error).__name__)
            return False
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            return False
        self._file = file
        return True

    def release(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

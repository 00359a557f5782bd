"""Translates the drivers' failures into ours, by the messages of SQLite and the codes of PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from cityledger.errors import CityledgerError, StorageFullError, UnavailableError, WriteConflictError

# SQLSTATE, PostgreSQL's appendix A.
LOCK_NOT_AVAILABLE = "55P03"
_CONFLICTS = ("40001", "40P01", LOCK_NOT_AVAILABLE)
"""Serialisation failure, deadlock, lock timeout."""
_NO_ROOM = ("53100", "25006")
"""Disk full; a read-only transaction, as on a standby."""
_NOT_WRITTEN = ("22", "23", "25", "40", "42", "53", "54", "55")
"""Classes of errors with which a commit surely wrote nothing."""
_SQLITE_NO_ROOM = ("full", "readonly", "read-only", "disk i/o", "no space")


@contextmanager
def translated() -> Iterator[None]:
    """Raises the driver's failures as ours; a violated constraint is re-raised for the caller to explain."""
    try:
        yield
    except IntegrityError:
        raise
    except PoolTimeoutError as error:
        raise UnavailableError("every connection to the database is in use; try again") from error
    except DBAPIError as error:
        raise our_error(error) from error


def our_error(error: DBAPIError) -> CityledgerError:
    state = sql_state(error)
    if state in _CONFLICTS:
        return WriteConflictError("the same rows were written concurrently; try again")
    message = str(error.orig).lower()
    if state in _NO_ROOM or (state is None and any(sign in message for sign in _SQLITE_NO_ROOM)):
        return StorageFullError("the database cannot be written: the disk is full or it is read-only")
    return UnavailableError(f"the database did not answer: {type(error.orig).__name__}")


def sql_state(error: DBAPIError) -> str | None:
    """PostgreSQL's five characters; None from SQLite, and where the connection broke."""
    state = getattr(error.orig, "sqlstate", None)
    return state if isinstance(state, str) else None


def is_undone(error: DBAPIError) -> bool:
    """Returns whether a commit that failed with this error certainly wrote nothing.

    A failure of SQLite means that. PostgreSQL may have written and then have lost the connection, or been
    shut down, before it could answer.
    """
    if type(error.orig).__module__.startswith("sqlite3"):
        return True
    state = sql_state(error)
    return state is not None and state.startswith(_NOT_WRITTEN)

"""Determines whether a commit that was cut off took effect. PostgreSQL only: SQLite commits in this process.

Each group of the journal inserts a mark, a row of its own, in its transaction. Where the connection breaks
while the group commits, another connection tries to insert a fence with the mark's key. The server makes it
wait for the broken transaction, if that is still alive; then either the fence is stored, so that the group
cannot be written late, or the mark exists, and with it the whole group.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random

from cityledger.errors import UnknownOutcomeError
from cityledger.store.engine.database import Database
from cityledger.store.tables import commit_mark as table

SEARCH_SECONDS = 60
"""Time to wait for a server that does not answer."""
MARK_SECONDS = 86_400
"""Lifetime of marks whose process ended without removing them."""


def new_mark() -> bytes:
    return uuid.uuid4().bytes


def put(connection: sa.Connection, mark: bytes, now: int) -> None:
    """Inserts the mark in the transaction whose outcome may be unknown later; ``now`` in Unix seconds."""
    connection.execute(table.insert().values(id=mark, is_fence=False, made_at=now))


def was_written(database: Database, mark: bytes, now: int) -> bool:
    """Returns whether the transaction that inserted ``mark`` is durable; if it is not, it never will be.

    Raises:
        UnknownOutcomeError: the database was not available again in time.
    """
    tries = Retrying(
        stop=stop_after_delay(SEARCH_SECONDS),
        wait=wait_random(0.05, 0.5),
        retry=retry_if_exception_type(SQLAlchemyError),
        reraise=True,
    )
    try:
        return tries(_look, database, mark, now)
    except SQLAlchemyError as error:
        raise UnknownOutcomeError("the database did not confirm whether it wrote this") from error


def forget(database: Database, marks: Sequence[bytes], now: int) -> None:
    """Removes marks of transactions whose outcome is known, and those older than ``MARK_SECONDS``."""
    old = table.c.id.in_(marks) | (table.c.made_at < now - MARK_SECONDS)
    with _apart(database).connect() as connection:
        connection.execute(table.delete().where(old))


def _look(database: Database, mark: bytes, now: int) -> bool:
    with _apart(database).connect() as connection:
        try:
            connection.execute(table.insert().values(id=mark, is_fence=True, made_at=now))
        except IntegrityError:
            # It may be our own fence, inserted by an attempt whose answer was lost.
            found = sa.select(table.c.is_fence).where(table.c.id == mark)
            return not connection.execute(found).scalar_one()
    return False


def _apart(database: Database) -> sa.Engine:
    """Commits each statement separately, so that none waits for, or fails with, the serialisable ones."""
    return database.engine.execution_options(isolation_level="AUTOCOMMIT")

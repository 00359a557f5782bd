"""Finds out whether a commit that broke off was done. PostgreSQL only: SQLite commits in this process.

Each group of the journal leaves a mark, a row of its own, in its transaction. Where the connection breaks
while the group commits, another connection tries to take the mark's place. The server lets it wait for the
broken transaction, if that still lives; then either the place is free, and stays ours so that nothing can be
written late, or the mark is there, and with it the whole group.
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
"""How long to wait for a server that is gone."""
KEPT_SECONDS = 86_400
"""Marks of processes that ended without a word go after a day."""


def new_mark() -> bytes:
    return uuid.uuid4().bytes


def put(connection: sa.Connection, mark: bytes, now: int) -> None:
    """Leaves the mark in the transaction whose outcome may be asked for; ``now`` in Unix seconds."""
    connection.execute(table.insert().values(id=mark, is_fence=False, made_at=now))


def was_written(database: Database, mark: bytes, now: int) -> bool:
    """Whether the transaction that left ``mark`` is durable; if it is not, it never will be.

    Raises:
        UnknownOutcomeError: the database did not come back in time.
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
        raise UnknownOutcomeError("the database did not say whether it wrote this") from error


def forget(database: Database, marks: Sequence[bytes], now: int) -> None:
    """Removes marks of transactions whose outcome is known, and those that nobody will ask for."""
    old = table.c.id.in_(marks) | (table.c.made_at < now - KEPT_SECONDS)
    with _apart(database).connect() as connection:
        connection.execute(table.delete().where(old))


def _look(database: Database, mark: bytes, now: int) -> bool:
    with _apart(database).connect() as connection:
        try:
            connection.execute(table.insert().values(id=mark, is_fence=True, made_at=now))
        except IntegrityError:
            # It may be our own fence, put there by a try whose answer was lost.
            found = sa.select(table.c.is_fence).where(table.c.id == mark)
            return not connection.execute(found).scalar_one()
    return False


def _apart(database: Database) -> sa.Engine:
    """Each statement for itself, so that none waits for, or fails with, the serialisable ones."""
    return database.engine.execution_options(isolation_level="AUTOCOMMIT")

"""Opens a node's database with full durability, and translates the driver's failures into ours.

A transaction that returned is on disk: SQLite runs in WAL mode with ``synchronous=FULL``, PostgreSQL with
``synchronous_commit=on``, so every commit is synced. On both, write transactions are serialisable and read
transactions see one snapshot.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError

from cityledger.errors import ConfigurationError, UnknownOutcomeError
from cityledger.store.engine import postgresql, sqlite
from cityledger.store.engine.failures import is_undone, translated


class Database:
    """One database, opened once a process. ``reading`` sees a snapshot; ``writing`` is serialisable.

    Raises:
        ConfigurationError: the URL is neither SQLite's nor PostgreSQL's.
    """

    def __init__(self, url: str, *, takes_turns: bool = True) -> None:
        """``takes_turns``: writers of a PostgreSQL database wait for each other before they begin, rather
        than fail and retry. Nothing else depends on it.
        """
        self._takes_turns = takes_turns
        self.engine = _create_engine(url)
        self._reader = self._with_options(postgresql.READING)
        self._writer = self._with_options(postgresql.WRITING)

    @property
    def is_shared(self) -> bool:
        """True if several processes may write to it: PostgreSQL, not SQLite."""
        return self.engine.dialect.name == "postgresql"

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A read transaction: everything read inside is of one snapshot.

        Raises:
            UnavailableError: the database does not answer.
        """
        with translated(), self._reader.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A write transaction: durable if the block ends without an error, otherwise undone.

        Raises:
            StorageFullError: the disk is full or the database read-only; nothing was written.
            WriteConflictError: others wrote what this read or wrote; nothing was written, run it again.
            UnknownOutcomeError: the connection broke while committing: all of it was written, or nothing.
            UnavailableError: the database does not answer; nothing was written.
        """
        with translated(), self._writer.connect() as connection:
            writer = connection.execution_options(cityledger_write=True)
            with self._turn(writer):
                transaction = writer.begin()
                try:
                    yield writer
                except BaseException:
                    transaction.rollback()
                    raise
                _commit(transaction)

    def close(self) -> None:
        self.engine.dispose()

    def _turn(self, connection: sa.Connection) -> Any:
        return postgresql.turn(connection, is_taken=self.is_shared and self._takes_turns)

    def _with_options(self, options: dict[str, Any]) -> sa.Engine:
        return self.engine.execution_options(**options) if self.is_shared else self.engine


def is_shared(url: str) -> bool:
    """Returns whether several processes may write to the database at ``url``."""
    return _parsed(url).drivername in postgresql.SCHEMES


def _create_engine(url: str) -> sa.Engine:
    parsed = _parsed(url)
    if parsed.drivername in postgresql.SCHEMES:
        return postgresql.create_engine(parsed)
    if parsed.drivername != "sqlite":
        raise ConfigurationError(
            f"database_url begins with {parsed.drivername}: only sqlite:/// and postgresql:// are supported"
        )
    return sqlite.create_engine(parsed)


def _parsed(url: str) -> sa.URL:
    try:
        return sa.make_url(url)
    except ArgumentError as error:
        raise ConfigurationError("database_url is not a URL: write sqlite:///… or postgresql://…") from error


def _commit(transaction: sa.RootTransaction) -> None:
    try:
        transaction.commit()
    except BaseException as error:
        # A commit that failed may leave its transaction open: marked as ended, the pool rolls it back before
        # the connection has its next user.
        transaction.rollback()
        if isinstance(error, DBAPIError) and not is_undone(error):
            raise UnknownOutcomeError("the database did not confirm whether it wrote this") from error
        raise

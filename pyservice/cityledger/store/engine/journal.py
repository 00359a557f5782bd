"""Durable writes in groups: many callers, one commit.

A commit costs a disk sync however much it holds, so callers hand their work to one thread, which runs what
has queued up in one transaction, each piece under its own savepoint, commits, and only then answers.
*Acknowledged means durable*: ``run`` returns after the commit or raises, and a piece that failed leaves
nothing behind.

Other processes may write to the same PostgreSQL database. If they and a group touch the same rows, the
database refuses one of them, and then the whole group runs again: work is a function of its connection alone.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from cityledger.errors import UnavailableError, UnknownOutcomeError, WriteConflictError
from cityledger.store.engine import commit_marks
from cityledger.store.engine.database import Database
from cityledger.store.engine.failures import translated

log = logging.getLogger(__name__)
T = TypeVar("T")
Work = Callable[[sa.Connection], Any]
Observed = Callable[[int, float], None]
"""Called for each group, committed or not, with its number of pieces and its duration in seconds."""
GROUP_LIMIT = 256
"""Pieces in one commit; bounds how long the first of a group waits for the last."""
ROUNDS = 50
"""Maximum runs of a group while other processes write concurrently."""
ROUNDS_SECONDS = 30
"""Maximum time for running it again."""
_MARKS_LIMIT = 256


@dataclass(frozen=True, slots=True)
class _Piece:
    work: Work
    future: Future[Any]


@dataclass(frozen=True, slots=True)
class _Outcome:
    result: Any = None
    failed: Exception | None = None


class Journal:
    """The single writer of a process."""

    def __init__(self, database: Database, observed: Observed = lambda _pieces, _seconds: None) -> None:
        self._database = database
        self._observed = observed
        self._queue: queue.SimpleQueue[_Piece | None] = queue.SimpleQueue()
        self._closed = False
        self._taking = threading.Lock()
        self._marks: list[bytes] = []
        self._thread = threading.Thread(target=self._loop, name="journal", daemon=True)
        self._thread.start()

    def run(self, work: Callable[[sa.Connection], T]) -> T:
        """Runs ``work(connection)`` in the next group and returns its result once that is durable.

        ``work`` may run several times, of which only the last counts: it must do nothing but use its
        connection and return.

        Raises:
            StorageFullError: nothing was written.
            UnknownOutcomeError: the database was lost while it committed and did not return: either
                everything of this piece was written, or nothing.
            UnavailableError: nothing was written: the journal is closed, the database does not answer, or
                there were too many concurrent writes.
            Exception: whatever ``work`` raised; its own writes are undone, the others of the group remain.
        """
        piece = _Piece(work, Future())
        with self._taking:
            if self._closed:
                raise UnavailableError("the node is shutting down")
            self._queue.put(piece)
        result: T = piece.future.result()
        return result

    @property
    def waiting(self) -> int:
        """Approximate number of pieces that wait for a group."""
        return self._queue.qsize()

    def close(self) -> None:
        """Finishes what is queued and stops."""
        with self._taking:  # nothing may be queued behind the end: it would never be answered
            self._closed = True
            self._queue.put(None)
        self._thread.join()
        self._forget_marks()

    def _loop(self) -> None:
        while (group := self._next_group()) is not None:
            started = time.monotonic()
            self._commit(group)
            self._observed(len(group), time.monotonic() - started)

    def _next_group(self) -> list[_Piece] | None:
        piece = self._queue.get()
        group: list[_Piece] = []
        while piece is not None:
            group.append(piece)
            if len(group) == GROUP_LIMIT or self._queue.empty():
                return group
            piece = self._queue.get()
        if group:
            self._queue.put(None)
        return group or None

    def _commit(self, group: list[_Piece]) -> None:
        try:
            outcomes = self._written(group)
        except Exception as failure:  # nothing was committed: no caller may get a result
            outcomes = [_Outcome(failed=failure)] * len(group)
        for piece, outcome in zip(group, outcomes, strict=True):
            if outcome.failed is None:
                piece.future.set_result(outcome.result)
            else:
                piece.future.set_exception(outcome.failed)
        if len(self._marks) >= _MARKS_LIMIT:
            self._forget_marks()

    def _written(self, group: list[_Piece]) -> list[_Outcome]:
        deadline = time.monotonic() + ROUNDS_SECONDS
        for round_ in range(ROUNDS):
            try:
                return self._transact(group, is_first=round_ == 0)
            except WriteConflictError:
                if time.monotonic() > deadline:
                    raise
        raise WriteConflictError("too many concurrent writes of the same data; try again")

    def _transact(self, group: list[_Piece], *, is_first: bool) -> list[_Outcome]:
        outcomes: list[_Outcome] = []
        mark = commit_marks.new_mark()
        try:
            with self._database.writing() as connection:
                outcomes += [self._attempt(connection, piece, is_first=is_first) for piece in group]
                self._leave(connection, mark)
        except UnknownOutcomeError as error:
            self._verify_written(mark, error)
        return outcomes

    def _leave(self, connection: sa.Connection, mark: bytes) -> None:
        if self._database.is_shared:
            commit_marks.put(connection, mark, int(time.time()))
            self._marks.append(mark)

    def _verify_written(self, mark: bytes, broken: UnknownOutcomeError) -> None:
        """Returns if the group is durable nevertheless.

        Raises:
            UnknownOutcomeError: this cannot be determined.
            UnavailableError: it is not, and never will be.
        """
        if not commit_marks.was_written(self._database, mark, int(time.time())):
            raise UnavailableError("the database was lost before it wrote this; try again") from broken
        log.warning("connection lost while committing outcome=written")

    def _attempt(self, connection: sa.Connection, piece: _Piece, *, is_first: bool) -> _Outcome:
        """The outcome of a piece.

        Raises:
            WriteConflictError, UnavailableError: the transaction is lost, and every piece with it.
        """
        savepoint = connection.begin_nested()
        try:
            with translated():
                result = piece.work(connection)
                savepoint.commit()
        except Exception as error:
            self._verify_going_on(connection, error, is_first=is_first)
            if savepoint.is_active:
                savepoint.rollback()
            return _Outcome(failed=error)
        return _Outcome(result)

    def _verify_going_on(self, connection: sa.Connection, error: Exception, *, is_first: bool) -> None:
        if isinstance(error, WriteConflictError) or connection.invalidated:
            raise error
        # Another process may have committed the same key since this snapshot: running it again shows
        # whether it was that.
        if isinstance(error, IntegrityError) and is_first and self._database.is_shared:
            raise WriteConflictError("a row of the same key exists already") from error

    def _forget_marks(self) -> None:
        if not self._marks:
            return
        try:
            commit_marks.forget(self._database, self._marks, int(time.time()))
        except SQLAlchemyError as error:  # also errors of the pool itself: this thread must survive them
            log.warning("marks of commits not removed error=%s", type(error).__name__)
        self._marks.clear()

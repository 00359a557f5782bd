"""Durable writes in groups: many callers, one commit.

A commit costs a disk sync however much it holds, so callers hand their work to one thread, which runs what
has queued up in one transaction, each piece under its own savepoint, commits, and only then answers.
*Acknowledged means durable*: ``run`` returns after the commit or raises, and a piece that failed leaves
nothing behind.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

import sqlalchemy as sa

from cityledger.errors import UnavailableError
from cityledger.store.database import Database
from cityledger.store.failures import translated

T = TypeVar("T")
Work = Callable[[sa.Connection], Any]
Observed = Callable[[int, float], None]
"""Told of each group, committed or not: its pieces, and the seconds that it took."""
GROUP_LIMIT = 256
"""Pieces in one commit; bounds how long the first of a group waits for the last."""


@dataclass(frozen=True, slots=True)
class _Piece:
    work: Work
    future: Future[Any]


@dataclass(frozen=True, slots=True)
class _Outcome:
    result: Any = None
    failed: Exception | None = None


class Journal:
    """The one writer of a process."""

    def __init__(self, database: Database, observed: Observed = lambda _pieces, _seconds: None) -> None:
        self._database = database
        self._observed = observed
        self._queue: queue.SimpleQueue[_Piece | None] = queue.SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._loop, name="journal", daemon=True)
        self._thread.start()

    def run(self, work: Callable[[sa.Connection], T]) -> T:
        """Runs ``work(connection)`` in the next group and returns its result once that is durable.

        Raises:
            StorageFullError: nothing was written.
            UnavailableError: the journal is closed.
            Exception: whatever ``work`` raised; its own writes are undone, the others of the group stand.
        """
        if self._closed:
            raise UnavailableError("the node is shutting down")
        piece = _Piece(work, Future())
        self._queue.put(piece)
        result: T = piece.future.result()
        return result

    @property
    def waiting(self) -> int:
        """Pieces that no group has taken yet, about."""
        return self._queue.qsize()

    def close(self) -> None:
        """Finishes what is queued and stops."""
        self._closed = True
        self._queue.put(None)
        self._thread.join()

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
            with self._database.writing() as connection:
                outcomes = [self._attempt(connection, piece) for piece in group]
        except Exception as failure:  # the commit itself failed: nobody may be told that it worked
            outcomes = [_Outcome(failed=failure)] * len(group)
        for piece, outcome in zip(group, outcomes, strict=True):
            if outcome.failed is None:
                piece.future.set_result(outcome.result)
            else:
                piece.future.set_exception(outcome.failed)

    @staticmethod
    def _attempt(connection: sa.Connection, piece: _Piece) -> _Outcome:
        savepoint = connection.begin_nested()
        try:
            with translated():
                result = piece.work(connection)
                savepoint.commit()
        except Exception as error:
            if savepoint.is_active:
                savepoint.rollback()
            return _Outcome(failed=error)
        return _Outcome(result)

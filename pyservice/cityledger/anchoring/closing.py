"""Closes batches. Roots are computed where no writer waits for them; only rows go through the journal."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TypeVar

from cityledger.store.anchoring import batches, logs
from cityledger.store.anchoring.batches import Batch, Open
from cityledger.store.engine.database import Database
from cityledger.store.engine.journal import Journal
from cityledger.types import AgencyId

T = TypeVar("T")
LEAVES_AT_ONCE = 262_144
"""After this many leaves a closing pauses, so that the loop compares and sends (2 s of hashing)."""


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """A batch closes at ``max_leaves`` leaves or when its oldest leaf is ``max_age_seconds`` old."""

    max_age_seconds: float
    max_leaves: int


def close_due(
    database: Database, journal: Journal, hosted: Collection[AgencyId], limits: BatchLimits, now: int
) -> bool:
    """Closes the batches of all logs of the agencies that are due at ``now``. True if more may be due."""
    closed: list[Batch] = []
    leaves = 0
    for due in _list_due(database, hosted, limits, now):
        with database.reading() as connection:
            root = batches.root_of(connection, due)
        closed.append(Batch(due.log, due.first, due.count, root, now))
        leaves += due.count
        if leaves >= LEAVES_AT_ONCE:
            break
    if closed:
        # Leaves never change, so a root is valid whenever it was computed; but another process may have
        # been first, and a log may have been halted.
        journal.run(lambda connection: [batches.insert_closed(connection, one) for one in closed])
    return leaves >= LEAVES_AT_ONCE


def _list_due(
    database: Database, hosted: Collection[AgencyId], limits: BatchLimits, now: int
) -> Iterator[Open]:
    with database.reading() as connection:
        writable = [head for head in logs.list_heads_of(connection, hosted) if head.halted is None]
        due = [
            batches.list_due(
                connection, head, now, max_age=limits.max_age_seconds, max_leaves=limits.max_leaves
            )
            for head in writable
        ]
    yield from round_robin(due)


def round_robin(groups: list[list[T]]) -> Iterator[T]:
    """The first of each group, then the second of each, and so on: no group waits for all of another."""
    for place in range(max(map(len, groups), default=0)):
        yield from (group[place] for group in groups if place < len(group))

"""Closes open batches when a backup begins: a leaf can be proven only if its whole batch is known."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from functools import partial

import sqlalchemy as sa

from cityledger.proofs.merkle import MAX_BATCH_LEAVES
from cityledger.store.anchoring import batches, logs
from cityledger.store.anchoring.batches import Batch
from cityledger.store.engine.database import Database
from cityledger.store.engine.journal import Journal
from cityledger.types import LogId


def close_open_leaves(database: Database, now: int) -> None:
    """Closes batches over every leaf that is numbered by now, also while the node serves.

    Left open, a leaf could share a batch with later leaves that the backup lacks, and a database that is
    restored from it could never prove it. The node anchors these batches as its own.

    Raises:
        StorageFullError, UnavailableError: the database accepts no writes; some batches may be closed.
    """
    with database.reading() as connection:
        numbered = {head.log: head.next_seq for head in logs.list_heads(connection)}
    with closing(Journal(database)) as journal:
        while closed := _list_open(database, numbered, now):
            journal.run(partial(_close, closed))


def _close(due: list[Batch], connection: sa.Connection) -> None:
    for one in due:
        batches.insert_closed(connection, one)


def _list_open(database: Database, numbered: Mapping[LogId, int], now: int) -> list[Batch]:
    """The next batch of each log that is not closed up to that number; later leaves are ignored."""
    with database.reading() as connection:
        return [
            Batch(one.log, one.first, one.count, batches.root_of(connection, one), now)
            for head in logs.list_heads(connection)
            if head.halted is None and batches.batched_end(connection, head.log) < numbered.get(head.log, 0)
            for one in batches.list_due(
                connection, head, now, max_age=float("-inf"), max_leaves=MAX_BATCH_LEAVES, limit=1
            )
        ]

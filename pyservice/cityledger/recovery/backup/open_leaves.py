"""Closes what is open when a backup begins: a leaf can be proven as long as its whole batch is known."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing

from cityledger.proofs.merkle import MAX_BATCH_LEAVES
from cityledger.store.anchoring import batches, logs
from cityledger.store.anchoring.batches import Batch
from cityledger.store.engine.database import Database
from cityledger.store.engine.journal import Journal
from cityledger.types import LogId


def close_open_leaves(database: Database, now: int) -> None:
    """Puts every leaf that is numbered by now into a closed batch, beside a node that serves.

    Left open, it could come to share a batch with leaves that the backup lacks, and a database that is
    restored from it could never prove it. The node anchors these batches as its own.

    Raises:
        StorageFullError, UnavailableError: the database takes no writes; some may be closed.
    """
    with database.reading() as connection:
        numbered = {head.log: head.next_seq for head in logs.list_heads(connection)}
    with closing(Journal(database)) as journal:
        while closed := _list_open(database, numbered, now):
            journal.run(lambda held, found=closed: [batches.insert_closed(held, one) for one in found])  # type: ignore[misc]


def _list_open(database: Database, numbered: Mapping[LogId, int], now: int) -> list[Batch]:
    """The next batch of each log that is not closed up to that number; what comes later is not waited for."""
    with database.reading() as connection:
        return [
            Batch(one.log, one.first, one.count, batches.root_of(connection, one), now)
            for head in logs.list_heads(connection)
            if head.halted is None and batches.batched_end(connection, head.log) < numbered.get(head.log, 0)
            for one in batches.list_due(
                connection, head, now, max_age=float("-inf"), max_leaves=MAX_BATCH_LEAVES, limit=1
            )
        ]

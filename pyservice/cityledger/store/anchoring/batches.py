"""Closed batches, and the state that follows from the attempts to anchor them and from the index.

States are derived, never stored: a batch is *signed* while an attempt carries it, *mined* while the index
holds it with its root, and *final* once that block is. So a reorg that the indexer undoes returns a batch to
signed without further work.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from cityledger.proofs.merkle import Tree
from cityledger.store.anchoring import logs
from cityledger.store.anchoring.logs import LogHead
from cityledger.store.index.tables import idx_batch, idx_skipped
from cityledger.store.index.versions import select_now
from cityledger.store.tables import attempt, attempt_batch, batch, leaf
from cityledger.types import BatchState, LogId


@dataclass(frozen=True, slots=True)
class Batch:
    log: LogId
    first: int
    count: int
    root: bytes
    closed_at: int

    @property
    def end(self) -> int:
        """The first number after the batch."""
        return self.first + self.count


@dataclass(frozen=True, slots=True)
class Open:
    """Leaves that are to become a batch."""

    log: LogId
    first: int
    count: int


@dataclass(frozen=True, slots=True)
class Anchored:
    """A batch as the indexed chain holds it."""

    count: int
    root: bytes
    tx_hash: bytes
    block: int


@dataclass(frozen=True, slots=True)
class Tally:
    """Numbers of batches by state; each batch counts in one state only."""

    closed: int
    signed: int
    mined: int
    final: int


def list_due(
    connection: sa.Connection, head: LogHead, now: int, *, max_age: float, max_leaves: int, limit: int = 64
) -> list[Open]:
    """The batches of a log that are to be closed, lowest first: those that are full, and the rest if its
    oldest leaf is ``max_age`` seconds old.
    """
    first = batched_end(connection, head.log)
    full = min((head.next_seq - first) // max_leaves, limit)
    due = [Open(head.log, first + index * max_leaves, max_leaves) for index in range(full)]
    rest = Open(head.log, first + full * max_leaves, head.next_seq - first - full * max_leaves)
    if full < limit and rest.count and now - numbered_at(connection, head.log, rest.first) >= max_age:
        due.append(rest)
    return due


def root_of(connection: sa.Connection, leaves: Open) -> bytes:
    """The Merkle root over the leaves of a batch (SPEC.md §4). It takes 0.4 s for 65,536 leaves, so it must
    not be computed where writers wait.
    """
    return Tree(logs.load_hashes(connection, leaves.log, leaves.first, leaves.count)).root


def insert_closed(connection: sa.Connection, closed: Batch) -> bool:
    """Stores a batch if it begins where the last one ended; False if another process closed it first."""
    if batched_end(connection, closed.log) != closed.first:
        return False
    # Clocks of two processes differ: a batch is never closed before its last leaf was numbered.
    newest = numbered_at(connection, closed.log, closed.end - 1)
    connection.execute(batch.insert().values({**_row(closed), "closed_at": max(closed.closed_at, newest)}))
    return True


def batched_end(connection: sa.Connection, log: LogId) -> int:
    """The first number of a log that no closed batch holds."""
    query = sa.select(batch).where(batch.c.log == log).order_by(batch.c.first.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    return 0 if row is None else _batch(row).end


def list_pending(connection: sa.Connection, log: LogId, chain_next: int, limit: int = 64) -> list[Batch]:
    """Closed batches that the chain does not hold yet, lowest first."""
    wanted = (batch.c.log == log) & (batch.c.first >= chain_next)
    rows = connection.execute(sa.select(batch).where(wanted).order_by(batch.c.first).limit(limit))
    return [_batch(row) for row in rows]


def find_batch_of(connection: sa.Connection, log: LogId, seq: int) -> Batch | None:
    """The closed batch that holds a number, None while it is open."""
    wanted = (batch.c.log == log) & (batch.c.first <= seq)
    query = sa.select(batch).where(wanted).order_by(batch.c.first.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    return None if row is None or _batch(row).end <= seq else _batch(row)


def find_anchored(connection: sa.Connection, log: LogId, first: int) -> Anchored | None:
    """What the indexed chain holds at (log, first)."""
    wanted = (idx_batch.c.log == log) & (idx_batch.c.first == first)
    row = connection.execute(select_now(idx_batch).where(wanted)).one_or_none()
    return None if row is None else Anchored(row.size, row.root, row.tx_hash, row.valid_from)


def find_displaced(connection: sa.Connection, log: LogId, chain_next: int) -> int | None:
    """The first number of our lowest batch that the chain skipped because another batch is anchored there.

    Only skipped batches are examined, which are few: below a batch that the chain accepted, another can be
    anchored only if ours was refused in the same transaction or an earlier one.
    """
    ours, theirs, skipped = batch.c, idx_batch.c, idx_skipped.c
    same_place = (theirs.log == ours.log) & (theirs.first == ours.first) & theirs.valid_to.is_(None)
    query = (
        sa.select(ours.first)
        .join(idx_skipped, (skipped.log == ours.log) & (skipped.first == ours.first))
        .outerjoin(idx_batch, same_place)
        .where((skipped.log == log) & skipped.valid_to.is_(None) & (ours.first < chain_next))
        .where(theirs.root.is_(None) | (theirs.root != ours.root) | (theirs.size != ours.size))
        .order_by(ours.first)
        .limit(1)
    )
    return connection.execute(query).scalar_one_or_none()


def state_of(connection: sa.Connection, closed: Batch, final_block: int) -> BatchState:
    """The batch's state; ``final_block`` is the last final block's number."""
    anchored = find_anchored(connection, closed.log, closed.first)
    if anchored is not None and (anchored.root, anchored.count) == (closed.root, closed.count):
        return BatchState.FINAL if anchored.block <= final_block else BatchState.MINED
    signed = (attempt_batch.c.log == closed.log) & (attempt_batch.c.first == closed.first)
    is_signed = connection.execute(sa.select(sa.func.count()).where(signed)).scalar_one() > 0
    return BatchState.SIGNED if is_signed else BatchState.CLOSED


def tally(connection: sa.Connection, log: LogId, anchored: int, final_block: int) -> Tally:
    """Numbers of a log's batches by state, where the chain holds ``anchored`` leaves of it."""
    counted = sa.select(sa.func.count()).select_from(batch).where(batch.c.log == log)
    waiting = counted.where(batch.c.first >= anchored)
    is_signed = sa.exists().where((attempt_batch.c.log == log) & (attempt_batch.c.first == batch.c.first))
    on_chain = counted.where(batch.c.first < anchored)
    live = (idx_batch.c.log == log) & idx_batch.c.valid_to.is_(None) & (idx_batch.c.valid_from <= final_block)
    final = sa.select(sa.func.count()).select_from(idx_batch).where(live)
    signed = connection.execute(waiting.where(is_signed)).scalar_one()
    finals = connection.execute(final).scalar_one()
    return Tally(
        closed=connection.execute(waiting).scalar_one() - signed,
        signed=signed,
        mined=connection.execute(on_chain).scalar_one() - finals,
        final=finals,
    )


def is_own_transaction(connection: sa.Connection, tx_hash: bytes) -> bool:
    """Returns whether this node signed the transaction."""
    found = sa.select(sa.func.count()).where(attempt.c.tx_hash == tx_hash)
    return connection.execute(found).scalar_one() > 0


def numbered_at(connection: sa.Connection, log: LogId, seq: int) -> int:
    """Time when a leaf was numbered, in Unix seconds."""
    query = sa.select(leaf.c.numbered_at).where((leaf.c.log == log) & (leaf.c.seq == seq))
    return int(connection.execute(query).scalar_one())


def _row(closed: Batch) -> dict[str, Any]:
    return {
        "log": closed.log,
        "first": closed.first,
        "size": closed.count,
        "root": closed.root,
        "closed_at": closed.closed_at,
    }


def _batch(row: sa.Row[Any]) -> Batch:
    return Batch(LogId(row.log), row.first, row.size, row.root, row.closed_at)

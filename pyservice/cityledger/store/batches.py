"""Closed batches, attempts to anchor them, and the state that follows from both and from the index.

States are derived, never stored: a batch is *signed* while an attempt carries it, *mined* while the index
holds it with its root, and *final* once that block is. So a reorg that the indexer undoes brings a batch
back to signed by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from cityledger.proofs.merkle import Tree
from cityledger.store import logs
from cityledger.store.history import select_now
from cityledger.store.index_tables import idx_batch, idx_skipped
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
class Attempt:
    """A signed transaction. ``raw`` was durable before it was ever sent."""

    attempt: int
    account: str
    nonce: int
    raw: bytes
    tx_hash: bytes


@dataclass(frozen=True, slots=True)
class Anchored:
    """Where the chain holds a batch."""

    count: int
    root: bytes
    tx_hash: bytes
    block: int


def close_batch(
    connection: sa.Connection, log: LogId, now: int, *, max_age: float, max_leaves: int
) -> Batch | None:
    """Closes the unbatched tail of a log if it is full or its oldest leaf is ``max_age`` seconds old."""
    first = _batched_end(connection, log)
    tail = (leaf.c.log == log) & (leaf.c.seq >= first) & (leaf.c.seq < first + max_leaves)
    query = sa.select(sa.func.count(), sa.func.min(leaf.c.numbered_at)).where(tail)
    count, oldest = connection.execute(query).one()
    if count == 0 or (count < max_leaves and now - oldest < max_age):
        return None
    closed = Batch(log, first, count, Tree(logs.load_hashes(connection, log, first, count)).root, now)
    connection.execute(batch.insert().values(_row(closed)))
    return closed


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


def state_of(connection: sa.Connection, held: Batch, final_block: int) -> BatchState:
    """The batch's state; ``final_block`` is the last final block's number."""
    anchored = find_anchored(connection, held.log, held.first)
    if anchored is not None and (anchored.root, anchored.count) == (held.root, held.count):
        return BatchState.FINAL if anchored.block <= final_block else BatchState.MINED
    signed = (attempt_batch.c.log == held.log) & (attempt_batch.c.first == held.first)
    is_signed = connection.execute(sa.select(sa.func.count()).where(signed)).scalar_one() > 0
    return BatchState.SIGNED if is_signed else BatchState.CLOSED


def find_skip(connection: sa.Connection, log: LogId, first: int) -> int | None:
    """The reason for which the chain last skipped our batch that begins at ``first``; None if it did not.

    Only our own transactions are kept: anybody may send one that names our log, and is skipped for it.
    """
    wanted = (idx_skipped.c.log == log) & (idx_skipped.c.first == first)
    query = select_now(idx_skipped).where(wanted).order_by(idx_skipped.c.valid_from.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    return None if row is None else int(row.reason)


def is_own_transaction(connection: sa.Connection, tx_hash: bytes) -> bool:
    """Whether this node signed it."""
    found = sa.select(sa.func.count()).where(attempt.c.tx_hash == tx_hash)
    return connection.execute(found).scalar_one() > 0


def store_attempt(
    connection: sa.Connection,
    account: str,
    nonce: int,
    raw: bytes,
    tx_hash: bytes,
    batches: list[Batch],
    now: int,
    at_block: int,
) -> Attempt:
    """Keeps a signed transaction and what it carries; to be durable before the first broadcast."""
    values = {
        "account": account,
        "nonce": nonce,
        "replacement": 0,
        "raw": raw,
        "tx_hash": tx_hash,
        "signed_at": now,
        "at_block": at_block,
    }
    number = connection.execute(attempt.insert().values(values).returning(attempt.c.id)).scalar_one()
    carried = [{"attempt": number, "log": held.log, "first": held.first} for held in batches]
    if carried:  # a transaction that moves a head carries none
        connection.execute(attempt_batch.insert(), carried)
    return Attempt(number, account, nonce, raw, tx_hash)


def list_attempts(connection: sa.Connection, account: str, from_nonce: int) -> list[Attempt]:
    """The account's attempts with nonces from ``from_nonce``, lowest nonce first, newest first within one
    nonce.
    """
    wanted = (attempt.c.account == account) & (attempt.c.nonce >= from_nonce)
    query = sa.select(attempt).where(wanted).order_by(attempt.c.nonce, attempt.c.id.desc())
    return [
        Attempt(row.id, row.account, row.nonce, row.raw, row.tx_hash) for row in connection.execute(query)
    ]


def _batched_end(connection: sa.Connection, log: LogId) -> int:
    query = sa.select(batch).where(batch.c.log == log).order_by(batch.c.first.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    return 0 if row is None else _batch(row).end


def _row(held: Batch) -> dict[str, Any]:
    return {
        "log": held.log,
        "first": held.first,
        "size": held.count,
        "root": held.root,
        "closed_at": held.closed_at,
    }


def _batch(row: sa.Row[Any]) -> Batch:
    return Batch(LogId(row.log), row.first, row.size, row.root, row.closed_at)

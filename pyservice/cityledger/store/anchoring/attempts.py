"""Signed transactions of this node, with the batches that they carry. Each is stored permanently: any of
those with one nonce may be the one that is mined.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from cityledger.store.anchoring.batches import Batch
from cityledger.store.index.tables import idx_skipped
from cityledger.store.index.versions import select_now
from cityledger.store.tables import attempt, attempt_batch
from cityledger.types import Address, LogId


@dataclass(frozen=True, slots=True)
class Attempt:
    """A signed transaction. ``raw`` was durable before it was first sent."""

    attempt: int
    account: Address
    nonce: int
    replacement: int
    """0 for the first with its nonce."""
    raw: bytes
    tx_hash: bytes
    signed_at: int
    """Unix seconds, of the chain's clock."""
    at_block: int
    """The index's cursor when it was signed."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed transaction that is not stored yet."""

    raw: bytes
    tx_hash: bytes
    signed_at: int
    at_block: int


def store_first(
    connection: sa.Connection, account: Address, nonce: int, signed: Signed, carried: Iterable[Batch]
) -> Attempt:
    """Stores the first transaction with a nonce and its batches; it must be durable before it is sent.

    Raises:
        IntegrityError: another process of this node took the nonce.
    """
    stored = _store(connection, account, nonce, 0, signed)
    rows = [{"attempt": stored.attempt, "log": one.log, "first": one.first} for one in carried]
    if rows:  # a transaction that moves a head carries none
        connection.execute(attempt_batch.insert(), rows)
    return stored


def store_replacement(connection: sa.Connection, replaced: Attempt, signed: Signed) -> Attempt:
    """Stores the next transaction with the nonce of ``replaced``; it carries the same batches.

    Raises:
        IntegrityError: another process of this node replaced it.
    """
    stored = _store(connection, replaced.account, replaced.nonce, replaced.replacement + 1, signed)
    batches = sa.select(sa.literal(stored.attempt), attempt_batch.c.log, attempt_batch.c.first)
    carried = batches.where(attempt_batch.c.attempt == replaced.attempt)
    connection.execute(attempt_batch.insert().from_select(["attempt", "log", "first"], carried))
    return stored


def list_attempts(connection: sa.Connection, account: Address, from_nonce: int) -> list[Attempt]:
    """The account's attempts from a nonce on, lowest nonce first, and each nonce's newest first."""
    wanted = (attempt.c.account == account) & (attempt.c.nonce >= from_nonce)
    query = sa.select(attempt).where(wanted).order_by(attempt.c.nonce, attempt.c.replacement.desc())
    return [_attempt(row) for row in connection.execute(query)]


def list_hashes(connection: sa.Connection, account: Address, nonce: int) -> list[bytes]:
    """The hashes of all transactions with one nonce."""
    wanted = (attempt.c.account == account) & (attempt.c.nonce == nonce)
    return [row.tx_hash for row in connection.execute(sa.select(attempt.c.tx_hash).where(wanted))]


def find_end(connection: sa.Connection, account: Address) -> tuple[int, int]:
    """(the nonce after the highest that was signed, the highest ``at_block``); (0, −1) before the first
    attempt.
    """
    highest = sa.select(sa.func.max(attempt.c.nonce), sa.func.max(attempt.c.at_block))
    nonce, block = connection.execute(highest.where(attempt.c.account == account)).one()
    return (0, -1) if nonce is None else (nonce + 1, block)


def list_skips(connection: sa.Connection, log: LogId, first: int, from_nonce: int) -> list[int]:
    """The reasons for which the chain skipped our batch that begins at ``first``, oldest first; of our
    transactions with nonces from ``from_nonce``.
    """
    query = (
        select_now(idx_skipped)
        .join(attempt, attempt.c.tx_hash == idx_skipped.c.tx_hash)
        .where((idx_skipped.c.log == log) & (idx_skipped.c.first == first) & (attempt.c.nonce >= from_nonce))
        .order_by(attempt.c.nonce)
    )
    return [row.reason for row in connection.execute(query)]


def highest_expected(connection: sa.Connection, log: LogId) -> int:
    """The highest next number of a log that the chain reported when it skipped a batch of ours; 0 if none."""
    highest = sa.select(sa.func.max(idx_skipped.c.next_seq))
    live = (idx_skipped.c.log == log) & idx_skipped.c.valid_to.is_(None)
    return connection.execute(highest.where(live)).scalar_one() or 0


def list_failed_nonces(
    connection: sa.Connection, account: Address, log: LogId, first: int, between: range
) -> list[int]:
    """The nonces in ``between``, all mined, whose transactions carried a batch that is not on chain and
    reported no skip: those were mined with status 0.
    """
    carried = (
        sa.select(attempt.c.nonce)
        .distinct()
        .join(attempt_batch, attempt_batch.c.attempt == attempt.c.id)
        .where((attempt.c.account == account) & attempt.c.nonce.between(between.start, between.stop - 1))
        .where((attempt_batch.c.log == log) & (attempt_batch.c.first == first))
    )
    reported = (
        sa.select(attempt.c.nonce)
        .join(idx_skipped, idx_skipped.c.tx_hash == attempt.c.tx_hash)
        .where((attempt.c.account == account) & idx_skipped.c.valid_to.is_(None))
        .where((idx_skipped.c.log == log) & (idx_skipped.c.first == first))
    )
    query = carried.where(attempt.c.nonce.not_in(reported)).order_by(attempt.c.nonce)
    return list(connection.execute(query).scalars())


def _store(
    connection: sa.Connection, account: Address, nonce: int, replacement: int, signed: Signed
) -> Attempt:
    values = {
        "account": account,
        "nonce": nonce,
        "replacement": replacement,
        "raw": signed.raw,
        "tx_hash": signed.tx_hash,
        "signed_at": signed.signed_at,
        "at_block": signed.at_block,
    }
    query = attempt.insert().values(values).returning(attempt)
    return _attempt(connection.execute(query).one())


def _attempt(row: sa.Row[Any]) -> Attempt:
    return Attempt(
        row.id,
        Address(row.account),
        row.nonce,
        row.replacement,
        row.raw,
        row.tx_hash,
        row.signed_at,
        row.at_block,
    )

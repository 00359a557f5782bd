"""Figures about pending work, for the monitoring of a node. Each costs a few rows, however many records
there are.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from cityledger.store.anchoring.logs import LogHead, list_heads
from cityledger.store.imports import JobState
from cityledger.store.index.tables import idx_log
from cityledger.store.index.versions import select_now
from cityledger.store.tables import attempt, import_job, leaf
from cityledger.types import Address


@dataclass(frozen=True, slots=True)
class Unanchored:
    """The leaves of one log that the indexed chain does not hold."""

    head: LogHead
    leaves: int
    oldest: int | None
    """Time when the first of them was numbered, Unix seconds; None if there is none."""


@dataclass(frozen=True, slots=True)
class Pending:
    """Signed transactions that are not mined: nonces, and their replacements with a higher fee."""

    nonces: int
    replacements: int


def list_unanchored(connection: sa.Connection) -> list[Unanchored]:
    """One for each log of this node."""
    anchored = {row.log: row.next_seq for row in connection.execute(select_now(idx_log))}
    return [_unanchored(connection, head, anchored.get(head.log, 0)) for head in list_heads(connection)]


def count_pending(connection: sa.Connection, account: Address, mined: int) -> Pending:
    """Of the account's attempts from nonce ``mined`` on."""
    wanted = (attempt.c.account == account) & (attempt.c.nonce >= mined)
    found = sa.select(sa.func.count(sa.distinct(attempt.c.nonce)), sa.func.count()).where(wanted)
    nonces, attempts = connection.execute(found).one()
    return Pending(nonces, attempts - nonces)


def count_imports(connection: sa.Connection) -> int:
    """Files that wait to be imported or are being imported."""
    unfinished = import_job.c.state.in_((int(JobState.WAITING), int(JobState.RUNNING)))
    return connection.execute(sa.select(sa.func.count()).where(unfinished)).scalar_one()


def _unanchored(connection: sa.Connection, head: LogHead, anchored: int) -> Unanchored:
    count = max(head.next_seq - anchored, 0)
    first = (leaf.c.log == head.log) & (leaf.c.seq == anchored)
    oldest = connection.execute(sa.select(leaf.c.numbered_at).where(first)).scalar_one_or_none()
    return Unanchored(head, count, oldest if count else None)

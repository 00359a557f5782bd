"""Numbers leaves. A leaf's number, its hash and the log's head change together or not at all."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

import sqlalchemy as sa

from cityledger.errors import LogHaltedError
from cityledger.proofs.leaves import leaf_hash
from cityledger.store.tables import leaf, log_head
from cityledger.types import AgencyId, HaltCause, LeafHash, LogId, LogKind


class Leaf(Protocol):
    """Any leaf of SPEC.md §3 that a log can hold."""

    def struct_hash(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Numbered:
    log: LogId
    seq: int
    hash: LeafHash


@dataclass(frozen=True, slots=True)
class LogHead:
    log: LogId
    agency: AgencyId
    kind: LogKind
    next_seq: int
    last_leaf: LeafHash
    halted: HaltCause | None
    halt_detail: str | None
    failures_from_nonce: int
    """Failures of transactions with lower nonces do not count: an operator has examined them."""


def open_head(connection: sa.Connection, log: LogId, agency: AgencyId, kind: LogKind) -> None:
    """Makes this node the writer of a log that is new on chain."""
    connection.execute(
        log_head.insert().values(
            log=log, agency=agency, kind=kind, next_seq=0, last_leaf=bytes(32), failures_from_nonce=0
        )
    )


def append(
    connection: sa.Connection, log: LogId, now: int, make: Callable[[int, LeafHash], Leaf]
) -> Numbered:
    """Gives ``make(seq, hash of the leaf before)`` the next number of ``log``.

    The head row stays locked until the transaction ends, so numbers have neither gaps nor duplicates.

    Raises:
        LogHaltedError: the log is halted, so nothing may be numbered in it.
    """
    return append_many(connection, log, now, [make])[0]


def append_many(
    connection: sa.Connection, log: LogId, now: int, makes: Sequence[Callable[[int, LeafHash], Leaf]]
) -> list[Numbered]:
    """As ``append`` for each of ``makes`` in order, with three statements for all of them."""
    head = _locked_head(connection, log)
    if head.halted is not None:
        raise LogHaltedError(f"log {log} is halted: {head.halted}")
    numbered: list[Numbered] = []
    before = head.last_leaf
    for seq, make in enumerate(makes, start=head.next_seq):
        before = leaf_hash(make(seq, before).struct_hash())
        numbered.append(Numbered(log, seq, before))
    rows = [{"log": log, "seq": one.seq, "hash": one.hash, "numbered_at": now} for one in numbered]
    connection.execute(leaf.insert(), rows)
    moved = {"next_seq": head.next_seq + len(numbered), "last_leaf": before}
    connection.execute(log_head.update().where(log_head.c.log == log).values(moved))
    return numbered


def halt(connection: sa.Connection, log: LogId, cause: HaltCause, detail: str) -> None:
    """Stops a log: its leaves stay, nothing is numbered or anchored until an operator decides."""
    values = {"halted": cause.value, "halt_detail": detail}
    connection.execute(log_head.update().where(log_head.c.log == log).values(values))


def resume(connection: sa.Connection, log: LogId, failures_from_nonce: int) -> None:
    """Resumes a log; failures of transactions below ``failures_from_nonce`` are not counted again."""
    values = {"halted": None, "halt_detail": None, "failures_from_nonce": failures_from_nonce}
    connection.execute(log_head.update().where(log_head.c.log == log).values(values))


def count_all_failures(connection: sa.Connection, agencies: Collection[AgencyId]) -> None:
    """Counts the failures of every nonce again, because another account takes over with its own nonces."""
    here = log_head.c.agency.in_(list(agencies))
    connection.execute(log_head.update().where(here).values(failures_from_nonce=0))


def find_head(connection: sa.Connection, agency: AgencyId, kind: LogKind) -> LogHead | None:
    """The newest log of an agency and kind that this node writes, None if it writes none."""
    wanted = (log_head.c.agency == agency) & (log_head.c.kind == kind)
    query = sa.select(log_head).where(wanted).order_by(log_head.c.log.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    return None if row is None else _head(row)


def agency_of(connection: sa.Connection, log: LogId) -> AgencyId:
    """The agency of a log that this database writes."""
    query = sa.select(log_head.c.agency).where(log_head.c.log == log)
    return AgencyId(connection.execute(query).scalar_one())


def list_heads(connection: sa.Connection) -> list[LogHead]:
    """Heads of every log that nodes of this database write or wrote, by number."""
    return [_head(row) for row in connection.execute(sa.select(log_head).order_by(log_head.c.log))]


def list_heads_of(connection: sa.Connection, agencies: Collection[AgencyId]) -> list[LogHead]:
    """Heads of the logs of these agencies: those of one node, where several share the database."""
    return [head for head in list_heads(connection) if head.agency in agencies]


def is_continued(head: LogHead, heads: Sequence[LogHead]) -> bool:
    """Returns whether a newer log of the same agency and kind has replaced it for new leaves."""
    return any((one.agency, one.kind) == (head.agency, head.kind) and one.log > head.log for one in heads)


def load_hashes(connection: sa.Connection, log: LogId, first: int, count: int) -> list[LeafHash]:
    """The leaf hashes ``first … first + count − 1`` in order."""
    wanted = (leaf.c.log == log) & (leaf.c.seq >= first) & (leaf.c.seq < first + count)
    query = sa.select(leaf.c.hash).where(wanted).order_by(leaf.c.seq)
    return [LeafHash(row.hash) for row in connection.execute(query)]


def _locked_head(connection: sa.Connection, log: LogId) -> LogHead:
    query = sa.select(log_head).where(log_head.c.log == log).with_for_update()
    return _head(connection.execute(query).one())


def _head(row: sa.Row[tuple[object, ...]]) -> LogHead:
    return LogHead(
        log=LogId(row.log),
        agency=AgencyId(row.agency),
        kind=LogKind(row.kind),
        next_seq=row.next_seq,
        last_leaf=LeafHash(row.last_leaf),
        halted=None if row.halted is None else HaltCause(row.halted),
        halt_detail=row.halt_detail,
        failures_from_nonce=row.failures_from_nonce,
    )

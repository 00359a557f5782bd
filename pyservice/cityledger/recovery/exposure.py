"""Possible uses of an agency's stolen keys that one node's database shows: reads by its officers at this
node, releases that its sealing key opens, and writes and erasures in its name.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from cityledger.proofs.leaf_json import receipt_from_json
from cityledger.proofs.leaves import Receipt
from cityledger.store.engine.database import Database
from cityledger.store.tables import log_head, receipt, record_version, tombstone
from cityledger.types import AgencyId, DatasetId, LogId, RecordId, purpose_name

PAGE = 500
Place = tuple[int, int]
BEGIN: Place = (0, -1)
"""Before the first leaf."""
LIMITS = (
    "reads at other nodes: every provider's node has its own receipts; run this command there too",
    "the officer of a write or erasure: permitted writes leave no receipt",
    "data that left a node without a decision by its rules, for example through its operator",
    "copies of releases recorded in transit: a stolen sealing key opens them, whenever they were made",
)
"""Uses that this list cannot contain."""


@dataclass(frozen=True, slots=True)
class StolenKeys:
    """``since`` is the earliest time of the theft, Unix seconds. ``sealing_key_digest`` is that of a stolen
    sealing key: releases to it count whenever they were made."""

    agency: AgencyId
    since: int
    sealing_key_digest: bytes | None = None


@dataclass(frozen=True, slots=True)
class Exposed:
    """One leaf. ``what`` is "read", "refused", "write" or "erasure"; ``opens``: the stolen sealing key opens
    the release. ``officer`` and ``system`` are those that the receipt names, empty for other leaves."""

    log: LogId
    seq: int
    what: str
    at: int
    dataset: DatasetId
    record: RecordId
    version: int
    officer: str = ""
    system: str = ""
    purpose: str = ""
    opens: bool = False

    def to_json(self) -> dict[str, object]:
        return {
            "at": self.at,
            "what": self.what,
            "dataset": self.dataset,
            "record": self.record,
            "version": self.version,
            "officer": self.officer,
            "system": self.system,
            "purpose": self.purpose,
            "opens": self.opens,
            "log": self.log,
            "seq": self.seq,
        }


COLUMNS = (
    "at", "what", "dataset", "record", "version", "officer", "system", "purpose", "opens", "log", "seq",
)  # fmt: skip


def list_exposed(database: Database, stolen: StolenKeys, after: Place = BEGIN) -> Iterator[Exposed]:
    """Exposed leaves in the order of log and number, those after ``after``; in constant memory."""
    with database.reading() as connection:
        logs = connection.execute(sa.select(log_head.c.log, log_head.c.agency).order_by(log_head.c.log)).all()
    for log in logs:
        if log.log < after[0]:
            continue
        last = after[1] if log.log == after[0] else -1
        while found := _page(database, stolen, LogId(log.log), log.agency == stolen.agency, last):
            last, page = found
            yield from page


def _page(
    database: Database, stolen: StolenKeys, log: LogId, is_own: bool, last: int
) -> tuple[int, list[Exposed]] | None:
    """(the last number that was read, the exposed leaves up to it); None at the end of the log."""
    with database.reading() as connection:
        reads = _rows(connection, receipt, (receipt.c.consumer == stolen.agency), log, last)
        writes = _rows(connection, record_version, sa.true(), log, last) if is_own else []
        erasures = _rows(connection, tombstone, sa.true(), log, last) if is_own else []
    rows = sorted([*reads, *writes, *erasures], key=lambda one: int(one[1].seq))[:PAGE]
    if not rows:
        return None
    found = (_exposed(stolen, kind, row) for kind, row in rows)
    return int(rows[-1][1].seq), [one for one in found if one is not None]


def _rows(
    connection: sa.Connection, table: sa.Table, where: sa.ColumnElement[bool], log: LogId, last: int
) -> list[tuple[str, sa.Row[Any]]]:
    query = sa.select(table).where(where & (table.c.log == log) & (table.c.seq > last))
    return [(table.name, row) for row in connection.execute(query.order_by(table.c.seq).limit(PAGE))]


def _exposed(stolen: StolenKeys, kind: str, row: sa.Row[Any]) -> Exposed | None:
    if kind == receipt.name:
        return _read(stolen, row, receipt_from_json(json.loads(row.view)))
    at = row.written_at if kind == record_version.name else row.erased_at
    if at < stolen.since:
        return None
    what = "write" if kind == record_version.name else "erasure"
    return Exposed(
        LogId(row.log), row.seq, what, at, DatasetId(row.dataset), RecordId(row.record), row.version
    )


def _read(stolen: StolenKeys, row: sa.Row[Any], one: Receipt) -> Exposed | None:
    opens = stolen.sealing_key_digest is not None and one.sealing_key_digest == stolen.sealing_key_digest
    if one.at < stolen.since and not opens:
        return None
    return Exposed(
        log=LogId(row.log),
        seq=row.seq,
        what="read" if one.permit else "refused",
        at=one.at,
        dataset=one.dataset,
        record=one.record,
        version=one.version,
        officer=one.officer,
        system=one.system,
        purpose=purpose_name(one.purpose),
        opens=opens,
    )

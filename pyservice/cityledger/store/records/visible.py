"""Records by subject or identifier, without those that the rules hide: excluded inside the one query, so that
neither statements nor rows grow with what is hidden (SPEC.md §2.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from cityledger.store.index import tables as t
from cityledger.store.records.versions import StoredVersion, stored_version
from cityledger.store.tables import record_identifier, record_subject, record_version
from cityledger.store.tables import subject as subject_table
from cityledger.types import NO_AGENCY, AgencyId, DatasetId, RecordId, SubjectId


@dataclass(frozen=True, slots=True)
class Hiding:
    """Rules that hide a record from a caller: a seal by law, restrictions for these agencies (0 for all)."""

    by_seal: bool
    by_restrictions: tuple[AgencyId, ...]


def hiding_from(consumer: AgencyId, *, sealed: bool, for_all: bool, for_consumer: bool) -> Hiding:
    """``Hiding`` for one consumer."""
    restricted = ((NO_AGENCY, for_all), (consumer, for_consumer))
    return Hiding(sealed, tuple(agency for agency, hides in restricted if hides))


def find_of_subject(
    connection: sa.Connection,
    dataset: DatasetId,
    subject: SubjectId,
    hiding: Hiding,
    *,
    after: RecordId | None,
    limit: int,
) -> list[StoredVersion]:
    """The newest versions, readable and not hidden, that name a subject: by record, those above ``after``."""
    names = (record_subject.c.dataset == dataset) & (record_subject.c.subject == subject)
    page = _is_above(record_subject, names, after)
    return _load(connection, _newest_of(dataset, record_subject, page, hiding), limit)


def find_named_subject(
    connection: sa.Connection, provider: AgencyId, identifier: bytes, dataset: DatasetId, hiding: Hiding
) -> SubjectId | None:
    """The provider's pseudonym of an identifier (its HMAC) if ``find_of_subject`` finds any record of it,
    otherwise None: one query without a row, whether there is a pseudonym or not.
    """
    s = subject_table.c
    known = (s.provider == provider) & (s.identifier == identifier)
    named = sa.select(s.subject).where(known).scalar_subquery()
    names = (record_subject.c.dataset == dataset) & (record_subject.c.subject == named)
    query = sa.select(named).where(sa.exists(_newest_of(dataset, record_subject, names, hiding)))
    found = connection.execute(query).scalar_one_or_none()
    return None if found is None else SubjectId(found)


def find_of_identifier(
    connection: sa.Connection,
    dataset: DatasetId,
    identifier: bytes,
    hiding: Hiding,
    *,
    after: RecordId | None,
    limit: int,
) -> list[StoredVersion]:
    """The newest versions, readable and not hidden, that carry a business identifier, an HMAC: by record,
    those above ``after``.
    """
    table = record_identifier
    carries = (table.c.dataset == dataset) & (table.c.identifier == identifier)
    page = _is_above(table, carries, after)
    return _load(connection, _newest_of(dataset, table, page, hiding), limit)


def _is_above(
    table: sa.Table, names: sa.ColumnElement[bool], after: RecordId | None
) -> sa.ColumnElement[bool]:
    return names if after is None else names & (table.c.record > after)


def _newest_of(
    dataset: DatasetId, table: sa.Table, names: sa.ColumnElement[bool], hiding: Hiding
) -> sa.Select[Any]:
    """Versions that ``names`` finds in ``table`` and that are the newest of their records."""
    v = record_version.c
    # By a list of records, which SQLite evaluates first: a join would begin with the whole dataset.
    is_named = (v.dataset == dataset) & v.record.in_(sa.select(table.c.record).where(names))
    is_of = (v.dataset == table.c.dataset) & (v.record == table.c.record) & (v.version == table.c.version)
    later = record_version.alias("later")
    is_replaced = sa.exists(
        sa.select(sa.literal(1)).where(
            (later.c.dataset == v.dataset) & (later.c.record == v.record) & (later.c.version > v.version)
        )
    )
    is_readable = v.wrapped.is_not(None) & ~v.withdrawn
    names_it = sa.exists(sa.select(sa.literal(1)).where(names, is_of))
    shown = (is_named, names_it, is_readable, ~is_replaced, *_shown(hiding))
    return sa.select(record_version).where(*shown)


def _shown(hiding: Hiding) -> list[sa.ColumnElement[bool]]:
    v, shown = record_version.c, []
    if hiding.by_seal:
        seal = t.idx_seal.c
        of_record = (seal.dataset == v.dataset) & (seal.record == v.record) & seal.valid_to.is_(None)
        shown.append(~sa.exists(sa.select(sa.literal(1)).where(of_record)))
    if hiding.by_restrictions:
        one = t.idx_restriction.c
        of_record = (one.dataset == v.dataset) & (one.record == v.record) & one.valid_to.is_(None)
        is_for = one.consumer.in_(hiding.by_restrictions)
        shown.append(~sa.exists(sa.select(sa.literal(1)).where(of_record, is_for)))
    return shown


def _load(connection: sa.Connection, query: sa.Select[Any], limit: int) -> list[StoredVersion]:
    page = query.order_by(record_version.c.record).limit(limit)
    found, s = page.subquery("found"), record_subject.c
    is_of = (s.dataset == found.c.dataset) & (s.record == found.c.record) & (s.version == found.c.version)
    # An outer join, so that SQLite goes from the versions to their subjects and not the other way.
    named = sa.select(found, s.subject).select_from(found.outerjoin(record_subject, is_of))
    rows: dict[bytes, sa.Row[Any]] = {}
    subjects: dict[bytes, list[SubjectId]] = {}
    for row in connection.execute(named.order_by(found.c.record, s.subject)):
        rows[row.record] = row
        subjects.setdefault(row.record, []).extend([] if row.subject is None else [SubjectId(row.subject)])
    return [stored_version(row, tuple(subjects[record])) for record, row in rows.items()]

"""The version that a request names, found with the same statements and as many rows whether there is one or
not: the work of a denial must not distinguish a hidden record from an absent one (SPEC.md §2.1).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import sqlalchemy as sa

from cityledger.store.records.versions import StoredVersion, load_subjects, stored_version
from cityledger.store.tables import record_subject, record_version, replayed_tombstone, tombstone
from cityledger.types import NO_RECORD, DatasetId, ErasureReason, RecordId, SubjectId


@dataclass(frozen=True, slots=True)
class AskedVersion:
    """A stored version. ``is_tombstoned`` says that an erasure of it is stored, ``is_erased_by_request`` that
    its reason is the subject's request.
    """

    stored: StoredVersion
    is_tombstoned: bool
    is_erased_by_request: bool


def find_asked(
    connection: sa.Connection,
    dataset: DatasetId,
    record: RecordId,
    version: int | None,
    needs_subjects: Callable[[AskedVersion], bool],
) -> AskedVersion | None:
    """The named version, or the newest. Unless ``needs_subjects`` of it, it comes with its first subject
    only, which is all that a receipt of a denial names.
    """
    key = {"dataset": dataset, "record": record, "version": version}
    row = connection.execute(_finder(version is None), key).one()
    asked = None if row.record is None else _asked(row)
    # Asked also where nothing was found: then of a record that there cannot be.
    is_needed = asked is not None and needs_subjects(asked)
    subjects = load_subjects(connection, dataset, record if is_needed else NO_RECORD, row.version or 0)
    if asked is None or not is_needed:
        return asked
    return replace(asked, stored=replace(asked.stored, subjects=subjects))


def _asked(row: sa.Row[Any]) -> AskedVersion:
    first = () if row.first_subject is None else (SubjectId(row.first_subject),)
    return AskedVersion(stored_version(row, first), row.is_tombstoned, row.is_erased_by_request)


@cache
def _finder(is_newest: bool) -> sa.Select[Any]:
    """Always one row, all NULL where there is no such version."""
    v = record_version.c
    wanted = (v.dataset == sa.bindparam("dataset")) & (v.record == sa.bindparam("record"))
    if not is_newest:
        wanted &= v.version == sa.bindparam("version")
    found = sa.select(record_version).where(wanted).order_by(v.version.desc()).limit(1).subquery("found")
    return sa.select(
        *found.c,
        _first_subject(found).label("first_subject"),
        _has_tombstone(found).label("is_tombstoned"),
        _has_tombstone(found, ErasureReason.SUBJECT_REQUEST).label("is_erased_by_request"),
    ).select_from(sa.select(sa.literal(1).label("one")).subquery("one").outerjoin(found, sa.true()))


def _first_subject(found: sa.Subquery) -> sa.ScalarSelect[Any]:
    s = record_subject.c
    named = (s.dataset == found.c.dataset) & (s.record == found.c.record) & (s.version == found.c.version)
    query = sa.select(s.subject).where(named).order_by(s.subject).limit(1)
    return query.correlate(found).scalar_subquery()


def _has_tombstone(found: sa.Subquery, reason: ErasureReason | None = None) -> sa.ColumnElement[bool]:
    def in_table(table: sa.Table) -> sa.ColumnElement[bool]:
        t = table.c
        of_version = (
            (t.dataset == found.c.dataset) & (t.record == found.c.record) & (t.version == found.c.version)
        )
        if reason is not None:
            of_version &= t.reason == int(reason)
        return sa.exists(sa.select(sa.literal(1)).select_from(table).where(of_version).correlate(found))

    return in_table(tombstone) | in_table(replayed_tombstone)

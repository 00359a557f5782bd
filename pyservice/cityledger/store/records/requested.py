"""The version that a request names, found with the same statements and number of rows whether it exists or
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
class RequestedVersion:
    """A stored version. ``is_tombstoned`` says that an erasure of it is stored, ``is_erased_by_request`` that
    its reason is the subject's request.
    """

    stored: StoredVersion
    is_tombstoned: bool
    is_erased_by_request: bool


def find_requested(
    connection: sa.Connection,
    dataset: DatasetId,
    record: RecordId,
    version: int | None,
    needs_subjects: Callable[[RequestedVersion], bool],
) -> RequestedVersion | None:
    """The named version, or the newest. Unless ``needs_subjects`` of it, it has its first subject only, which
    is all that a receipt of a denial names.
    """
    key = {"dataset": dataset, "record": record, "version": version}
    row = connection.execute(_finder(version is None), key).one()
    requested = None if row.record is None else _requested_version(row)
    # Also queried where nothing was found: then for a record that cannot exist.
    is_needed = requested is not None and needs_subjects(requested)
    subjects = load_subjects(connection, dataset, record if is_needed else NO_RECORD, row.version or 0)
    if requested is None or not is_needed:
        return requested
    return replace(requested, stored=replace(requested.stored, subjects=subjects))


def _requested_version(row: sa.Row[Any]) -> RequestedVersion:
    first = () if row.first_subject is None else (SubjectId(row.first_subject),)
    return RequestedVersion(stored_version(row, first), row.is_tombstoned, row.is_erased_by_request)


@cache
def _finder(is_newest: bool) -> sa.Select[Any]:
    """Always one row, all NULL if the version does not exist."""
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

"""Erasures as rows: those that this database numbered, and those that a restore repeated."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from cityledger.proofs.leaves import Tombstone
from cityledger.proofs.tombstone_object import TombstoneObject
from cityledger.store.records import versions as records
from cityledger.store.records.versions import StoredVersion
from cityledger.store.records.writes import forget
from cityledger.store.tables import record_version, replayed_tombstone, tombstone
from cityledger.types import DatasetId, ErasureReason, LeafHash, LogId, RecordId


def list_tombstones(
    connection: sa.Connection, instance: bytes, *, after: tuple[int, int] = (0, -1), limit: int = 500
) -> list[TombstoneObject]:
    """The tombstones that this node numbered, in (log, seq) order after a cursor, not signed."""
    t, v = tombstone.c, record_version.c
    of_version = (t.dataset == v.dataset) & (t.record == v.record) & (t.version == v.version)
    later = (t.log > after[0]) | ((t.log == after[0]) & (t.seq > after[1]))
    query = (
        sa.select(tombstone, v.log.label("erased_log"), v.seq.label("erased_seq"))
        .join(record_version, of_version)
        .where(later)
        .order_by(t.log, t.seq)
        .limit(limit)
    )
    return [_object(row, instance) for row in connection.execute(query)]


def find_tombstone(
    connection: sa.Connection, instance: bytes, log: LogId, seq: int
) -> TombstoneObject | None:
    """The tombstone of a number, not signed; None if there is none."""
    found = list_tombstones(connection, instance, after=(log, seq - 1), limit=1)
    return next((one for one in found if (one.leaf.log, one.leaf.seq) == (log, seq)), None)


def find_tombstone_of(connection: sa.Connection, instance: bytes, version: StoredVersion) -> Tombstone | None:
    """The tombstone that this database numbered for a version; None if there is none."""
    t = tombstone.c
    of_version = (
        (t.dataset == version.dataset) & (t.record == version.record) & (t.version == version.version)
    )
    row = connection.execute(sa.select(t.log, t.seq).where(of_version)).one_or_none()
    found = None if row is None else find_tombstone(connection, instance, LogId(row.log), row.seq)
    return None if found is None else found.leaf


def list_erased_by_request(connection: sa.Connection, dataset: DatasetId, record: RecordId) -> set[int]:
    """The versions of a record that were erased at the subject's request."""
    found: set[int] = set()
    for table in (tombstone, replayed_tombstone):
        of_record = (table.c.dataset == dataset) & (table.c.record == record)
        is_request = table.c.reason == int(ErasureReason.SUBJECT_REQUEST)
        found |= set(connection.execute(sa.select(table.c.version).where(of_record, is_request)).scalars())
    return found


def erased_by_request(
    connection: sa.Connection, dataset: DatasetId, wanted: Collection[RecordId]
) -> dict[RecordId, dict[int, int]]:
    """``list_erased_by_request`` of many records, with the Unix seconds of each erasure; records without one
    are omitted."""
    found: dict[RecordId, dict[int, int]] = {}
    for table in (tombstone, replayed_tombstone):
        t = table.c
        of_records = (t.dataset == dataset) & t.record.in_(set(wanted))
        is_request = t.reason == int(ErasureReason.SUBJECT_REQUEST)
        query = sa.select(t.record, t.version, t.erased_at).where(of_records, is_request)
        for row in connection.execute(query):
            found.setdefault(RecordId(row.record), {})[row.version] = row.erased_at
    return found


def find_erased(connection: sa.Connection, one: TombstoneObject) -> StoredVersion | None:
    """The version whose leaf the tombstone erases; None if this database does not hold it."""
    place = (record_version.c.log == one.erased_log) & (record_version.c.seq == one.erased_seq)
    row = connection.execute(sa.select(record_version).where(place)).one_or_none()
    if row is None or row.leaf_hash != one.leaf.erased_leaf:
        return None
    return records.find_any_version(connection, DatasetId(row.dataset), RecordId(row.record), row.version)


def replay(connection: sa.Connection, one: TombstoneObject, version: StoredVersion, now: int) -> list[str]:
    """Repeats a tombstone's erasure, and records that; returns the objects that are no longer needed.

    The tombstone gets no number: its own belongs to leaves that this database does not hold.
    """
    keys = records.object_keys(connection, [version])
    connection.execute(
        replayed_tombstone.insert().values(
            log=one.leaf.log,
            seq=one.leaf.seq,
            dataset=version.dataset,
            record=version.record,
            version=version.version,
            erased_leaf=one.leaf.erased_leaf,
            reason=one.leaf.reason,
            erased_at=one.leaf.erased_at,
            unrecoverable_at=one.leaf.unrecoverable_at,
            signature=one.signature,
            replayed_at=now,
        )
    )
    forget(connection, version, now)
    return keys


def _object(row: sa.Row[Any], instance: bytes) -> TombstoneObject:
    leaf = Tombstone(
        instance=instance,
        log=LogId(row.log),
        seq=row.seq,
        erased_leaf=LeafHash(row.erased_leaf),
        reason=ErasureReason(row.reason),
        erased_at=row.erased_at,
        unrecoverable_at=row.unrecoverable_at,
    )
    return TombstoneObject(leaf, LogId(row.erased_log), row.erased_seq)

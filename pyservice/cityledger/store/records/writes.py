"""Numbers and stores sealed records, and erases them: the only places that change the tables of records."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import sqlalchemy as sa

from cityledger.errors import StaleVersionError
from cityledger.proofs.leaves import PartLeaf, RecordLeaf, Tombstone
from cityledger.store import dataset_writes
from cityledger.store.anchoring import logs
from cityledger.store.engine import purging
from cityledger.store.records import versions as records
from cityledger.store.records.vault_floors import verify_epochs
from cityledger.store.records.versions import SealedRecord, StoredVersion
from cityledger.store.tables import (
    record_identifier,
    record_part,
    record_subject,
    record_version,
    tombstone,
)
from cityledger.types import ErasureReason, LeafHash, LogId, RecordId


@dataclass(frozen=True, slots=True)
class Erasure:
    """Reason and time; from ``unrecoverable_at`` on (Unix seconds) no backup holds the wrapped key."""

    reason: ErasureReason
    erased_at: int
    unrecoverable_at: int


def append_version(
    connection: sa.Connection, instance: bytes, log: LogId, sealed: SealedRecord, now: int
) -> StoredVersion:
    """Numbers and stores a sealed version.

    Raises:
        VaultKeyRotatedError: its data key is wrapped under a vault key that is being retired.
        StaleVersionError: ``sealed.version`` is no longer the next one: another write was first.
    """
    return append_versions(connection, instance, log, [sealed], now)[0]


def append_versions(
    connection: sa.Connection, instance: bytes, log: LogId, sealed: Sequence[SealedRecord], now: int
) -> list[StoredVersion]:
    """As ``append_version`` for many of one dataset, in their order, with a few statements for all of them.
    One record may occur several times, with consecutive versions.
    """
    if not sealed:
        return []
    _verify_next(connection, sealed)
    verify_epochs(connection, logs.agency_of(connection, log), [one.wrapped for one in sealed])
    makes: list[Callable[[int, LeafHash], logs.Leaf]] = [partial(_leaf, instance, log, one) for one in sealed]
    numbered = logs.append_many(connection, log, now, makes)
    stored = [_stored(one, place, now) for one, place in zip(sealed, numbered, strict=True)]
    _insert(connection, sealed, stored)
    dataset_writes.add(connection, sealed[0].dataset, len(sealed))
    return stored


def erase(
    connection: sa.Connection, instance: bytes, log: LogId, versions: list[StoredVersion], when: Erasure
) -> list[logs.Numbered]:
    """Destroys the wrapped key of each version and numbers a tombstone for it, in one transaction."""
    return [_erase_one(connection, instance, log, version, when) for version in versions]


def _verify_next(connection: sa.Connection, sealed: Sequence[SealedRecord]) -> None:
    newest: dict[RecordId, int] = {}
    newest |= records.newest_versions(connection, sealed[0].dataset, [one.record for one in sealed])
    for one in sealed:
        if one.version != newest.get(one.record, 0) + 1:
            raise StaleVersionError(f"version {one.version} is not the next one of this record")
        newest[one.record] = one.version


def _leaf(instance: bytes, log: LogId, sealed: SealedRecord, seq: int, _before: LeafHash) -> RecordLeaf:
    return RecordLeaf(
        instance=instance,
        log=log,
        seq=seq,
        dataset=sealed.dataset,
        record=sealed.record,
        version=sealed.version,
        subjects=sealed.subjects,
        schema=sealed.schema,
        parts=tuple(PartLeaf(part.name, part.digest, part.commitment) for part in sealed.parts),
    )


def _stored(sealed: SealedRecord, place: logs.Numbered, now: int) -> StoredVersion:
    return StoredVersion(
        dataset=sealed.dataset,
        record=sealed.record,
        version=sealed.version,
        subjects=sealed.subjects,
        schema=sealed.schema,
        wrapped=sealed.wrapped,
        log=place.log,
        seq=place.seq,
        leaf_hash=place.hash,
        written_at=now,
        withdrawn=sealed.withdrawn,
    )


def _insert(
    connection: sa.Connection, sealed: Sequence[SealedRecord], stored: Sequence[StoredVersion]
) -> None:
    rows = {
        record_version: [_version_row(one) for one in stored],
        record_part: [row for one in sealed for row in _part_rows(one)],
        record_subject: [{**_key(one), "subject": subject} for one in sealed for subject in one.subjects],
        record_identifier: [
            {**_key(one), "identifier": digest} for one in sealed for digest in sorted(set(one.identifiers))
        ],
    }
    for table, values in rows.items():
        if values:
            connection.execute(table.insert(), values)


def _key(one: SealedRecord | StoredVersion) -> dict[str, object]:
    return {"dataset": one.dataset, "record": one.record, "version": one.version}


def _version_row(stored: StoredVersion) -> dict[str, object]:
    return {
        **_key(stored),
        "log": stored.log,
        "seq": stored.seq,
        "leaf_hash": stored.leaf_hash,
        "schema": stored.schema,
        "wrapped": stored.wrapped,
        "withdrawn": stored.withdrawn,
        "written_at": stored.written_at,
    }


def _part_rows(sealed: SealedRecord) -> Iterator[dict[str, object]]:
    for part in sealed.parts:
        yield {
            **_key(sealed),
            "bit": part.bit,
            "name": part.name,
            "ciphertext": part.ciphertext,
            "object": part.object,
            "sealed_bytes": part.sealed_bytes,
            "digest": part.digest,
            "commitment": part.commitment,
        }


def _erase_one(
    connection: sa.Connection, instance: bytes, log: LogId, version: StoredVersion, when: Erasure
) -> logs.Numbered:
    numbered = logs.append(
        connection,
        log,
        when.erased_at,
        lambda seq, _before: Tombstone(
            instance, log, seq, version.leaf_hash, when.reason, when.erased_at, when.unrecoverable_at
        ),
    )
    connection.execute(
        tombstone.insert().values(
            log=log,
            seq=numbered.seq,
            dataset=version.dataset,
            record=version.record,
            version=version.version,
            erased_leaf=version.leaf_hash,
            reason=when.reason,
            erased_at=when.erased_at,
            unrecoverable_at=when.unrecoverable_at,
        )
    )
    forget(connection, version, when.erased_at)
    return numbered


def forget(connection: sa.Connection, version: StoredVersion, now: int) -> None:
    """Removes the key and identifiers of a version, and marks them to be purged from the database's files."""
    purging.mark(connection, now)
    connection.execute(record_version.update().where(_is(record_version, version)).values(wrapped=None))
    connection.execute(record_identifier.delete().where(_is(record_identifier, version)))


def _is(table: sa.Table, version: StoredVersion) -> sa.ColumnElement[bool]:
    of_record = (table.c.dataset == version.dataset) & (table.c.record == version.record)
    return of_record & (table.c.version == version.version)

"""Sealed records: versions with their wrapped key, parts and subjects, and their erasure.

Nothing here can open a payload; rows hold ciphertext, digests and a data key that only the agency's vault
key unwraps.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from cityledger.errors import StaleVersionError, VerificationError
from cityledger.proofs.leaves import PartLeaf, RecordLeaf, Tombstone, leaf_hash
from cityledger.store import logs
from cityledger.store.tables import record_part, record_subject, record_version, tombstone
from cityledger.types import DatasetId, ErasureReason, LeafHash, LogId, RecordId, SubjectId


@dataclass(frozen=True, slots=True)
class SealedPart:
    bit: int
    name: str
    ciphertext: bytes
    digest: bytes
    commitment: bytes


@dataclass(frozen=True, slots=True)
class SealedRecord:
    """A version that is sealed and not yet numbered. ``parts`` are all parts of the dataset, in bit order."""

    dataset: DatasetId
    record: RecordId
    version: int
    subjects: tuple[SubjectId, ...]
    schema: bytes
    wrapped: bytes
    parts: tuple[SealedPart, ...]


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """A numbered version without its ciphertext. ``wrapped`` is None once it is erased."""

    dataset: DatasetId
    record: RecordId
    version: int
    subjects: tuple[SubjectId, ...]
    schema: bytes
    wrapped: bytes | None
    log: LogId
    seq: int
    leaf_hash: LeafHash
    written_at: int


def append_version(
    connection: sa.Connection, instance: bytes, log: LogId, sealed: SealedRecord, now: int
) -> StoredVersion:
    """Numbers and stores a sealed version.

    Raises:
        StaleVersionError: ``sealed.version`` is not the next one any more: somebody wrote in between.
    """
    if sealed.version != newest_version(connection, sealed.dataset, sealed.record) + 1:
        raise StaleVersionError(f"version {sealed.version} is not the next one of this record")
    numbered = logs.append(connection, log, now, lambda seq, _before: _leaf(instance, log, seq, sealed))
    stored = StoredVersion(
        sealed.dataset,
        sealed.record,
        sealed.version,
        sealed.subjects,
        sealed.schema,
        sealed.wrapped,
        log,
        numbered.seq,
        numbered.hash,
        now,
    )
    _insert(connection, stored, sealed.parts)
    return stored


def newest_version(connection: sa.Connection, dataset: DatasetId, record: RecordId) -> int:
    """The highest version ever written, erased or not; 0 if none."""
    query = sa.select(sa.func.max(record_version.c.version)).where(_is_of(record_version, dataset, record))
    return connection.execute(query).scalar() or 0


def find_version(
    connection: sa.Connection, dataset: DatasetId, record: RecordId, version: int | None = None
) -> StoredVersion | None:
    """One version (default: the newest). None if it was never written or is erased."""
    wanted = version or newest_version(connection, dataset, record)
    stored = find_any_version(connection, dataset, record, wanted)
    return None if stored is None or stored.wrapped is None else stored


def find_any_version(
    connection: sa.Connection, dataset: DatasetId, record: RecordId, version: int
) -> StoredVersion | None:
    """One version, also when it is erased."""
    of_record = _is_of(record_version, dataset, record) & (record_version.c.version == version)
    row = connection.execute(sa.select(record_version).where(of_record)).one_or_none()
    return None if row is None else _stored(row, _load_subjects(connection, dataset, record, version))


def list_versions(connection: sa.Connection, dataset: DatasetId, record: RecordId) -> list[StoredVersion]:
    """Every version, oldest first, erased ones included."""
    query = sa.select(record_version.c.version).where(_is_of(record_version, dataset, record))
    versions = connection.execute(query.order_by(record_version.c.version)).scalars().all()
    found = (find_any_version(connection, dataset, record, version) for version in versions)
    return [version for version in found if version is not None]


def load_parts(connection: sa.Connection, version: StoredVersion, mask: int = 0xFF) -> list[SealedPart]:
    """The parts of a version whose bits are in ``mask``, in bit order."""
    of_version = _is_of(record_part, version.dataset, version.record) & (
        record_part.c.version == version.version
    )
    rows = connection.execute(sa.select(record_part).where(of_version).order_by(record_part.c.bit))
    return [
        SealedPart(row.bit, row.name, row.ciphertext, row.digest, row.commitment)
        for row in rows
        if mask >> row.bit & 1
    ]


def load_leaf(connection: sa.Connection, instance: bytes, version: StoredVersion) -> RecordLeaf:
    """The leaf of a version, rebuilt from what is stored.

    Raises:
        VerificationError: that is not what was numbered: parts, subjects or schema were changed since.
    """
    parts = load_parts(connection, version)
    if not parts:
        raise VerificationError("the parts of a stored version are gone")
    rebuilt = RecordLeaf(
        instance=instance,
        log=version.log,
        seq=version.seq,
        dataset=version.dataset,
        record=version.record,
        version=version.version,
        subjects=version.subjects,
        schema=version.schema,
        parts=tuple(PartLeaf(part.name, part.digest, part.commitment) for part in parts),
    )
    if leaf_hash(rebuilt.struct_hash()) != version.leaf_hash:
        raise VerificationError("a stored version is not what its leaf commits to")
    return rebuilt


def find_records_of_subject(
    connection: sa.Connection, dataset: DatasetId, subject: SubjectId
) -> list[StoredVersion]:
    """The newest versions, not erased, that name a subject."""
    named = (record_subject.c.dataset == dataset) & (record_subject.c.subject == subject)
    rows = connection.execute(sa.select(record_subject.c.record).where(named).distinct()).scalars().all()
    found = (find_version(connection, dataset, RecordId(record)) for record in sorted(rows))
    return [version for version in found if version is not None and subject in version.subjects]


def erase(
    connection: sa.Connection, instance: bytes, log: LogId, versions: list[StoredVersion], when: Erasure
) -> list[logs.Numbered]:
    """Destroys the wrapped key of each version and numbers a tombstone for it, in one transaction."""
    return [_erase_one(connection, instance, log, version, when) for version in versions]


@dataclass(frozen=True, slots=True)
class Erasure:
    """Why and when; ``unrecoverable_at`` is when no backup holds the wrapped key any more (Unix seconds)."""

    reason: ErasureReason
    erased_at: int
    unrecoverable_at: int


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
    of_version = _is_of(record_version, version.dataset, version.record) & (
        record_version.c.version == version.version
    )
    connection.execute(record_version.update().where(of_version).values(wrapped=None))
    return numbered


def _leaf(instance: bytes, log: LogId, seq: int, sealed: SealedRecord) -> RecordLeaf:
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


def _insert(connection: sa.Connection, stored: StoredVersion, parts: tuple[SealedPart, ...]) -> None:
    of_version = {"dataset": stored.dataset, "record": stored.record, "version": stored.version}
    connection.execute(
        record_version.insert().values(
            **of_version,
            log=stored.log,
            seq=stored.seq,
            leaf_hash=stored.leaf_hash,
            schema=stored.schema,
            wrapped=stored.wrapped,
            withdrawn=False,
            written_at=stored.written_at,
        )
    )
    connection.execute(
        record_part.insert(),
        [
            {
                **of_version,
                "bit": part.bit,
                "name": part.name,
                "ciphertext": part.ciphertext,
                "sealed_bytes": len(part.ciphertext),
                "digest": part.digest,
                "commitment": part.commitment,
            }
            for part in parts
        ],
    )
    if stored.subjects:
        connection.execute(
            record_subject.insert(), [{**of_version, "subject": one} for one in stored.subjects]
        )


def _is_of(table: sa.Table, dataset: DatasetId, record: RecordId) -> sa.ColumnElement[bool]:
    return (table.c.dataset == dataset) & (table.c.record == record)


def _load_subjects(
    connection: sa.Connection, dataset: DatasetId, record: RecordId, version: int
) -> tuple[SubjectId, ...]:
    of_version = _is_of(record_subject, dataset, record) & (record_subject.c.version == version)
    query = sa.select(record_subject.c.subject).where(of_version).order_by(record_subject.c.subject)
    return tuple(SubjectId(value) for value in connection.execute(query).scalars())


def _stored(row: sa.Row[tuple[object, ...]], subjects: tuple[SubjectId, ...]) -> StoredVersion:
    return StoredVersion(
        dataset=DatasetId(row.dataset),
        record=RecordId(row.record),
        version=row.version,
        subjects=subjects,
        schema=row.schema,
        wrapped=row.wrapped,
        log=LogId(row.log),
        seq=row.seq,
        leaf_hash=LeafHash(row.leaf_hash),
        written_at=row.written_at,
    )

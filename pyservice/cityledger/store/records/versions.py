"""Sealed records as they are stored: versions with their wrapped key, parts and subjects.

Nothing here can open a payload; rows hold ciphertext, digests and a data key that only the agency's vault
key unwraps.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from cityledger.errors import VerificationError
from cityledger.proofs.leaves import PartLeaf, RecordLeaf, leaf_hash
from cityledger.store.tables import record_part, record_subject, record_version
from cityledger.types import DatasetId, LeafHash, LogId, RecordId, SubjectId


@dataclass(frozen=True, slots=True)
class SealedPart:
    """The sealed bytes are ``ciphertext``, or, where that is None, the object of the key ``object``, which is
    durable before a row names it.
    """

    bit: int
    name: str
    ciphertext: bytes | None
    digest: bytes
    commitment: bytes
    sealed_bytes: int
    object: str | None = None


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
    identifiers: tuple[bytes, ...] = ()
    """HMACs of its business identifiers (``store/records/identifiers.py``)."""
    withdrawn: bool = False
    """The record ends with this version; it may return with a later one."""


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
    withdrawn: bool = False

    @property
    def is_readable(self) -> bool:
        """True if it can be read: it is neither erased nor a withdrawal."""
        return self.wrapped is not None and not self.withdrawn


def newest_version(connection: sa.Connection, dataset: DatasetId, record: RecordId) -> int:
    """The highest version ever written, erased or not; 0 if none."""
    query = sa.select(sa.func.max(record_version.c.version)).where(_is_of(record_version, dataset, record))
    return connection.execute(query).scalar() or 0


def newest_versions(
    connection: sa.Connection, dataset: DatasetId, wanted: Iterable[RecordId]
) -> dict[RecordId, int]:
    """``newest_version`` of many records in one query; those never written are omitted."""
    of_dataset = (record_version.c.dataset == dataset) & record_version.c.record.in_(set(wanted))
    newest = sa.func.max(record_version.c.version).label("newest")
    query = sa.select(record_version.c.record, newest).where(of_dataset).group_by(record_version.c.record)
    return {RecordId(row.record): row.newest for row in connection.execute(query)}


def find_version(
    connection: sa.Connection, dataset: DatasetId, record: RecordId, version: int | None = None
) -> StoredVersion | None:
    """One version (default: the newest). None if it was never written, is erased or ends the record."""
    wanted = version or newest_version(connection, dataset, record)
    stored = find_any_version(connection, dataset, record, wanted)
    return stored if stored is not None and stored.is_readable else None


def find_any_version(
    connection: sa.Connection, dataset: DatasetId, record: RecordId, version: int
) -> StoredVersion | None:
    """One version, also if it is erased."""
    of_record = _is_of(record_version, dataset, record) & (record_version.c.version == version)
    row = connection.execute(sa.select(record_version).where(of_record)).one_or_none()
    return None if row is None else stored_version(row, load_subjects(connection, dataset, record, version))


def list_versions(
    connection: sa.Connection,
    dataset: DatasetId,
    record: RecordId,
    *,
    after: int = 0,
    limit: int | None = None,
) -> list[StoredVersion]:
    """The versions above ``after``, oldest first, erased ones included; all of them without a ``limit``."""
    subjects: dict[int, list[SubjectId]] = {}
    # Version numbers have no gaps, so that both queries can be cut by them.
    last = 2**32 - 1 if limit is None else after + limit
    named = sa.select(record_subject).where(_is_of(record_subject, dataset, record))
    named = named.where(record_subject.c.version.between(after + 1, last))
    for row in connection.execute(named.order_by(record_subject.c.subject)):
        subjects.setdefault(row.version, []).append(SubjectId(row.subject))
    query = sa.select(record_version).where(_is_of(record_version, dataset, record))
    query = query.where(record_version.c.version.between(after + 1, last))
    rows = connection.execute(query.order_by(record_version.c.version))
    return [stored_version(row, tuple(subjects.get(row.version, ()))) for row in rows]


def load_parts(connection: sa.Connection, version: StoredVersion, mask: int = 0xFF) -> list[SealedPart]:
    """The parts of a version whose bits are in ``mask``, in bit order; of objects only their keys."""
    wanted = _is_version(version) & record_part.c.bit.in_([bit for bit in range(8) if mask >> bit & 1])
    rows = connection.execute(sa.select(record_part).where(wanted).order_by(record_part.c.bit))
    return [
        SealedPart(
            row.bit, row.name, row.ciphertext, row.digest, row.commitment, row.sealed_bytes, row.object
        )
        for row in rows
    ]


def object_keys(connection: sa.Connection, versions: Iterable[StoredVersion]) -> list[str]:
    """The objects that hold parts of these versions."""
    is_object = record_part.c.object.is_not(None)
    queries = (sa.select(record_part.c.object).where(_is_version(one) & is_object) for one in versions)
    return [key for query in queries for key in connection.execute(query).scalars()]


def is_object_needed(connection: sa.Connection, key: str) -> bool:
    """Returns whether this object holds a part of a version that can still be opened."""
    of_version = (
        (record_version.c.dataset == record_part.c.dataset)
        & (record_version.c.record == record_part.c.record)
        & (record_version.c.version == record_part.c.version)
    )
    needs = (record_part.c.object == key) & record_version.c.wrapped.is_not(None)
    query = sa.select(sa.literal(1)).select_from(record_part).join(record_version, of_version).where(needs)
    return connection.execute(query).first() is not None


def load_leaf(connection: sa.Connection, instance: bytes, version: StoredVersion) -> RecordLeaf:
    """The leaf of a version, rebuilt from its rows.

    Raises:
        VerificationError: it differs from the numbered leaf: parts, subjects or schema were changed since.
    """
    parts = _load_part_leaves(connection, version)
    if not parts:
        raise VerificationError("the parts of a stored version are missing")
    rebuilt = RecordLeaf(
        instance=instance,
        log=version.log,
        seq=version.seq,
        dataset=version.dataset,
        record=version.record,
        version=version.version,
        subjects=version.subjects,
        schema=version.schema,
        parts=parts,
    )
    if leaf_hash(rebuilt.struct_hash()) != version.leaf_hash:
        raise VerificationError("a stored version does not match its leaf")
    return rebuilt


def load_subjects(
    connection: sa.Connection, dataset: DatasetId, record: RecordId, version: int
) -> tuple[SubjectId, ...]:
    """The subjects of one version, ascending."""
    of_version = _is_of(record_subject, dataset, record) & (record_subject.c.version == version)
    query = sa.select(record_subject.c.subject).where(of_version).order_by(record_subject.c.subject)
    return tuple(SubjectId(value) for value in connection.execute(query).scalars())


def stored_version(row: sa.Row[Any], subjects: tuple[SubjectId, ...]) -> StoredVersion:
    """A row of ``record_version`` and its subjects."""
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
        withdrawn=row.withdrawn,
    )


def _load_part_leaves(connection: sa.Connection, version: StoredVersion) -> tuple[PartLeaf, ...]:
    # Without the sealed bytes: a leaf names digests only, and there may be gigabytes behind them.
    part = record_part.c
    query = sa.select(part.name, part.digest, part.commitment).where(_is_version(version)).order_by(part.bit)
    return tuple(PartLeaf(row.name, row.digest, row.commitment) for row in connection.execute(query))


def _is_version(version: StoredVersion) -> sa.ColumnElement[bool]:
    return _is_of(record_part, version.dataset, version.record) & (record_part.c.version == version.version)


def _is_of(table: sa.Table, dataset: DatasetId, record: RecordId) -> sa.ColumnElement[bool]:
    return (table.c.dataset == dataset) & (table.c.record == record)

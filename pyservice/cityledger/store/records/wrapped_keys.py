"""Data keys as they are stored, by the epoch of the vault key that wraps them.

The bytes begin with the big-endian epoch, so that a comparison of bytes compares epochs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from cityledger.store.imports import Spooled
from cityledger.store.tables import import_job, log_head, record_version
from cityledger.types import AgencyId, DatasetId, LogId, RecordId

_v, _j = record_version.c, import_job.c


@dataclass(frozen=True, slots=True)
class WrappedVersion:
    """The wrapped data key of a record version that can still be opened."""

    log: LogId
    seq: int
    dataset: DatasetId
    record: RecordId
    version: int
    wrapped: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class WrappedFile:
    """The wrapped data key of a file that waits to be imported."""

    job: str
    dataset: DatasetId
    spooled: Spooled


def count_below(connection: sa.Connection, agency: AgencyId, epoch: int) -> int:
    """Data keys that are wrapped under vault keys of lower epochs."""
    versions = sa.select(sa.func.count()).select_from(record_version).where(_version_below(agency, epoch))
    files = sa.select(sa.func.count()).select_from(import_job).where(_file_below(agency, epoch))
    return sum(connection.execute(query).scalar_one() for query in (versions, files))


def list_versions_below(
    connection: sa.Connection, agency: AgencyId, epoch: int, after: tuple[int, int], limit: int
) -> list[WrappedVersion]:
    """Keys after the leaf ``(log, seq)``, in the order of their leaves."""
    log, seq = after
    behind = (_v.log > log) | ((_v.log == log) & (_v.seq > seq))
    query = sa.select(_v.log, _v.seq, _v.dataset, _v.record, _v.version, _v.wrapped)
    wanted = query.where(_version_below(agency, epoch) & behind).order_by(_v.log, _v.seq).limit(limit)
    return [
        WrappedVersion(
            LogId(row.log), row.seq, DatasetId(row.dataset), RecordId(row.record), row.version, row.wrapped
        )
        for row in connection.execute(wanted)
    ]


def list_files_below(connection: sa.Connection, agency: AgencyId, epoch: int) -> list[WrappedFile]:
    """All keys of files, since few files wait at a time."""
    query = sa.select(_j.id, _j.dataset, _j.object, _j.wrapped, _j.content_bytes)
    return [
        WrappedFile(row.id, DatasetId(row.dataset), Spooled(row.object, row.wrapped, row.content_bytes))
        for row in connection.execute(query.where(_file_below(agency, epoch)))
    ]


def replace_versions(connection: sa.Connection, pairs: Iterable[tuple[WrappedVersion, bytes]]) -> None:
    """Replaces each wrapped key that was read by its new one; keys that were erased or wrapped again since
    are not changed.
    """
    here = (
        (_v.dataset == sa.bindparam("of_dataset"))
        & (_v.record == sa.bindparam("of_record"))
        & (_v.version == sa.bindparam("of_version"))
        & (_v.wrapped == sa.bindparam("old"))
    )
    rows = [
        {
            "of_dataset": one.dataset,
            "of_record": one.record,
            "of_version": one.version,
            "old": one.wrapped,
            "new": new,
        }
        for one, new in pairs
    ]
    if rows:
        connection.execute(record_version.update().where(here).values(wrapped=sa.bindparam("new")), rows)


def replace_files(connection: sa.Connection, pairs: Sequence[tuple[WrappedFile, bytes]]) -> None:
    """As ``replace_versions``; a file that is no longer needed has no key to replace."""
    for one, new in pairs:
        here = (_j.id == one.job) & (_j.wrapped == one.spooled.wrapped)
        connection.execute(import_job.update().where(here).values(wrapped=new))


def _version_below(agency: AgencyId, epoch: int) -> sa.ColumnElement[bool]:
    logs = sa.select(log_head.c.log).where(log_head.c.agency == agency)
    return _v.log.in_(logs) & _is_below(_v.wrapped, epoch)


def _file_below(agency: AgencyId, epoch: int) -> sa.ColumnElement[bool]:
    return (_j.agency == agency) & _is_below(_j.wrapped, epoch)


def _is_below(wrapped: sa.ColumnElement[bytes], epoch: int) -> sa.ColumnElement[bool]:
    named = sa.func.substr(wrapped, 1, 4, type_=sa.LargeBinary)
    return wrapped.is_not(None) & (named < epoch.to_bytes(4, "big"))

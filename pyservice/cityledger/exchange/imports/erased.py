"""Keeps imports from bringing back what was erased at the subject's request.

A row is refused where the newest version of its record was erased so, or where the node received the file
before the erasure: the file may hold what was erased. A single write is a decision about one record, and is
permitted.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import sqlalchemy as sa

from cityledger.store import imports, tombstones
from cityledger.store.imports import Job
from cityledger.types import DatasetId, RecordId

ERASED = (
    "the record was erased at the subject's request, and a file does not bring it back; "
    "write the record by itself if there is a new reason to store it"
)

Erasures = Mapping[RecordId, Mapping[int, int]]
"""By record, the versions that were erased at the subject's request, with the seconds when."""


class ErasedRows:
    """The erasures that one import must respect. ``received`` is when the node first received the file."""

    def __init__(self, dataset: DatasetId, received: int) -> None:
        self._dataset, self._received = dataset, received

    @classmethod
    def of(cls, connection: sa.Connection, job: Job) -> ErasedRows:
        return cls(job.key.dataset, imports.first_received(connection, job.key))

    def load(self, connection: sa.Connection, records: Collection[RecordId]) -> Erasures:
        return tombstones.erased_by_request(connection, self._dataset, records)

    def forbid(self, erasures: Erasures, record: RecordId, newest: int) -> bool:
        """Returns whether a row must not write a record whose newest version is ``newest``."""
        erased = erasures.get(record, {})
        return newest in erased or any(at >= self._received for at in erased.values())

"""The texts of an import, which may name records and persons (``place``, the caller's case, a member that the
sender named): sealed for the agency before they are stored.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from cityledger.exchange.imports.request import ImportRequest, request_from_json
from cityledger.exchange.services import Services
from cityledger.sealing.context import hkdf_sha256
from cityledger.sealing.notes import open_note, seal_note
from cityledger.store.imports import Job
from cityledger.types import AgencyId, DatasetId

_LABEL = b"cityledger/v1/import-notes"


class Notes:
    """Seals and opens the texts of the imports into one dataset."""

    def __init__(self, services: Services, agency: AgencyId, dataset: DatasetId) -> None:
        """
        Raises:
            MisdirectedError: the agency's keys are not on this node.
        """
        self._random = services.random_bytes
        self._key = hkdf_sha256(services.keys_of(agency).subject_key, dataset, _LABEL)

    def seal(self, text: str) -> bytes:
        return seal_note(self._key, text, self._random(12))

    def open(self, sealed: bytes) -> str:
        """
        Raises:
            SealingError: altered.
        """
        return open_note(self._key, sealed)


@dataclass(frozen=True, slots=True)
class OpenedJob(Job):
    """A job with its texts: its request, and the reason for which it stopped."""

    request: ImportRequest
    failure: str | None


def opened(services: Services, job: Job) -> OpenedJob:
    """
    Raises:
        MisdirectedError: the agency's keys are not on this node.
        SealingError: what is stored was altered.
    """
    notes = Notes(services, job.key.agency, job.key.dataset)
    stored = {one.name: getattr(job, one.name) for one in fields(Job)}
    failure = None if job.sealed_failure is None else notes.open(job.sealed_failure)
    return OpenedJob(**stored, request=request_from_json(notes.open(job.sealed_options)), failure=failure)

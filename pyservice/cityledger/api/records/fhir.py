"""Medical records as FHIR over HTTP: ``application/fhir+json`` in addition to the JSON of every record."""

from __future__ import annotations

from collections.abc import Sequence

from cityledger.api.context import NodeContext
from cityledger.api.http.negotiation import Accepted
from cityledger.api.paths import get_dataset
from cityledger.api.strict_requests import FHIR, JSON
from cityledger.errors import MediaTypeError, NotAcceptableError, TooLargeError
from cityledger.exchange.imports.rows import MAX_IDENTIFIER_CHARACTERS
from cityledger.exchange.permits import Permit
from cityledger.exchange.subjects import name_subjects
from cityledger.formats.fhir_record import read_record
from cityledger.formats.rows import Identifier
from cityledger.profiles.medical import MEDICAL
from cityledger.profiles.record_body import MAX_SUBJECTS, RecordBody
from cityledger.types import DatasetId


def read_fhir(node: NodeContext, permit: Permit, data: bytes) -> RecordBody:
    """The record in a FHIR body. Its patients become subjects, by the provider's pseudonyms, which are made
    where there are none: so the write must be permitted first.

    Raises: as ``name_subjects``, and
        MediaTypeError: the dataset's records are not FHIR.
        MalformedJsonError, PayloadError: names the element.
        TooLargeError: too many bytes or patients, or an identifier of one is too long.
    """
    dataset = permit.dataset
    if dataset.profile != MEDICAL.name:
        raise MediaTypeError("Content-Type", f"must be {JSON}: the records of this dataset are not FHIR")
    record = read_record(data, max_bytes=node.settings.record_limit_bytes)
    _verify_patients(record.patients)
    return RecordBody(name_subjects(node.services, dataset.provider, record.patients), record.parts)


def _verify_patients(patients: Sequence[Identifier]) -> None:
    if len(patients) > MAX_SUBJECTS:
        raise TooLargeError("subject", f"the record has more than {MAX_SUBJECTS} patients")
    for one in patients:
        if max(len(one.system), len(one.value)) > MAX_IDENTIFIER_CHARACTERS:
            raise TooLargeError(
                "subject", f"a patient's identifier has more than {MAX_IDENTIFIER_CHARACTERS} characters"
            )


def is_fhir_wanted(node: NodeContext, dataset: DatasetId, wanted: Accepted) -> bool:
    """Whether to answer in FHIR: it is accepted by its full name, with at least the weight of plain JSON.

    Raises:
        NotAcceptableError: only FHIR is accepted, and the dataset's records are not FHIR.
        NotFoundError: no such dataset.
    """
    if not wanted.names(FHIR):
        return False
    if get_dataset(node, dataset).profile == MEDICAL.name:
        return wanted.weight_of(FHIR) >= wanted.weight_of(JSON)
    if wanted.weight_of(JSON) == 0:
        raise NotAcceptableError("Accept", f"must include {JSON}: the records of this dataset are not FHIR")
    return False

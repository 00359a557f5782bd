"""A Patient of an NDJSON file was another subject than its observations', and a patient whose reference leads
nowhere was no subject at all: reads of such records showed in no citizen's ledger."""

from __future__ import annotations

import io
import json

import pytest

from cityledger.formats import registry
from cityledger.formats.options import ImportOptions
from cityledger.formats.rows import Identifier, Row

PATIENT = {
    "resourceType": "Patient",
    "id": "p1",
    "identifier": [{"type": {"coding": [{"code": "MR"}]}, "system": "urn:hospital", "value": "7"}],
}
OBSERVATION = {"resourceType": "Observation", "id": "o1", "status": "final", "code": {"text": "weight"}}
REFERENCE = "urn:cityledger:fhir:reference"


def _subjects(name: str, text: str) -> list[tuple[object, ...]]:
    rows = list(registry.get(name).read(io.BytesIO(text.encode()), ImportOptions()))
    assert all(isinstance(row, Row) for row in rows), rows
    return [row.subjects for row in rows if isinstance(row, Row)]


def test_lines_name_a_patient_as_their_neighbours_refer_to_it() -> None:
    about = {**OBSERVATION, "subject": {"reference": "Patient/p1"}}

    found = _subjects("fhir-ndjson", f"{json.dumps(PATIENT)}\n{json.dumps(about)}\n")

    assert found == [(Identifier(REFERENCE, "Patient/p1"),)] * 2


@pytest.mark.parametrize("reference", ["urn:uuid:5b1d4f3c-0000-4000-8000-000000000000", "Patient/p1#x"])
def test_patient_whose_reference_leads_nowhere_is_a_subject_all_the_same(reference: str) -> None:
    about = {**OBSERVATION, "subject": {"reference": reference}}

    (found,) = _subjects("fhir", json.dumps(about))

    assert found == (Identifier(REFERENCE, reference),)


def test_subject_that_is_no_patient_stays_none() -> None:
    about = {**OBSERVATION, "subject": {"reference": "Group/g1"}}

    assert _subjects("fhir", json.dumps(about)) == [()]

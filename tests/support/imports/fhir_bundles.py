"""Small FHIR bundles, and the rows that a file of them becomes."""

import io
import json
from typing import Any

from cityledger.formats import registry
from cityledger.formats.options import ImportOptions
from cityledger.formats.rows import Identifier, RejectedRow, Row
from cityledger.profiles.fhir_slices import slices_of

UUIDS = {name: f"00000000-0000-4000-8000-{number:012}" for number, name in enumerate("PEFO", start=1)}
PATIENT = {
    "resourceType": "Patient",
    "id": UUIDS["P"],
    "name": [{"text": "王秀英"}],
    "identifier": [
        {"system": "http://example.org/card", "value": "C-1"},
        {
            "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}]},
            "system": "http://example.org/mrn",
            "value": "M-1",
        },
    ],
}
ENCOUNTER = {
    "resourceType": "Encounter",
    "id": UUIDS["E"],
    "status": "finished",
    "class": {"code": "AMB"},
    "subject": {"reference": f"urn:uuid:{UUIDS['P']}"},
}
OBSERVATION = {
    "resourceType": "Observation",
    "id": UUIDS["O"],
    "status": "final",
    "code": {"text": "Glucose"},
    "subject": {"reference": f"urn:uuid:{UUIDS['P']}"},
    "encounter": {"reference": f"urn:uuid:{UUIDS['E']}"},
}
MRN = Identifier("http://example.org/mrn", "M-1")


def entry(resource: dict[str, Any], **more: object) -> dict[str, Any]:
    return {"fullUrl": f"urn:uuid:{resource['id']}", "resource": resource, **more}


def bundle(*entries: dict[str, Any], **more: object) -> bytes:
    return json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries, **more}).encode()


def read(data: bytes, name: str = "fhir", **options: Any) -> list[Row | RejectedRow]:
    return list(registry.get(name).read(io.BytesIO(data), ImportOptions(**options)))


def read_rows(data: bytes, name: str = "fhir", **options: Any) -> list[Row]:
    rows = [row for row in read(data, name, **options) if isinstance(row, Row)]
    assert len(rows) == len(read(data, name, **options))
    return rows


def read_rejected(data: bytes, name: str = "fhir", **options: Any) -> list[tuple[int, str]]:
    return [(row.row_no, row.field) for row in read(data, name, **options) if isinstance(row, RejectedRow)]


def resources(row: Row) -> list[dict[str, Any]]:
    return [json.loads(one.data) for payload in row.parts.values() for one in slices_of(payload)]

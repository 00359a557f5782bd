import json
from typing import Any

import pytest

from cityledger.errors import FormatError
from cityledger.formats.fhir_bundle import MAX_LINE_BYTES
from cityledger.formats.fhir_entries import MAX_FILE_BYTES
from cityledger.formats.fhir_references import REFERENCE_SYSTEM
from cityledger.formats.rows import Act, Identifier, RejectedRow, Row
from cityledger.profiles.fhir_slices import slices_of
from cityledger.profiles.medical import MEDICAL
from support.imports.fhir_bundles import (
    ENCOUNTER,
    MRN,
    OBSERVATION,
    PATIENT,
    UUIDS,
    bundle,
    entry,
    read,
    read_rejected,
    read_rows,
    resources,
)


def test_read_makes_a_record_of_an_encounter_and_what_names_it() -> None:
    patient, encounter = read_rows(bundle(entry(OBSERVATION), entry(PATIENT), entry(ENCOUNTER)))
    assert (patient.row_no, patient.provider_id) == (2, f"Patient-{UUIDS['P']}")
    assert (encounter.row_no, encounter.provider_id) == (3, f"Encounter-{UUIDS['E']}")
    assert patient.subjects == encounter.subjects == (MRN,)
    assert set(encounter.parts) == {"summary", "observations"}
    assert resources(encounter) == [ENCOUNTER, OBSERVATION]
    assert encounter.act is Act.PUT


def test_read_keeps_full_urls_and_the_order_and_bytes_of_resources() -> None:
    second = {**OBSERVATION, "id": "o2"}
    text = bundle(entry(ENCOUNTER), entry(OBSERVATION), entry(second))
    text = text.replace(b'"code": {"text": "Glucose"}', b'"code" :\n{"text":"\\u6c14"}, "valueInteger":  7')
    (row,) = read_rows(text)
    slices = list(slices_of(row.parts["observations"]))
    assert [one.full_url for one in slices] == [f"urn:uuid:{UUIDS['O']}", "urn:uuid:o2"]
    assert all(one.data in text for one in slices)
    MEDICAL.validate(row.parts)


TIES: dict[str, dict[str, Any]] = {
    "encounter": {"encounter": {"reference": f"Encounter/{UUIDS['E']}"}},
    "version of it": {"encounter": {"reference": f"urn:uuid:{UUIDS['E']}/_history/3"}},
    "context": {"context": {"reference": f"urn:uuid:{UUIDS['E']}"}},
    "encounter of a context": {"context": {"encounter": [{"reference": f"urn:uuid:{UUIDS['E']}"}]}},
    "items": {"item": [{"encounter": [{"reference": f"urn:uuid:{UUIDS['E']}"}]}] * 2},
}
KINDS: dict[str, dict[str, Any]] = {
    "encounter": OBSERVATION,
    "version of it": OBSERVATION,
    "context": {
        "resourceType": "MedicationStatement",
        "id": "m",
        "status": "active",
        "medicationCodeableConcept": {"text": "x"},
        "subject": {"display": "x"},
    },
    "encounter of a context": {
        "resourceType": "DocumentReference",
        "id": "d",
        "status": "current",
        "content": [{"attachment": {"title": "x"}}],
    },
    "items": {
        "resourceType": "Claim",
        "id": "c",
        "status": "active",
        "type": {"text": "x"},
        "use": "claim",
        "patient": {"display": "x"},
        "created": "2026",
        "provider": {"display": "x"},
        "priority": {"text": "x"},
        "insurance": [{"sequence": 1, "focal": True, "coverage": {"display": "x"}}],
    },
}


@pytest.mark.parametrize("name", TIES)
def test_read_finds_the_encounter_by(name: str) -> None:
    resource: dict[str, Any] = {**KINDS[name], **TIES[name]}
    resource["item"] = [
        {"sequence": 1, "productOrService": {"text": "x"}, **one} for one in resource.get("item", [])
    ]
    resource = {key: value for key, value in resource.items() if value != []}
    (row,) = read_rows(bundle(entry(ENCOUNTER), entry(resource)))
    assert resource in resources(row)


def test_read_leaves_what_is_of_no_encounter_here_to_itself() -> None:
    other = {**OBSERVATION, "encounter": {"reference": "Encounter/elsewhere"}}
    second = {**ENCOUNTER, "id": UUIDS["F"]}
    both = {
        **KINDS["items"],
        "item": [
            {
                "sequence": 1,
                "productOrService": {"text": "x"},
                "encounter": [{"reference": f"Encounter/{UUIDS[n]}"}],
            }
            for n in "EF"
        ],
    }
    rows = read_rows(bundle(entry(ENCOUNTER), entry(second), entry(other), entry(both)))
    assert [len(resources(row)) for row in rows] == [1, 1, 1, 1]


def test_read_with_split_resource_makes_a_record_of_each() -> None:
    rows = read_rows(bundle(entry(PATIENT), entry(ENCOUNTER), entry(OBSERVATION)), split="resource")
    assert [row.provider_id.partition("-")[0] for row in rows] == ["Patient", "Encounter", "Observation"]
    assert [row.subjects for row in rows] == [(MRN,)] * 3


def test_read_takes_a_file_with_one_resource_as_it_is() -> None:
    (row,) = read_rows(b"\n" + json.dumps({**OBSERVATION, "valueInteger": 1}).encode() + b"\n")
    assert row.parts["observations"] == json.dumps({**OBSERVATION, "valueInteger": 1}).encode()


def test_read_names_a_record_by_the_full_url_if_the_resource_has_no_id() -> None:
    nameless = {name: value for name, value in OBSERVATION.items() if name != "id"}
    (row,) = read_rows(bundle({"fullUrl": f"urn:uuid:{UUIDS['O'].upper()}", "resource": nameless}))
    assert row.provider_id == f"Observation-{UUIDS['O']}"


SUBJECTS: dict[str, tuple[dict[str, Any], Identifier | None]] = {
    "relative": ({"reference": "Patient/7"}, Identifier(REFERENCE_SYSTEM, "Patient/7")),
    "a version": ({"reference": "Patient/7/_history/2"}, Identifier(REFERENCE_SYSTEM, "Patient/7")),
    "absolute": (
        {"reference": "https://example.org/fhir/Patient/7"},
        Identifier(REFERENCE_SYSTEM, "https://example.org/fhir/Patient/7"),
    ),
    "conditional": (
        {"reference": "Patient?identifier=http://example.org/mrn%7C|M-9"},
        Identifier("http://example.org/mrn|", "M-9"),
    ),
    "logical": ({"identifier": {"system": "s", "value": "v"}}, Identifier("s", "v")),
    "typed": (
        {"reference": "urn:uuid:x", "type": "Patient"},
        Identifier(REFERENCE_SYSTEM, "urn:uuid:x"),
    ),
    "contained": ({"reference": "#p"}, Identifier("c", "1")),
    "a group": ({"reference": "Group/7"}, None),
    "a name only": ({"display": "王秀英"}, None),
}


@pytest.mark.parametrize(("reference", "subject"), SUBJECTS.values(), ids=SUBJECTS)
def test_read_names_the_patient_by(reference: dict[str, Any], subject: Identifier | None) -> None:
    contained = [{"resourceType": "Patient", "id": "p", "identifier": [{"system": "c", "value": "1"}]}]
    (row,) = read_rows(json.dumps({**OBSERVATION, "contained": contained, "subject": reference}).encode())
    assert row.subjects == (() if subject is None else (subject,))


def test_read_prefers_the_first_identifier_with_a_system_where_there_is_no_record_number() -> None:
    patient = {
        **PATIENT,
        "identifier": [{"value": "x"}, {"system": "a", "value": "1"}, {"system": "b", "value": "2"}],
    }
    assert read_rows(json.dumps(patient).encode())[0].subjects == (Identifier("a", "1"),)


def test_read_takes_several_patients_and_not_too_many() -> None:
    def about(count: int) -> bytes:
        actors = [{"actor": {"reference": f"Patient/{n}"}, "status": "accepted"} for n in range(count)]
        return json.dumps(
            {"resourceType": "Appointment", "id": "a", "status": "booked", "participant": actors}
        ).encode()

    assert len(read_rows(about(64))[0].subjects) == 64
    assert read_rejected(about(65)) == [(1, "")]


def test_read_takes_a_delete_as_one() -> None:
    data = bundle({"request": {"method": "DELETE", "url": "Patient/234"}})
    assert read(data) == [Row(1, "Patient-234", {}, Act.DELETE)]


BAD_ENTRIES: dict[str, tuple[dict[str, Any], str]] = {
    "query": ({"request": {"method": "GET", "url": "Patient?name=x"}}, "request"),
    "delete by query": ({"request": {"method": "DELETE", "url": "Patient?name=x"}}, "request.url"),
    "delete of no medical type": ({"request": {"method": "DELETE", "url": "ValueSet/1"}}, "request.url"),
    "nothing": ({"fullUrl": "urn:uuid:1"}, "resource"),
    "empty": ({}, ""),
    "unknown element": (entry(PATIENT, fullURL="x"), "fullURL"),
    "unknown method": (entry(PATIENT, request={"method": "TAKE", "url": "x"}), "request.method"),
    "no FHIR type": ({"resource": {"resourceType": "Nope", "id": "1"}}, "resource.resourceType"),
    "operation": ({"resource": {"resourceType": "Parameters", "id": "1"}}, "resource.resourceType"),
    "bundle": ({"resource": {"resourceType": "Bundle", "id": "1", "type": "batch"}}, "resource.resourceType"),
    "no id": ({"resource": {"resourceType": "Patient", "active": True}}, "resource.id"),
    "id of a person": ({"resource": {"resourceType": "Patient", "id": "11010519491231002X"}}, "resource.id"),
    "bad element": (entry({**PATIENT, "gender": "f"}), "resource.gender"),
    "resource of another kind": ({"resource": [PATIENT]}, "resource"),
}


@pytest.mark.parametrize(("bad", "field"), BAD_ENTRIES.values(), ids=BAD_ENTRIES)
def test_read_rejects_one_entry_and_names_the_element(bad: dict[str, Any], field: str) -> None:
    rows = read(bundle(entry(ENCOUNTER), bad, entry({**PATIENT, "id": "other"})))
    place = f"entry[1].{field}".removesuffix(".")
    assert [(row.row_no, row.field) for row in rows if isinstance(row, RejectedRow)] == [(2, place)]
    assert len(rows) == 3


def test_read_rejects_a_whole_record_for_one_bad_resource() -> None:
    bad = {**OBSERVATION, "status": "done"}
    rows = read(bundle(entry(PATIENT), entry(ENCOUNTER), entry(bad)))
    assert isinstance(rows[0], Row)
    assert isinstance(rows[1], RejectedRow)
    assert (rows[1].row_no, rows[1].field) == (2, "entry[2].resource.status")
    assert "whole record" in rows[1].reason


def test_read_rejects_the_second_of_a_name() -> None:
    assert read_rejected(bundle(entry(PATIENT), entry(PATIENT))) == [(2, "entry[1]")]


BAD_FILES: dict[str, tuple[bytes, str]] = {
    "no JSON": (b"<Bundle/>", ""),
    "byte-order mark": (b"\xef\xbb\xbf" + bundle(), ""),
    "duplicate key": (b'{"resourceType":"Bundle","type":"batch","type":"batch"}', "type"),
    "no FHIR": (b'{"a":1}', "resourceType"),
    "array": (b"[]", "resourceType"),
    "no type": (b'{"resourceType":"Bundle"}', "Bundle.type"),
    "frame": (bundle(entries=1), "Bundle.entries"),
    "history": (bundle(type="history"), "Bundle.type"),
    "entries as an object": (b'{"resourceType":"Bundle","type":"batch","entry":{}}', "Bundle.entry"),
    "too large": (b" " * (MAX_FILE_BYTES + 1), ""),
}


@pytest.mark.parametrize(("data", "field"), BAD_FILES.values(), ids=BAD_FILES)
def test_read_refuses_the_whole_file(data: bytes, field: str) -> None:
    with pytest.raises(FormatError) as caught:
        read(data)
    assert caught.value.field == field


def test_read_refuses_an_unknown_split() -> None:
    with pytest.raises(FormatError) as caught:
        read(bundle(), split="patient")
    assert caught.value.field == "split"


def test_read_takes_a_bundle_of_nothing() -> None:
    assert read(b'{"resourceType":"Bundle","type":"searchset","total":0}') == []


def test_read_lines_makes_a_record_of_each_line() -> None:
    lines = [
        json.dumps(PATIENT),
        "",
        json.dumps(OBSERVATION) + "\r",
        "{",
        json.dumps({"a": 1}),
        bundle().decode(),
    ]
    rows = read("\n".join(lines).encode(), "fhir-ndjson")
    assert [(row.row_no, type(row)) for row in rows] == [
        (1, Row),
        (3, Row),
        (4, RejectedRow),
        (5, RejectedRow),
        (6, RejectedRow),
    ]
    observation = rows[1]
    assert isinstance(observation, Row)
    assert observation.parts["observations"] == json.dumps(OBSERVATION).encode()


def test_read_lines_rejects_a_line_that_is_too_long_and_reads_on() -> None:
    data = b'"' + b"x" * (2 * MAX_LINE_BYTES + 5) + b'"\n' + json.dumps(PATIENT).encode()
    rows = read(data, "fhir-ndjson")
    assert [(row.row_no, type(row)) for row in rows] == [(1, RejectedRow), (2, Row)]

"""Elements of resources checked against R4. That the tables are R4's is test_fhir_elements.py's to show."""

import json
from decimal import Decimal
from time import process_time
from typing import Any

import pytest

from cityledger.errors import PayloadError
from cityledger.profiles.fhir import check_resource
from cityledger.strict_json import parse

REASON = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/x", "valueCode": "unknown"}]}
PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p-1",
    "name": [{"family": "王", "given": ["秀", "英"]}],
    "gender": "female",
    "birthDate": "1980-05-06",
    "active": True,
}
ENCOUNTER: dict[str, Any] = {
    "resourceType": "Encounter",
    "status": "finished",
    "class": {"code": "AMB"},
    "period": {"start": "2026-03-01T08:15:00+08:00"},
}
OBSERVATION: dict[str, Any] = {
    "resourceType": "Observation",
    "status": "final",
    "code": {"text": "Glucose"},
    "valueQuantity": {"value": Decimal("6.10"), "unit": "mmol/L"},
}
REQUEST: dict[str, Any] = {
    "resourceType": "MedicationRequest",
    "status": "active",
    "intent": "order",
    "medicationReference": {"reference": "#m"},
    "subject": {"reference": "Patient/1"},
    "contained": [{"resourceType": "Medication", "id": "m", "code": {"text": "二甲双胍"}}],
}
NARRATIVE = {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">正常</div>'}
TYPES = {"Patient", "Encounter", "Observation", "MedicationRequest", "DocumentReference", "Task"}


def check(resource: dict[str, Any], **changes: object) -> None:
    members = {**resource, **changes}
    check_resource({name: value for name, value in members.items() if value is not ...}, TYPES, "r")


TAKEN: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "plain": (PATIENT, {}),
    "extension of a primitive": (PATIENT, {"_birthDate": REASON}),
    "extension in place of a primitive": (PATIENT, {"birthDate": ..., "_birthDate": REASON}),
    "extension in place of a required primitive": (ENCOUNTER, {"status": ..., "_status": REASON}),
    "id of a primitive": (PATIENT, {"_active": {"id": "a1"}}),
    "extensions of some of several": (
        PATIENT,
        {"name": [{"given": ["秀", None], "_given": [None, REASON]}]},
    ),
    "extensions without values": (PATIENT, {"name": [{"_given": [REASON]}]}),
    "contained": (REQUEST, {}),
    "reference to the container": (
        REQUEST,
        {
            "contained": [
                {"resourceType": "Medication", "id": "m"},
                {
                    "resourceType": "List",
                    "status": "current",
                    "mode": "working",
                    "subject": {"reference": "#"},
                },
            ]
        },
    ),
    "contained questionnaire": (
        PATIENT,
        {"contained": [{"resourceType": "Questionnaire", "id": "q", "status": "active"}]},
    ),
    "extension in an extension": (
        PATIENT,
        {"extension": [{"url": "u", "extension": [{"url": "v", "valueString": "x"}]}]},
    ),
    "value by its extension": (PATIENT, {"extension": [{"url": "u", "_valueString": REASON}]}),
    "narrative": (PATIENT, {"text": NARRATIVE}),
    "choice": (OBSERVATION, {"valueQuantity": ..., "valueString": "阴性"}),
    "no choice": (OBSERVATION, {"valueQuantity": ..., "dataAbsentReason": {"text": "未做"}}),
    "comparator": (OBSERVATION, {"valueQuantity": {"value": 5, "comparator": "<"}}),
    "day of birth in part": (PATIENT, {"birthDate": "1980"}),
}


@pytest.mark.parametrize(("resource", "changes"), TAKEN.values(), ids=TAKEN)
def test_check_takes(resource: dict[str, Any], changes: dict[str, Any]) -> None:
    check(resource, **changes)


REFUSED: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "type not wanted": (PATIENT, {"resourceType": "Device"}, "resourceType"),
    "type unknown": (PATIENT, {"resourceType": "Nope"}, "resourceType"),
    "type of another kind": (PATIENT, {"resourceType": ["Patient"]}, "resourceType"),
    "type of a later FHIR": (PATIENT, {"resourceType": "SubscriptionStatus"}, "resourceType"),
    "element unknown": (PATIENT, {"statuz": "x"}, "statuz"),
    "element of a later FHIR": (
        PATIENT,
        {"extension": [{"url": "u", "valueCodeableReference": {}}]},
        "extension[0].valueCodeableReference",
    ),
    "name of the library's": (ENCOUNTER, {"class_fhir": {"code": "AMB"}}, "class_fhir"),
    "comments of an older FHIR": (PATIENT, {"fhir_comments": ["x"]}, "fhir_comments"),
    "resource type inside a data type": (
        ENCOUNTER,
        {"period": {"resourceType": "Period", "start": "2026"}},
        "period.resourceType",
    ),
    "required element missing": (ENCOUNTER, {"class": ...}, "class"),
    "required element of a part missing": (ENCOUNTER, {"location": [{}]}, "location[0]"),
    "required member missing": (ENCOUNTER, {"location": [{"status": "active"}]}, "location[0].location"),
    "required choice missing": (
        REQUEST,
        {"medicationReference": ..., "contained": ...},
        "medication[x]",
    ),
    "two of a choice": (OBSERVATION, {"valueString": "x"}, ""),
    "two of a choice by extension": (OBSERVATION, {"_valueString": REASON}, ""),
    "list for one": (PATIENT, {"gender": ["female"]}, "gender"),
    "list for one object": (ENCOUNTER, {"period": [{"start": "2026"}]}, "period"),
    "one for a list": (PATIENT, {"name": {"family": "王"}}, "name"),
    "object in a string": (ENCOUNTER, {"period": '{"start":"2026"}'}, "period"),
    "empty list": (PATIENT, {"name": []}, "name"),
    "empty object": (ENCOUNTER, {"period": {}}, "period"),
    "empty string": (PATIENT, {"name": [{"family": ""}]}, "name[0].family"),
    "null": (ENCOUNTER, {"length": None}, "length"),
    "null in a list": (PATIENT, {"name": [None]}, "name[0]"),
    "null in a list of primitives": (PATIENT, {"name": [{"given": [None]}]}, "name[0].given[0]"),
    "null in a list of primitives and no extension there": (
        PATIENT,
        {"name": [{"given": ["a", None], "_given": [REASON, None]}]},
        "name[0].given[1]",
    ),
    "number for a date": (PATIENT, {"birthDate": 1980}, "birthDate"),
    "string for a boolean": (PATIENT, {"active": "true"}, "active"),
    "string for a decimal": (OBSERVATION, {"valueQuantity": {"value": "6.10"}}, "valueQuantity.value"),
    "time without offset": (ENCOUNTER, {"period": {"start": "2026-03-01T08:15:00"}}, "period.start"),
    "day that is none": (PATIENT, {"birthDate": "2026-02-30"}, "birthDate"),
    "code unknown": (PATIENT, {"gender": "f"}, "gender"),
    "code cut short in the library": (ENCOUNTER, {"status": "+"}, "status"),
    "code missing in the library": (
        OBSERVATION,
        {"valueQuantity": {"comparator": "~"}},
        "valueQuantity.comparator",
    ),
    "extension without url": (PATIENT, {"extension": [{"valueString": "x"}]}, "extension[0].url"),
    "extension of nothing": (PATIENT, {"extension": [{"url": "u"}]}, "extension[0]"),
    "extension with value and extensions": (
        PATIENT,
        {"extension": [{"url": "u", "valueString": "x", "extension": [{"url": "v", "valueString": "x"}]}]},
        "extension[0]",
    ),
    "extension of an object by underscore": (ENCOUNTER, {"_period": REASON}, "_period"),
    "extensions as an array": (PATIENT, {"_birthDate": [REASON]}, "_birthDate"),
    "extensions of nothing": (PATIENT, {"_birthDate": {}}, "_birthDate"),
    "extensions with a value": (PATIENT, {"_birthDate": {"value": "x"}}, "_birthDate.value"),
    "extensions of another length": (
        PATIENT,
        {"name": [{"given": ["a", "b"], "_given": [REASON]}]},
        "name[0]._given",
    ),
    "extensions null without values": (PATIENT, {"name": [{"_given": [None]}]}, "name[0]._given[0]"),
    "contained of an unknown type": (
        PATIENT,
        {"contained": [{"resourceType": "Nope"}]},
        "contained[0].resourceType",
    ),
    "contained of no type": (PATIENT, {"contained": [{"id": "x"}]}, "contained[0].resourceType"),
    "contained in contained": (
        PATIENT,
        {"contained": [{**PATIENT, "contained": [PATIENT]}]},
        "contained[0].contained",
    ),
    "element of a contained": (PATIENT, {"contained": [{**PATIENT, "gender": "f"}]}, "contained[0].gender"),
    "reference to nothing contained": (
        REQUEST,
        {"medicationReference": {"reference": "#other"}},
        "medicationReference.reference",
    ),
    "narrative with a script": (
        PATIENT,
        {"text": {**NARRATIVE, "div": "<div><script>1</script></div>"}},
        "text.div",
    ),
    "attachment that is not base64": (
        PATIENT,
        {"photo": [{"contentType": "image/png", "data": "not base64!"}]},
        "photo[0].data",
    ),
}


@pytest.mark.parametrize(("resource", "changes", "field"), REFUSED.values(), ids=REFUSED)
def test_check_refuses_and_names_the_element(
    resource: dict[str, Any], changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(PayloadError) as caught:
        check(resource, **changes)
    assert caught.value.field == (f"r.{field}" if field else "r")


def test_check_cuts_a_name_that_the_sender_made_up() -> None:
    with pytest.raises(PayloadError) as caught:
        check(PATIENT, **{"x" * 1000: 1})
    assert caught.value.field == "r." + "x" * 64


def test_check_of_a_bundle_of_4_megabytes_takes_seconds() -> None:
    """Bounded by work, not by luck: the same resource 500 times costs about 500 times one."""
    note = "病程记录" * 600
    heavy = {**OBSERVATION, "valueQuantity": {"value": 6}, "note": [{"text": note}] * 1, "id": "o"}
    data = json.dumps([heavy] * 500, ensure_ascii=False).encode()
    assert len(data) > 3_500_000
    begun = process_time()
    for resource in parse(data, max_bytes=len(data)):  # type: ignore[union-attr]
        check_resource(resource, TYPES, "r")
    assert process_time() - begun < 10

import copy
import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cityledger.errors import PayloadError
from cityledger.profiles.medical import MEDICAL, RESOURCES
from public_data import public_data

ENCOUNTER = {
    "resourceType": "Encounter",
    "status": "finished",
    "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
    "subject": {"reference": "Patient/1", "display": "王秀英"},
    "period": {"start": "2026-03-01T08:15:00+08:00"},
    "extension": [{"url": "http://example.org/new", "valueBoolean": True}],
}
OBSERVATION = {
    "resourceType": "Observation",
    "status": "final",
    "code": {"text": "Glucose"},
    "valueQuantity": {"value": 6.1, "unit": "mmol/L"},
}
REQUEST = {
    "resourceType": "MedicationRequest",
    "status": "active",
    "intent": "order",
    "medicationCodeableConcept": {"text": "二甲双胍"},
    "subject": {"reference": "Patient/1"},
}
REPORT = {"resourceType": "DiagnosticReport", "status": "final", "code": {"text": "CT"}, "conclusion": "正常"}
BUNDLE = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": OBSERVATION}]}


def validate(**parts: object) -> None:
    MEDICAL.validate({name: json.dumps(part).encode() for name, part in parts.items()})


def changed(resource: dict[str, Any], **changes: object) -> dict[str, Any]:
    return {name: value for name, value in {**resource, **changes}.items() if value is not ...}


def test_validate_takes_all_parts_and_the_first_alone() -> None:
    validate(summary=ENCOUNTER, medication=[REQUEST], observations=[OBSERVATION], imaging_report=REPORT)
    validate(summary=ENCOUNTER)


def test_validate_takes_a_bundle_for_a_list() -> None:
    validate(summary=ENCOUNTER, observations=BUNDLE)


@pytest.mark.parametrize("number", ["6.10", "6", "-0.0", "1e2", "0.00000001", "6.1000000000000000000001"])
def test_validate_takes_decimals_as_written(number: str) -> None:
    text = json.dumps([OBSERVATION]).replace("6.1", number)
    assert number in text
    MEDICAL.validate({"summary": json.dumps(ENCOUNTER).encode(), "observations": text.encode()})


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "another resource": ({"summary": changed(ENCOUNTER, resourceType="Patient")}, "summary.resourceType"),
    "no resource type": ({"summary": changed(ENCOUNTER, resourceType=...)}, "summary.resourceType"),
    "a list for one": ({"summary": [ENCOUNTER]}, "summary"),
    "status missing": ({"summary": changed(ENCOUNTER, status=...)}, "summary.status"),
    "status unknown": ({"summary": changed(ENCOUNTER, status="over")}, "summary.status"),
    "status by extension": (
        {"summary": changed(ENCOUNTER, status=..., _status={"extension": [{"url": "u", "valueCode": "x"}]})},
        "summary.status",
    ),
    "element unknown": ({"summary": changed(ENCOUNTER, statuz="finished")}, "summary.statuz"),
    "Python name": ({"summary": changed(ENCOUNTER, class_fhir={"code": "AMB"})}, "summary.class_fhir"),
    "date and no offset": (
        {"summary": changed(ENCOUNTER, period={"start": "2026-03-01T08:15:00"})},
        "summary.period.start",
    ),
    "date as number": ({"summary": changed(ENCOUNTER, period={"start": 2026})}, "summary.period.start"),
    "object in a string": ({"summary": changed(ENCOUNTER, period='{"start":"2026"}')}, "summary.period"),
    "null": ({"summary": changed(ENCOUNTER, length=None)}, "summary.length"),
    "boolean in a string": (
        {"summary": changed(ENCOUNTER, extension=[{"url": "u", "valueBoolean": "true"}])},
        "summary.extension[0].valueBoolean",
    ),
    "unknown kind inside": ({"summary": changed(ENCOUNTER, contained=[{"resourceType": "Nope"}])}, "summary"),
    "decimal in a string": (
        {"observations": [changed(OBSERVATION, valueQuantity={"value": "6.10"})]},
        "observations[0].valueQuantity.value",
    ),
    "two values": ({"observations": [changed(OBSERVATION, valueString="x")]}, "observations[0]"),
    "second of a list": (
        {"observations": [OBSERVATION, changed(OBSERVATION, code=...)]},
        "observations[1].code",
    ),
    "wrong kind in a list": ({"medication": [OBSERVATION]}, "medication[0].resourceType"),
    "intent unknown": ({"medication": [changed(REQUEST, intent="wish")]}, "medication[0].intent"),
    "no list": ({"medication": REQUEST}, "medication.resourceType"),
    "bundle of nothing": ({"observations": changed(BUNDLE, entry=[])}, "observations.entry"),
    "bundle of another kind": (
        {"observations": changed(BUNDLE, entry=[{"resource": REPORT}])},
        "observations.entry[0].resource.resourceType",
    ),
    "bundle without type": ({"observations": changed(BUNDLE, type=...)}, "observations.type"),
    "bundle type unknown": ({"observations": changed(BUNDLE, type="heap")}, "observations.type"),
}


@pytest.mark.parametrize(("parts", "field"), REFUSED.values(), ids=REFUSED)
def test_validate_refuses_and_names_the_element(parts: dict[str, Any], field: str) -> None:
    with pytest.raises(PayloadError) as caught:
        validate(**{"summary": ENCOUNTER, **parts})
    assert caught.value.field == f"parts.{field}"


@settings(
    suppress_health_check=[HealthCheck.too_slow], deadline=None
)  # the first draw imports the FHIR models
@given(
    name=st.sampled_from(
        [*sorted(ENCOUNTER), "contained", "text", "meta", "participant", "_status", "length"]
    ),
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.just("geheim"),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["resourceType", "status", "reference", "value", "div"]), inner)
        ),
        max_leaves=5,
    ),
)
def test_validate_raises_nothing_else_and_repeats_no_value(name: str, value: object) -> None:
    try:
        validate(summary=changed(ENCOUNTER, **{name: value}))
    except PayloadError as error:
        assert error.field.startswith("parts.summary")
        assert "geheim" not in str(error)


def test_models_are_loaded_on_first_use() -> None:
    look = "import sys, cityledger.profiles.registry; sys.exit('fhir' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", look], check=False).returncode == 0


PART_OF = {kind: part for part, kinds in RESOURCES.items() for kind in kinds}


def test_validate_takes_the_official_examples() -> None:
    paths = sorted(public_data("medical/hl7-r4-examples").glob("*.json"))
    examples = [json.loads(path.read_bytes()) for path in paths if path.name.split("-")[0] in PART_OF]
    assert len(examples) >= 5
    for resource in examples:
        validate_example(resource)


def test_validate_takes_what_synthea_makes() -> None:
    bundles = [
        json.loads(path.read_bytes()) for path in public_data("medical/synthea-bundles").glob("*.json")
    ]
    made = [entry["resource"] for bundle in bundles for entry in bundle["entry"]]
    shared = [resource for resource in made if resource["resourceType"] in PART_OF]
    assert len(shared) > 200
    for resource in shared:
        validate_example(resource)


def validate_example(resource: dict[str, Any]) -> None:
    part = PART_OF[resource["resourceType"]]
    several = part in {"medication", "observations"}
    validate(**{"summary": copy.deepcopy(ENCOUNTER), part: [resource] if several else resource})

import copy
import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cityledger.errors import PayloadError
from cityledger.profiles.fhir_types import PART_OF, TYPES
from cityledger.profiles.medical import MEDICAL

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
CONDITION = {"resourceType": "Condition", "subject": {"reference": "Patient/1"}, "code": {"text": "高血压"}}
GOAL = {
    "resourceType": "Goal",
    "lifecycleStatus": "active",
    "description": {"text": "血压低于130/80"},
    "subject": {"reference": "Patient/1"},
}
PATIENT = {
    "resourceType": "Patient",
    "name": [{"family": "王", "given": ["秀英"], "text": "王　秀英"}],
    "identifier": [{"system": "http://example.org/mrn", "value": "MRN-1"}],
}
BUNDLE = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": OBSERVATION}]}


def validate(**parts: object) -> None:
    MEDICAL.validate({name: json.dumps(part).encode() for name, part in parts.items()})


def changed(resource: dict[str, Any], **changes: object) -> dict[str, Any]:
    return {name: value for name, value in {**resource, **changes}.items() if value is not ...}


def test_the_order_of_the_part_bits_stays() -> None:
    assert MEDICAL.part_names == (
        "summary",
        "medication",
        "observations",
        "imaging_report",
        "conditions",
        "procedures",
        "administration",
        "attachment",
    )
    assert MEDICAL.binary_parts == {"attachment"}


def test_no_resource_type_is_in_two_parts() -> None:
    assert sum(len(kinds) for kinds in TYPES.values()) == len(PART_OF)


def test_validate_takes_all_parts() -> None:
    parts = {
        "summary": ENCOUNTER,
        "medication": [REQUEST],
        "observations": BUNDLE,
        "imaging_report": REPORT,
        "conditions": CONDITION,
        "procedures": [GOAL],
        "administration": PATIENT,
    }
    validate(**parts)
    MEDICAL.validate(
        {name: json.dumps(part).encode() for name, part in parts.items()}, streams=["attachment"]
    )


@pytest.mark.parametrize(
    ("part", "value"),
    [("summary", ENCOUNTER), ("conditions", CONDITION), ("administration", PATIENT)],
    ids=["summary", "conditions", "administration"],
)
def test_validate_takes_each_part_alone(part: str, value: object) -> None:
    validate(**{part: value})


def test_validate_takes_an_attachment_alone() -> None:
    MEDICAL.validate({}, streams=["attachment"])


def test_validate_refuses_a_record_of_nothing() -> None:
    with pytest.raises(PayloadError) as caught:
        validate()
    assert caught.value.field == "parts"


@pytest.mark.parametrize(
    "value", [OBSERVATION, [OBSERVATION, OBSERVATION], BUNDLE], ids=["one", "list", "Bundle"]
)
def test_validate_takes_one_resource_a_list_or_a_bundle(value: object) -> None:
    validate(observations=value)


@pytest.mark.parametrize("number", ["6.10", "6", "-0.0", "1e2", "0.00000001", "6.1000000000000000000001"])
def test_validate_takes_decimals_as_written(number: str) -> None:
    text = json.dumps([OBSERVATION]).replace("6.1", number)
    assert number in text
    MEDICAL.validate({"summary": json.dumps(ENCOUNTER).encode(), "observations": text.encode()})


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a resource of another part": (
        {"summary": changed(ENCOUNTER, resourceType="Patient")},
        "summary.resourceType",
    ),
    "no resource type": ({"summary": changed(ENCOUNTER, resourceType=...)}, "summary.resourceType"),
    "status missing": ({"summary": changed(ENCOUNTER, status=...)}, "summary.status"),
    "element unknown": ({"summary": changed(ENCOUNTER, statuz="finished")}, "summary.statuz"),
    "second of a list": (
        {"observations": [OBSERVATION, changed(OBSERVATION, code=...)]},
        "observations[1].code",
    ),
    "wrong kind in a list": ({"medication": [OBSERVATION]}, "medication[0].resourceType"),
    "a list in a list": ({"observations": [[OBSERVATION]]}, "observations[0]"),
    "text": ({"observations": "geheim"}, "observations"),
    "bundle of nothing": ({"observations": changed(BUNDLE, entry=[])}, "observations.entry"),
    "bundle without entries": ({"observations": changed(BUNDLE, entry=...)}, "observations.entry"),
    "bundle with an empty entry": (
        {"observations": changed(BUNDLE, entry=[{}])},
        "observations.entry[0]",
    ),
    "bundle with an entry of no resource": (
        {"observations": changed(BUNDLE, entry=[{"fullUrl": "urn:uuid:1"}])},
        "observations.entry[0].resource",
    ),
    "bundle of another part": (
        {"observations": changed(BUNDLE, entry=[{"resource": REPORT}])},
        "observations.entry[0].resource.resourceType",
    ),
    "bundle in a bundle": (
        {"observations": changed(BUNDLE, entry=[{"resource": BUNDLE}])},
        "observations.entry[0].resource.resourceType",
    ),
    "bundle without type": ({"observations": changed(BUNDLE, type=...)}, "observations.type"),
    "bundle type unknown": ({"observations": changed(BUNDLE, type="heap")}, "observations.type"),
    "bundle that asks for something": (
        {"observations": changed(BUNDLE, type="transaction")},
        "observations.type",
    ),
    "bundle with an unknown element": ({"observations": changed(BUNDLE, entries=[])}, "observations.entries"),
    "entry with an unknown element": (
        {"observations": changed(BUNDLE, entry=[{"resource": OBSERVATION, "fullURL": "urn:uuid:1"}])},
        "observations.entry[0].fullURL",
    ),
    "attachment as JSON": ({"attachment": OBSERVATION}, "attachment"),
}


@pytest.mark.parametrize(("parts", "field"), REFUSED.values(), ids=REFUSED)
def test_validate_refuses_and_names_the_element(parts: dict[str, Any], field: str) -> None:
    with pytest.raises(PayloadError) as caught:
        validate(**{"summary": ENCOUNTER, **parts})
    assert caught.value.field == f"parts.{field}"
    assert "geheim" not in str(caught.value)


@settings(
    suppress_health_check=[HealthCheck.too_slow], deadline=None
)  # the first draw imports the FHIR models
@given(
    name=st.sampled_from(
        [*sorted(ENCOUNTER), "contained", "text", "meta", "participant", "_status", "length", "_x"]
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
        validate(summary=changed(copy.deepcopy(ENCOUNTER), **{name: value}))
    except PayloadError as error:
        assert error.field.startswith("parts.summary")
        assert "geheim" not in str(error)


def test_models_are_loaded_on_first_use() -> None:
    look = "import sys, cityledger.profiles.registry; sys.exit('fhir' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", look], check=False).returncode == 0


def test_identifiers_of_gives_each_once_and_skips_those_without_a_system() -> None:
    encounter = changed(
        ENCOUNTER,
        identifier=[
            {"system": "http://example.org/visit", "value": "V-7"},
            {"value": "only a value"},
            {"system": "http://example.org/visit", "value": "V-7"},
        ],
    )
    bundle = changed(BUNDLE, entry=[{"resource": PATIENT}])
    parts = {"summary": json.dumps(encounter).encode(), "administration": json.dumps(bundle).encode()}
    assert MEDICAL.identifiers_of is not None
    assert MEDICAL.identifiers_of(parts) == (
        ("http://example.org/visit", "V-7"),
        ("http://example.org/mrn", "MRN-1"),
    )


def test_identifiers_of_stops_at_64() -> None:
    many = [{"system": "s", "value": str(number)} for number in range(100)]
    parts = {"observations": json.dumps([changed(OBSERVATION, identifier=many)]).encode()}
    assert MEDICAL.identifiers_of is not None
    assert MEDICAL.identifiers_of(parts) == tuple(("s", str(number)) for number in range(64))


def test_identifiers_of_reads_the_single_identifier_of_a_composition() -> None:
    composition = {"resourceType": "Composition", "identifier": {"system": "s", "value": "1"}}
    assert MEDICAL.identifiers_of is not None
    assert MEDICAL.identifiers_of({"summary": json.dumps(composition).encode()}) == (("s", "1"),)

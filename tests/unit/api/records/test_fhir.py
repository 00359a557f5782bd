"""Medical records as FHIR over HTTP, in and out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from support.imports.public_data import public_data
from support.node.node_fixture import TestNode, make_node
from support.node.sample_records import PARKING_RECORD, TREATMENT_RECORD

FHIR = "application/fhir+json"
ENCOUNTER = (
    b'{"resourceType":"Encounter",  "status":"finished","class":{"code":"AMB"},'
    b'"subject":{"reference":"Patient/7","display":"\xe7\x8e\x8b\xe7\xa7\x80\xe8\x8b\xb1"}}'
)
GLUCOSE = (
    b'{"resourceType":"Observation","status":"final","code":{"text":"Glucose"},"subject":{"reference":"Patient/7"},'
    b'"valueQuantity":{"value":6.10,"unit":"mmol/L"}}'
)


def bundle(*resources: bytes) -> bytes:
    entries = b",".join(b'{"resource":' + one + b"}" for one in resources)
    return b'{"resourceType":"Bundle","type":"collection","entry":[' + entries + b"]}"


def put(node: TestNode, name: str, body: bytes, **more: str) -> Any:
    headers = {**node.headers("HEALTH", "writer"), "Content-Type": FHIR, **more}
    return node.client.put(node.url(node.health, name), content=body, headers=headers)


def get(node: TestNode, name: str, accept: str = FHIR, query: str = "", **who: str) -> Any:
    asking = {"code": "HEALTH", "role": "reader", "purpose": "OWN_DUTY", **who}
    headers = {**node.headers(**asking), "Accept": accept}
    return node.client.get(node.url(node.health, name) + query, headers=headers)


def test_put_accepts_one_resource_and_get_returns_its_bytes(node: TestNode) -> None:
    written = put(node, "visit", ENCOUNTER)
    assert (written.status_code, written.headers["etag"]) == (201, '"v1"')
    answer = get(node, "visit")
    assert (answer.content, answer.headers["content-type"]) == (ENCOUNTER, FHIR)
    assert answer.headers["etag"] == '"v1"'
    assert answer.headers["cityledger-read-receipt"].startswith("0x")


def test_put_puts_a_bundles_resources_into_their_parts(node: TestNode) -> None:
    assert put(node, "visit", bundle(GLUCOSE, ENCOUNTER)).is_success
    plain = get(node, "visit", "application/json")
    assert plain.json()["parts"].keys() == {"summary", "observations"}
    assert f'"observations":{GLUCOSE.decode()}' in plain.text
    answer = get(node, "visit")
    assert answer.json()["type"] == "collection"
    assert answer.content.find(ENCOUNTER) < answer.content.find(GLUCOSE)
    assert [one["resource"]["resourceType"] for one in answer.json()["entry"]] == ["Encounter", "Observation"]


def test_put_as_json_is_got_as_fhir_and_the_other_way_round(node: TestNode) -> None:
    node.put(node.health, "visit", TREATMENT_RECORD)
    assert get(node, "visit").json() == TREATMENT_RECORD["parts"]["summary"]
    put(node, "other", ENCOUNTER)
    assert get(node, "other", "*/*").json()["parts"]["summary"] == json.loads(ENCOUNTER)


def test_put_names_the_patient_by_the_providers_one_pseudonym(node: TestNode) -> None:
    put(node, "visit", bundle(ENCOUNTER, GLUCOSE))
    put(node, "second", ENCOUNTER)
    (subject,) = get(node, "visit", "*/*").json()["subjects"]
    assert get(node, "second", "*/*").json()["subjects"] == [subject]
    request = {
        "dataset": "0x" + node.health.hex(),
        "system": "urn:cityledger:fhir:reference",
        "value": "Patient/7",
    }
    resolved = node.client.post(
        "/v1/subjects/resolve", json=request, headers=node.headers("HEALTH", "reader")
    )
    assert resolved.json()["subject"] == subject


def test_put_by_another_agency_leaves_no_pseudonym(node: TestNode) -> None:
    headers = {**node.headers("LAND", "writer"), "Content-Type": FHIR}
    before = node.row_counts()
    answer = node.client.put(node.url(node.health, "visit"), content=ENCOUNTER, headers=headers)
    assert answer.status_code == 403
    after = node.row_counts()
    assert {table for table in after if after[table] != before[table]} <= {"receipt", "leaf", "log_head"}


def test_put_again_with_the_same_key_writes_once(node: TestNode) -> None:
    first = put(node, "visit", ENCOUNTER, **{"Idempotency-Key": "k"})
    second = put(node, "visit", ENCOUNTER, **{"Idempotency-Key": "k"})
    assert first.json() == second.json()
    assert put(node, "visit", GLUCOSE, **{"Idempotency-Key": "k"}).json()["code"] == "idempotency-key-reused"


def test_put_supports_if_match(node: TestNode) -> None:
    put(node, "visit", ENCOUNTER)
    assert put(node, "visit", ENCOUNTER, **{"If-Match": '"v2"'}).status_code == 412
    assert put(node, "visit", ENCOUNTER, **{"If-Match": '"v1"'}).json()["version"] == 2


REFUSED = {
    "another code": (ENCOUNTER.replace(b"finished", b"over"), 422, "resource.status"),
    "in a bundle": (bundle(GLUCOSE, ENCOUNTER[:-1] + b',"x":1}'), 422, "Bundle.entry[1].resource.x"),
    "a transaction": (bundle(ENCOUNTER).replace(b"collection", b"transaction"), 422, "Bundle.type"),
    "no medical resource": (b'{"resourceType":"ValueSet"}', 422, "resource.resourceType"),
    "twice the same key": (b'{"resourceType":"Patient","id":"1","id":"2"}', 400, "id"),
    "no JSON": (b"<Patient/>", 400, None),
    "plain JSON": (json.dumps(TREATMENT_RECORD).encode(), 422, "resource.resourceType"),
}


@pytest.mark.parametrize(("body", "status", "field"), REFUSED.values(), ids=REFUSED)
def test_put_refuses_and_names_the_element(
    node: TestNode, body: bytes, status: int, field: str | None
) -> None:
    before = node.row_counts()
    answer = put(node, "visit", body)
    assert (answer.status_code, answer.json().get("field")) == (status, field)
    assert answer.headers["content-type"] == "application/problem+json"
    assert node.row_counts() == before


def test_put_refuses_more_than_64_patients(node: TestNode) -> None:
    actors = [{"actor": {"reference": f"Patient/{n}"}, "status": "accepted"} for n in range(65)]
    body = {"resourceType": "Appointment", "status": "booked", "participant": actors}
    before = node.row_counts()
    assert put(node, "visit", json.dumps(body).encode()).status_code == 413
    assert node.row_counts() == before


def test_put_refuses_a_patients_identifier_that_is_too_long(node: TestNode) -> None:
    before = node.row_counts()
    long = ENCOUNTER.replace(b"Patient/7", b"http://example.org/" + b"x" * 250 + b"/Patient/7")
    answer = put(node, "visit", long)
    assert (answer.status_code, answer.json()["field"]) == (413, "subject")
    assert node.row_counts() == before


def test_other_datasets_take_and_give_no_fhir(node: TestNode) -> None:
    node.put(node.parking, "spot", PARKING_RECORD)
    url = node.url(node.parking, "spot")
    writer = {**node.headers("PARKING", "writer"), "Content-Type": FHIR}
    refused = node.client.put(url, content=ENCOUNTER, headers=writer)
    assert (refused.status_code, refused.json()["code"]) == (415, "unsupported-media-type")

    reader = node.headers("PARKING", "reader")
    refused = node.client.get(url, headers={**reader, "Accept": FHIR})
    assert (refused.status_code, refused.json()["code"]) == (406, "not-acceptable")
    either = node.client.get(url, headers={**reader, "Accept": f"{FHIR}, application/json;q=0.1"})
    assert either.headers["content-type"] == "application/json"


def test_get_gives_the_resources_of_the_granted_parts_only(node: TestNode) -> None:
    put(node, "visit", bundle(ENCOUNTER, GLUCOSE))
    answer = get(node, "visit", code="LAND", purpose="TREATMENT")
    assert answer.content == ENCOUNTER
    assert get(node, "visit", query="?parts=observations").content == GLUCOSE
    assert get(node, "visit", query="?parts=procedures").json() == {
        "resourceType": "Bundle",
        "type": "collection",
    }


def test_hidden_and_absent_answer_alike(node: TestNode) -> None:
    written = put(node, "hidden", ENCOUNTER).json()
    node.restrict(node.health, bytes.fromhex(written["record"][2:]), 2)  # type: ignore[arg-type]
    answers = [get(node, name, code="LAND", purpose="TREATMENT") for name in ("hidden", "absent")]
    assert {answer.status_code for answer in answers} == {404}
    assert answers[0].content == answers[1].content


def test_preferring_plain_json_gets_it(node: TestNode) -> None:
    put(node, "visit", ENCOUNTER)
    answer = get(node, "visit", f"application/json, {FHIR};q=0.9")
    assert answer.json().keys() >= {"record", "parts"}


@pytest.fixture
def roomy(tmp_path: Path) -> Any:
    made = make_node(tmp_path, record_limit_bytes=8_388_608)
    yield made
    made.close()


def test_put_accepts_megabytes_and_refuses_more(roomy: TestNode) -> None:
    note = json.dumps("病程记录" * 1_000).encode()
    long = GLUCOSE[:-1] + b',"note":[{"text":' + note + b"}]}"
    many = bundle(*[long] * 160)
    assert 3_500_000 < len(many) < 8_388_608
    assert put(roomy, "visit", many).status_code == 201
    assert get(roomy, "visit").content == many
    assert put(roomy, "visit", bundle(*[long] * 400)).status_code == 413


def test_public_examples_come_back_byte_for_byte(roomy: TestNode) -> None:
    for path in sorted(public_data("medical/hl7-r4-examples").glob("*.json")):
        data = path.read_bytes().strip()
        if json.loads(data)["resourceType"] != "Bundle":
            assert put(roomy, path.stem, data).status_code == 201, path.name
            assert get(roomy, path.stem).content == data

from __future__ import annotations

from typing import Any

import pytest

from cityledger.api.http.shapes import hex_of
from cityledger.types import AgencyId, RecordId, purpose_from_name
from support.node.node_fixture import TestNode
from support.node.sample_records import TREATMENT_RECORD

SUBJECT = "0x" + "5b" * 32


def ask(node: TestNode, tail: str, body: object) -> Any:
    headers = node.headers("LAND", "reader", "TREATMENT")
    return node.client.post(node.url(node.health, tail), json=body, headers=headers)


@pytest.mark.parametrize("body", [{"id": "visit"}, {"subject": SUBJECT}])
def test_find_and_check_find(node: TestNode, body: dict[str, str]) -> None:
    record = node.put(node.health, "visit", TREATMENT_RECORD)["record"]
    found = ask(node, "find", body).json()
    assert [one["record"] for one in found["records"]] == [record]
    assert found["records"][0].keys() == {"record", "version", "writtenAt", "log", "seq", "leafHash"}
    assert ask(node, "check", body).json()["found"] is True


@pytest.mark.parametrize("tail", ["find", "check"])
@pytest.mark.parametrize("body", [{"id": "{}"}, {"subject": SUBJECT}])
def test_hidden_is_as_absent(node: TestNode, tail: str, body: dict[str, str]) -> None:
    hidden = node.put(node.health, "hidden", TREATMENT_RECORD)["record"]
    node.restrict(node.health, RecordId(bytes.fromhex(hidden[2:])), AgencyId(2))
    request = {name: value.format("hidden") for name, value in body.items()}
    other = {name: value.format("absent").replace("5b", "6c") for name, value in body.items()}
    assert ask(node, tail, request).content == ask(node, tail, other).content


BODIES = {
    "neither": ({}, ""),
    "both": ({"id": "a", "subject": SUBJECT}, ""),
    "zero subject": ({"subject": "0x" + "00" * 32}, "subject"),
    "short subject": ({"subject": "0x00"}, "subject"),
    "national id": ({"id": "11010519491231002X"}, "id"),
}


@pytest.mark.parametrize(("body", "field"), BODIES.values(), ids=BODIES)
def test_find_refuses(node: TestNode, body: dict[str, str], field: str) -> None:
    before = node.row_counts()
    answer = ask(node, "find", body)
    assert (answer.status_code, answer.json().get("field", "")) == (422, field)
    assert node.row_counts() == before


def test_provider_gets_one_pseudonym_and_others_only_that_of_records_they_see(node: TestNode) -> None:
    body = {"dataset": hex_of(node.health), "system": "urn:x:patient", "value": "P-1"}
    asking = node.headers("LAND", "reader", "TREATMENT")
    own = node.headers("HEALTH", "writer")

    assert node.client.post("/v1/subjects/resolve", json=body, headers=asking).json()["subject"] is None
    first = node.client.post("/v1/subjects/resolve", json=body, headers=own).json()["subject"]
    assert node.client.post("/v1/subjects/resolve", json=body, headers=own).json()["subject"] == first
    assert node.client.post("/v1/subjects/resolve", json=body, headers=asking).json()["subject"] is None
    node.put(node.health, "visit", {**TREATMENT_RECORD, "subjects": [first]})
    assert node.client.post("/v1/subjects/resolve", json=body, headers=asking).json()["subject"] == first


def test_proof_with_openings_is_a_read_too(node: TestNode) -> None:
    node.put(node.health, "visit", TREATMENT_RECORD)
    node.anchor_all()
    before = node.row_counts()["receipt"]
    headers = node.headers("LAND", "reader", "TREATMENT")
    plain = node.client.get(node.url(node.health, "visit", "/proof"), headers=headers).json()
    assert "openings" not in plain
    assert node.row_counts()["receipt"] - before == 1
    url = node.url(node.health, "visit", "/proof?openings=true")
    opened = node.client.get(url, headers=headers).json()
    assert len(opened["openings"]) >= 1
    assert {**opened, "openings": None} == {**plain, "openings": None}
    assert node.row_counts()["receipt"] - before == 3


def test_proof_with_openings_gives_none_of_parts_without_a_grant(node: TestNode) -> None:
    node.put(node.health, "visit", TREATMENT_RECORD)
    node.anchor_all()
    node.grant(node.health, node.agency("LAND"), purpose_from_name("TREATMENT"), 1)
    url = node.url(node.health, "visit", "/proof?openings=true")
    opened = node.client.get(url, headers=node.headers("LAND", "reader", "TREATMENT")).json()
    assert [one["part"] for one in opened["openings"]] == [0]
    node.revoke(node.health, node.agency("LAND"), purpose_from_name("TREATMENT"))
    refused = node.client.get(url, headers=node.headers("LAND", "reader", "TREATMENT"))
    assert refused.status_code == 403
    assert "openings" not in refused.text

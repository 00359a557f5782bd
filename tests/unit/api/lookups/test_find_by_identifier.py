"""Finding records by a business identifier: branches of who may know of what, and what it leaves behind."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cityledger.types import AgencyId, RecordId
from support.node.node_fixture import TestNode
from support.store.databases import stored_bytes

VISIT = {"system": "http://hospital.example/visits", "value": "V-2041"}


def put(node: TestNode, name: str, **identifier: str) -> str:
    encounter: dict[str, Any] = {"resourceType": "Encounter", "status": "finished", "class": {"code": "AMB"}}
    if identifier:
        encounter["identifier"] = [identifier]
    body = {"subjects": ["0x" + "5b" * 32], "parts": {"summary": encounter}}
    record: str = node.put(node.health, name, body)["record"]
    return record


def ask(node: TestNode, identifier: Any, tail: str = "find", code: str = "LAND", **more: str) -> Any:
    asking = {"purpose": "TREATMENT" if code == "LAND" else "OWN_DUTY", **more}
    headers = node.headers(code, "reader", **asking)
    return node.client.post(node.url(node.health, tail), json={"identifier": identifier}, headers=headers)


def found(node: TestNode, identifier: Any, code: str = "LAND") -> list[str]:
    return [one["record"] for one in ask(node, identifier, code=code).json()["records"]]


@pytest.mark.parametrize("code", ["LAND", "HEALTH"])
def test_find_gives_the_records_that_carry_it(node: TestNode, code: str) -> None:
    records = {put(node, "first", **VISIT), put(node, "second", **VISIT)}
    put(node, "other", **{**VISIT, "value": "V-1"})
    put(node, "same value elsewhere", **{**VISIT, "system": "http://hospital.example/beds"})
    put(node, "none")
    assert set(found(node, VISIT, code)) == records
    assert ask(node, VISIT, "check", code).json()["found"] is True
    assert ask(node, {**VISIT, "value": "V-3"}, "check", code).json()["found"] is False


def test_find_goes_by_the_newest_version(node: TestNode) -> None:
    put(node, "visit", **VISIT)
    record = put(node, "visit", **{**VISIT, "value": "V-2042"})
    assert found(node, VISIT) == []
    assert found(node, {**VISIT, "value": "V-2042"}) == [record]


def test_erasing_forgets_the_identifier(node: TestNode) -> None:
    put(node, "visit", **VISIT)
    url = node.url(node.health, "visit") + "?reason=law"
    assert node.client.delete(url, headers=node.headers("HEALTH", "writer")).is_success
    assert found(node, VISIT, "HEALTH") == []
    assert node.row_counts()["record_identifier"] == 0


def test_each_record_found_leaves_a_receipt_that_names_it(node: TestNode) -> None:
    put(node, "first", **VISIT)
    put(node, "second", **VISIT)
    before = node.row_counts()["receipt"]
    ask(node, VISIT)
    assert node.row_counts()["receipt"] == before + 3


def test_hidden_is_as_absent_and_leaves_as_many_receipts(node: TestNode) -> None:
    hidden = put(node, "hidden", **VISIT)
    node.restrict(node.health, RecordId(bytes.fromhex(hidden[2:])), AgencyId(2))
    answers, counts = [], []
    for value in ("V-2041", "V-0"):
        before = node.row_counts()["receipt"]
        answers.append(ask(node, {**VISIT, "value": value}))
        counts.append(node.row_counts()["receipt"] - before)
    assert answers[0].content == answers[1].content
    assert answers[0].headers.keys() == answers[1].headers.keys()
    assert counts == [1, 1]
    assert found(node, VISIT, "HEALTH") == [hidden]


def test_hidden_record_is_omitted_next_to_a_visible_one(node: TestNode) -> None:
    hidden, visible = put(node, "hidden", **VISIT), put(node, "visible", **VISIT)
    node.restrict(node.health, RecordId(bytes.fromhex(hidden[2:])), AgencyId(0))
    assert found(node, VISIT) == [visible]


def test_without_a_grant_the_question_is_denied_and_logged(node: TestNode) -> None:
    put(node, "visit", **VISIT)
    before = node.row_counts()["receipt"]
    answer = ask(node, VISIT, code="PARKING", purpose="TREATMENT")
    assert (answer.status_code, answer.json()["code"]) == (403, "denied")
    assert node.row_counts()["receipt"] == before + 1


def test_the_identifier_is_stored_nowhere(node: TestNode) -> None:
    put(node, "visit", **VISIT)
    ask(node, VISIT)
    raw = stored_bytes(node.context.services.database)
    assert b"V-2041" not in raw
    assert b"hospital.example" not in raw


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "with an id": ({"identifier": VISIT, "id": "visit"}, ""),
    "with a subject": ({"identifier": VISIT, "subject": "0x" + "5b" * 32}, ""),
    "no system": ({"identifier": {"value": "V-1"}}, "identifier.system"),
    "empty value": ({"identifier": {"system": "s", "value": ""}}, "identifier.value"),
    "too long": ({"identifier": {"system": "s", "value": "x" * 257}}, "identifier.value"),
    "text": ({"identifier": "s|v"}, "identifier"),
}


@pytest.mark.parametrize(("body", "field"), REFUSED.values(), ids=REFUSED)
def test_find_refuses(node: TestNode, body: dict[str, Any], field: str) -> None:
    before = node.row_counts()
    headers = node.headers("LAND", "reader", "TREATMENT")
    answer = node.client.post(node.url(node.health, "find"), content=json.dumps(body), headers=headers | TYPE)
    assert (answer.status_code, answer.json().get("field", "")) == (422, field)
    assert node.row_counts() == before


TYPE = {"Content-Type": "application/json"}

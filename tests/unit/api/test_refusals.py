"""Each kind of malformed request: a clear 4xx in the one shape, and not one row written."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cityledger.api.http.shapes import hex_of
from support.node.node_fixture import TestNode
from support.node.refusals import GOOD, JSON, put_bytes, verify_refused
from support.node.sample_records import TITLE_RECORD, TREATMENT_RECORD

BODIES: dict[str, tuple[bytes, int, str, str | None]] = {
    "malformed JSON": (b'{"parts": {', 400, "malformed-json", None),
    "no JSON at all": (b"", 400, "malformed-json", None),
    "a byte-order mark": (b"\xef\xbb\xbf" + GOOD, 400, "malformed-json", None),
    "not UTF-8": (b'{"parts": "\xff"}', 400, "malformed-json", None),
    "a lone surrogate": (b'{"parts": {"summary": "\\ud83d"}}', 400, "malformed-json", None),
    "duplicate keys": (b'{"parts": {"a": {"b": 1, "b": 2}}}', 400, "malformed-json", "parts.a.b"),
    "NaN": (b'{"parts": {"a": NaN}}', 400, "malformed-json", None),
    "infinity": (b'{"parts": {"a": -Infinity}}', 400, "malformed-json", None),
    "a nesting bomb": (b'{"parts": ' + b"[" * 20_000, 400, "malformed-json", None),
    "a number bomb": (b'{"parts": {"a": 1e999999999}}', 400, "malformed-json", None),
    "an array": (b"[]", 422, "invalid-field", None),
    "a wrong type": (b'{"parts": 7}', 422, "invalid-field", "parts"),
    "an unknown field": (b'{"parts": {}, "role": "steward"}', 422, "invalid-field", "role"),
    "a missing field": (b'{"subjects": []}', 422, "invalid-field", "parts"),
    "a subject of another form": (
        b'{"subjects": ["0xAB"], "parts": {}}',
        422,
        "invalid-field",
        "subjects[0]",
    ),
    "an unknown part": (b'{"parts": {"diary": {}}}', 422, "invalid-payload", "parts.diary"),
    "a part of another profile": (json.dumps(TITLE_RECORD).encode(), 422, "invalid-payload", "parts.title"),
    "a payload against its profile": (
        b'{"parts": {"summary": {"resourceType": "Patient"}}}',
        422,
        "invalid-payload",
        "parts.summary.resourceType",
    ),
    "an oversize body": (b" " * 65_537, 413, "too-large", None),
}


@pytest.mark.parametrize(("body", "status", "code", "field"), BODIES.values(), ids=BODIES)
def test_put_refuses_body(node: TestNode, body: bytes, status: int, code: str, field: str | None) -> None:
    before = node.row_counts()
    verify_refused(put_bytes(node, body), status, code, field)
    assert node.row_counts() == before


def test_put_stops_reading_an_endless_body(node: TestNode) -> None:
    read = 0

    def endless() -> Any:
        nonlocal read
        while read < 1_000:
            read += 1
            yield b" " * 4_096

    headers = {**node.headers("HEALTH", "writer"), **JSON}
    answer = node.client.put(node.url(node.health, "v"), content=endless(), headers=headers)
    verify_refused(answer, 413, "too-large")


TYPES = {
    "text": "text/plain",
    "a form": "application/x-www-form-urlencoded",
    "another charset": "application/json; charset=gbk",
    "a suffix": "application/ld+json",
    "none": "",
}


@pytest.mark.parametrize("media_type", TYPES.values(), ids=TYPES)
def test_put_refuses_media_type(node: TestNode, media_type: str) -> None:
    before = node.row_counts()
    verify_refused(put_bytes(node, GOOD, **{"Content-Type": media_type}), 415, "unsupported-media-type")
    assert node.row_counts() == before


def test_put_refuses_compressed_bodies(node: TestNode) -> None:
    answer = put_bytes(node, GOOD, **{"Content-Encoding": "gzip"})
    verify_refused(answer, 415, "unsupported-media-type", "Content-Encoding")


JSON_BODIES: dict[str, tuple[object, str]] = {
    "a wrong type": ({"restricted": "yes"}, "restricted"),
    "a number for a flag": ({"restricted": 1}, "restricted"),
    "an unknown field": ({"restricted": True, "until": 3}, "until"),
    "the Python name": ({"restricted": True, "consumer_": 3}, "consumer_"),
    "out of range": ({"restricted": True, "consumer": 0}, "consumer"),
    "a missing field": ({}, "restricted"),
}


@pytest.mark.parametrize(("body", "field"), JSON_BODIES.values(), ids=JSON_BODIES)
def test_models_refuse_and_name_the_field(node: TestNode, body: object, field: str) -> None:
    headers = node.headers("HEALTH", "steward")
    answer = node.client.post(node.url(node.health, "visit", "/restrict"), json=body, headers=headers)
    verify_refused(answer, 422, "invalid-field", field)
    assert node.steward.calls == []


def test_models_never_repeat_what_was_sent(node: TestNode) -> None:
    headers = node.headers("LAND", "reader", "TREATMENT")
    body = {"dataset": hex_of(node.health), "system": "urn:x", "value": ["Zhang San"]}
    answer = node.client.post("/v1/subjects/resolve", json=body, headers=headers)
    verify_refused(answer, 422, "invalid-field", "value")
    assert "Zhang" not in answer.text


@pytest.mark.parametrize("body", [b'{"restricted": true, "restricted": false}', b'{"restricted": NaN}'])
def test_models_take_strict_json_only(node: TestNode, body: bytes) -> None:
    headers = {**node.headers("HEALTH", "steward"), **JSON}
    answer = node.client.post(node.url(node.health, "visit", "/restrict"), content=body, headers=headers)
    verify_refused(answer, 400, "malformed-json")
    assert node.steward.calls == []


QUERIES = {
    "unknown parameter": ("?versoin=1", "versoin"),
    "repeated parameter": ("?version=1&version=2", "version"),
    "not a number": ("?version=first", "version"),
    "zero": ("?version=0", "version"),
    "unknown part": ("?parts=diary", "parts"),
    "part twice": ("?parts=summary,summary", "parts"),
    "no part": ("?parts=", "parts"),
}


@pytest.mark.parametrize(("query", "field"), QUERIES.values(), ids=QUERIES)
def test_get_refuses_query(node: TestNode, query: str, field: str) -> None:
    before = node.row_counts()
    headers = node.headers("LAND", "reader", "TREATMENT")
    verify_refused(
        node.client.get(node.url(node.health, "v") + query, headers=headers), 422, "invalid-field", field
    )
    assert node.row_counts() == before


def test_path_that_is_not_utf8_is_refused(node: TestNode) -> None:
    headers = node.headers("LAND", "reader", "TREATMENT")
    answer = node.client.get(node.url(node.health) + "%ff%fe", headers=headers)
    verify_refused(answer, 400, "invalid-request")


NAMES = {
    "a national id": "11010519491231002X",
    "zero": "0x" + "00" * 32,
    "upper-case hex": "0x" + "AB" * 32,
    "a control character": "a\u202eb",
    "not NFC": "e\u0301",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_record_names_are_refused(node: TestNode, name: str) -> None:
    before = node.row_counts()
    answer = put_bytes(node, GOOD, name)
    verify_refused(answer, 422, "invalid-field", "id")
    assert name not in answer.text
    assert node.row_counts() == before


def test_unknown_dataset_is_not_found(node: TestNode) -> None:
    before = node.row_counts()
    url = f"/v1/datasets/0x{'ab' * 32}/records/visit"
    answer = node.client.put(url, content=GOOD, headers={**node.headers("HEALTH", "writer"), **JSON})
    verify_refused(answer, 404, "dataset-not-found")
    assert node.row_counts() == before


def test_malformed_dataset_id_is_refused(node: TestNode) -> None:
    verify_refused(node.client.get("/v1/datasets/0xAB"), 422, "invalid-field", "dataset")


HEADERS: dict[str, tuple[dict[str, str], str]] = {
    "no purpose": ({}, "Cityledger-Purpose"),
    "lower case": ({"Cityledger-Purpose": "treatment"}, "Cityledger-Purpose"),
    "long purpose": ({"Cityledger-Purpose": "A" * 33}, "Cityledger-Purpose"),
    "long case": ({"Cityledger-Purpose": "TREATMENT", "Cityledger-Case": "x" * 201}, "Cityledger-Case"),
    "represents a name": (
        {"Cityledger-Purpose": "TREATMENT", "Cityledger-Represents": "LAND"},
        "Cityledger-Represents",
    ),
    "represents an agency": (
        {"Cityledger-Purpose": "TREATMENT", "Cityledger-Represents": "3"},
        "Cityledger-Represents",
    ),
}


@pytest.mark.parametrize(("sent", "field"), HEADERS.values(), ids=HEADERS)
def test_get_refuses_headers(node: TestNode, sent: dict[str, str], field: str) -> None:
    before = node.row_counts()
    headers = {**node.headers("LAND", "reader", None), **sent}
    verify_refused(node.client.get(node.url(node.health, "v"), headers=headers), 422, "invalid-field", field)
    assert node.row_counts() == before


def test_case_is_taken_in_utf8(node: TestNode) -> None:
    node.put(node.health, "visit", TREATMENT_RECORD)
    stated = node.headers("LAND", "reader", "TREATMENT")
    headers = [*((name.encode(), value.encode()) for name, value in stated.items())]
    case = (b"Cityledger-Case", "案号 7".encode())
    assert node.client.get(node.url(node.health, "visit"), headers=[*headers, case]).status_code == 200


def test_repeated_header_is_refused(node: TestNode) -> None:
    headers = [
        *node.headers("LAND", "reader", "TREATMENT").items(),
        ("Cityledger-Purpose", "OWN_DUTY"),
    ]
    answer = node.client.get(node.url(node.health, "v"), headers=headers)
    verify_refused(answer, 422, "invalid-field", "Cityledger-Purpose")

"""Each kind of bad request: a clear 4xx in the one shape, and not one row written."""

from __future__ import annotations

import json
from typing import Any

import pytest
import sqlalchemy as sa
from httpx import Response

from cityledger.api.http.shapes import hex_of
from cityledger.store import tables as t
from cityledger.types import AgencyStatus
from support.node.node_fixture import TestNode
from support.node.sample_records import TITLE_RECORD, TREATMENT_RECORD

GOOD = json.dumps(TREATMENT_RECORD).encode()
JSON = {"Content-Type": "application/json"}


def put_bytes(node: TestNode, body: bytes, name: str = "visit", **headers: str) -> Response:
    sent = {**node.headers("HEALTH", "writer"), **JSON, **headers}
    return node.client.put(node.url(node.health, name), content=body, headers=sent)


def verify_refused(answer: Response, status: int, code: str, field: str | None = None) -> None:
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, problem["status"], problem["code"]) == (status, status, code)
    assert problem["type"] == f"urn:cityledger:problem:{code}"
    assert problem["title"] and problem["detail"]
    if field is not None:
        assert problem["field"] == field


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


# --- tokens ------------------------------------------------------------------------------------------------

TOKENS = {
    "none": (None, "unauthenticated"),
    "another scheme": ("Basic YTpi", "unauthenticated"),
    "unknown": ("Bearer " + "ab" * 32, "token-refused"),
    "empty": ("Bearer ", "token-refused"),
}


@pytest.mark.parametrize(("sent", "code"), TOKENS.values(), ids=TOKENS)
def test_token_is_required(node: TestNode, sent: str | None, code: str) -> None:
    before = node.row_counts()
    headers = {"Cityledger-Purpose": "OWN_DUTY", **JSON, **({} if sent is None else {"Authorization": sent})}
    answer = node.client.put(node.url(node.health, "visit"), content=GOOD, headers=headers)
    verify_refused(answer, 401, code)
    assert answer.headers["www-authenticate"].startswith('Bearer realm="cityledger"')
    assert node.row_counts() == before


def test_expired_token_is_refused(node: TestNode) -> None:
    headers = {**node.headers("HEALTH", "writer"), **JSON}
    node.pass_time(901)
    before = node.row_counts()
    answer = node.client.put(node.url(node.health, "visit"), content=GOOD, headers=headers)
    verify_refused(answer, 401, "token-refused")
    assert node.row_counts() == before


def test_altered_token_is_refused(node: TestNode) -> None:
    token = node.token("HEALTH", "writer")
    altered = token[:-1] + ("0" if token[-1] != "0" else "1")
    answer = node.client.get("/v1/whoami", headers={"Authorization": f"Bearer {altered}"})
    verify_refused(answer, 401, "token-refused")
    assert altered not in answer.text


def test_foreign_agencys_writer_is_denied_with_a_receipt(node: TestNode) -> None:
    before = node.row_counts()
    headers = {**node.headers("LAND", "writer", "TREATMENT"), **JSON}
    answer = node.client.put(node.url(node.health, "visit"), content=GOOD, headers=headers)
    verify_refused(answer, 403, "denied")
    assert answer.json()["ruleCode"] == 32
    after = node.row_counts()
    assert after["receipt"] == before["receipt"] + 1
    assert (after["record_version"], after["record_part"]) == (0, 0)


def test_reader_may_not_write(node: TestNode) -> None:
    headers = {**node.headers("HEALTH", "reader"), **JSON}
    answer = node.client.put(node.url(node.health, "visit"), content=GOOD, headers=headers)
    verify_refused(answer, 403, "denied")
    assert answer.json()["ruleCode"] == 21
    assert node.row_counts()["record_version"] == 0


def test_suspended_agency_is_denied_by_rule_1_with_a_receipt(node: TestNode) -> None:
    node.put(node.health, "visit", TREATMENT_RECORD)
    node.set_agency("LAND", status=int(AgencyStatus.SUSPENDED))
    before = node.row_counts()["receipt"]
    answer = node.client.get(
        node.url(node.health, "visit"), headers=node.headers("LAND", "reader", "TREATMENT")
    )
    verify_refused(answer, 403, "denied")
    assert answer.json()["ruleCode"] == 11
    assert node.row_counts()["receipt"] == before + 1


def test_stale_index_stops_reads(node: TestNode) -> None:
    node.put(node.health, "visit", TREATMENT_RECORD)
    headers = node.headers("LAND", "reader", "TREATMENT")
    node.time.now += 16
    answer = node.client.get(node.url(node.health, "visit"), headers=headers)
    verify_refused(answer, 503, "index-stale")
    assert answer.headers["retry-after"] == "5"


# --- concurrency -------------------------------------------------------------------------------------------


def test_stale_if_match_is_refused(node: TestNode) -> None:
    node.put(node.health, "visit", TREATMENT_RECORD)
    node.put(node.health, "visit", TREATMENT_RECORD)
    before = node.row_counts()
    verify_refused(put_bytes(node, GOOD, **{"If-Match": '"v1"'}), 412, "stale-version")
    assert node.row_counts() == before
    assert put_bytes(node, GOOD, **{"If-Match": '"v2"'}).headers["etag"] == '"v3"'


def test_if_none_match_refuses_what_exists(node: TestNode) -> None:
    assert put_bytes(node, GOOD, **{"If-None-Match": "*"}).status_code == 201
    before = node.row_counts()
    verify_refused(put_bytes(node, GOOD, **{"If-None-Match": "*"}), 412, "stale-version")
    assert node.row_counts() == before


CONDITIONS = {
    "weak": ({"If-Match": 'W/"v1"'}, "If-Match"),
    "any": ({"If-Match": "*"}, "If-Match"),
    "several": ({"If-Match": '"v1", "v2"'}, "If-Match"),
    "a tag": ({"If-None-Match": '"v1"'}, "If-None-Match"),
    "both": ({"If-None-Match": "*", "If-Match": '"v1"'}, "If-None-Match"),
}


@pytest.mark.parametrize(("sent", "field"), CONDITIONS.values(), ids=CONDITIONS)
def test_conditions_that_are_not_understood_are_refused(
    node: TestNode, sent: dict[str, str], field: str
) -> None:
    before = node.row_counts()
    verify_refused(put_bytes(node, GOOD, **sent), 422, "invalid-field", field)
    assert node.row_counts() == before


def test_idempotency_key_with_another_body_is_refused(node: TestNode) -> None:
    first = put_bytes(node, GOOD, **{"Idempotency-Key": "k-1"})
    before = node.row_counts()
    verify_refused(put_bytes(node, GOOD + b" ", **{"Idempotency-Key": "k-1"}), 422, "idempotency-key-reused")
    verify_refused(
        put_bytes(node, GOOD, "other", **{"Idempotency-Key": "k-1"}), 422, "idempotency-key-reused"
    )
    again = put_bytes(node, GOOD, **{"Idempotency-Key": "k-1"})
    assert (again.status_code, again.json(), again.headers["etag"]) == (201, first.json(), '"v1"')
    assert node.row_counts() == before


# --- stored bytes that are not those that were written -----------------------------------------------------


def _swap(table: sa.Table, *names: str) -> Any:
    """Exchanges columns between two records of one dataset."""

    def change(node: TestNode) -> None:
        with node.context.services.database.reading() as connection:
            rows = connection.execute(sa.select(table).order_by(table.c.record, table.c.version)).all()
        records = sorted({row.record for row in rows})
        mine, other = ([row for row in rows if row.record == record] for record in records)
        for ours, theirs in (*zip(mine, other, strict=True), *zip(other, mine, strict=True)):
            keys = [column.name for column in table.primary_key]
            this_row = sa.and_(*(table.c[key] == getattr(ours, key) for key in keys))
            node.execute(
                table.update().where(this_row).values({name: getattr(theirs, name) for name in names})
            )

    return change


def _swap_parts(node: TestNode) -> None:
    part = t.record_part
    with node.context.services.database.reading() as connection:
        rows = connection.execute(sa.select(part).where(part.c.bit.in_([0, 1]))).all()
    by_place = {(row.record, row.bit): row for row in rows}
    for (record, bit), _ in by_place.items():
        other = by_place[record, 1 - bit]
        this_row = (part.c.record == record) & (part.c.bit == bit)
        changed = {"ciphertext": other.ciphertext, "digest": other.digest, "commitment": other.commitment}
        node.execute(part.update().where(this_row).values(changed))


def _flip(node: TestNode) -> None:
    part = t.record_part
    with node.context.services.database.reading() as connection:
        rows = connection.execute(sa.select(part)).all()
    for row in rows:
        this_row = (part.c.record == row.record) & (part.c.bit == row.bit)
        flipped = row.ciphertext[:-1] + bytes([row.ciphertext[-1] ^ 1])
        node.execute(part.update().where(this_row).values(ciphertext=flipped))


ALTERATIONS = {
    "ciphertexts swapped": _swap(t.record_part, "ciphertext"),
    "ciphertexts and digests swapped": _swap(t.record_part, "ciphertext", "digest"),
    "whole parts swapped": _swap(t.record_part, "ciphertext", "digest", "commitment"),
    "wrapped keys swapped": _swap(t.record_version, "wrapped"),
    "parts of one record swapped": _swap_parts,
    "a byte changed": _flip,
    "nothing left of it": lambda node: node.execute(t.record_part.update().values(ciphertext=b"")),
    "a part removed": lambda node: node.execute(t.record_part.delete().where(t.record_part.c.bit == 1)),
    "subjects removed": lambda node: node.execute(t.record_subject.delete()),
}


@pytest.mark.parametrize("alter", ALTERATIONS.values(), ids=ALTERATIONS)
def test_get_refuses_altered_bytes(node: TestNode, alter: Any) -> None:
    node.put(node.health, "visit", TREATMENT_RECORD)
    node.put(node.health, "other", TREATMENT_RECORD)
    alter(node)
    headers = node.headers("LAND", "reader", "TREATMENT")
    answer = node.client.get(node.url(node.health, "visit"), headers=headers)
    verify_refused(answer, 500, "stored-bytes-altered")
    assert "Patient" not in answer.text


def test_get_refuses_a_version_that_stands_in_for_another(node: TestNode) -> None:
    node.put(node.health, "visit", TREATMENT_RECORD)
    node.put(node.health, "visit", TREATMENT_RECORD)
    part, version = t.record_part, t.record_version
    with node.context.services.database.reading() as connection:
        first = connection.execute(sa.select(part).where(part.c.version == 1).order_by(part.c.bit)).all()
        wrapped = connection.execute(sa.select(version.c.wrapped).where(version.c.version == 1)).scalar_one()
    for row in first:
        changed = {"ciphertext": row.ciphertext, "digest": row.digest, "commitment": row.commitment}
        node.execute(part.update().where((part.c.version == 2) & (part.c.bit == row.bit)).values(changed))
    node.execute(version.update().where(version.c.version == 2).values(wrapped=wrapped))

    answer = node.client.get(
        node.url(node.health, "visit"), headers=node.headers("LAND", "reader", "TREATMENT")
    )
    verify_refused(answer, 500, "stored-bytes-altered")
    assert "Patient" not in answer.text

"""How often each route asks the rules, and how often a write asks the profile.

A read decides, stores its receipts, and decides again. A write decides at the door and again inside the
transaction that numbers it, whatever the form of its body. More decisions cost snapshots of the database;
fewer would let out, or write, what was denied since.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi.routing import iter_route_contexts
from httpx import Response

from cityledger.api.http.shapes import hex_of
from cityledger.profiles.profile import Profile
from cityledger.store.index import queries as index
from integration.test_invariant_no_log_no_key import (
    EXITS,
    NO_RECORDS,
    ON_CHAIN,
)
from support.imports.import_fixture import ndjson
from support.node.node_fixture import TestNode, make_node
from support.node.record_exits import READS, RECORDS, SCAN, prepare
from support.node.sample_records import TREATMENT_RECORD

Request = Callable[[TestNode], Response]
Route = tuple[str, str]

PUT = ("PUT", RECORDS + "/{id}")
FHIR = json.dumps(TREATMENT_RECORD["parts"]["summary"]).encode()
IMPORT = ("POST", "/v1/datasets/{dataset}/imports")
HEAD = ("POST", RECORDS + "/{id}/head")

READ_DECISIONS = {
    "read": 2,
    "read as FHIR": 2,
    "release": 2,
    "part": 2,
    "long part": 3,  # once more between the pass that verifies it and the one that sends it
    "ciphertext of a long part": 3,  # the release's two, and one for the ciphertext
    "history": 2,
    "proof": 2,
    "proof with openings": 4,  # a proof, and a read of the parts
    "tombstone": 2,
    "find by id": 2,
    "find by subject": 3,  # once more in the transaction that searches
    "find by identifier": 5,  # the same, and two for the record that is found
    "check": 2,
    "resolve": 2,
}


@pytest.fixture
def node(tmp_path: Any) -> Iterator[TestNode]:
    made = make_node(tmp_path)
    yield made
    made.close()


@dataclass
class Counts:
    decisions: int = 0
    validations: int = 0


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> Counts:
    """Each decision loads the facts of its query once."""
    counted, load_known, validate = Counts(), index.load_known, Profile.validate

    def counting_load(*arguments: Any) -> Any:
        counted.decisions += 1
        return load_known(*arguments)

    def counting_validate(*arguments: Any) -> None:
        counted.validations += 1
        validate(*arguments)

    monkeypatch.setattr(index, "load_known", counting_load)
    monkeypatch.setattr(Profile, "validate", counting_validate)
    return counted


def _headers(node: TestNode, **more: str) -> dict[str, str]:
    return {**node.headers("HEALTH", "writer"), **more}


def _put(node: TestNode, body: bytes, content_type: str, **more: str) -> Response:
    headers = _headers(node, **{"Content-Type": content_type}, **more)
    answer: Response = node.client.put(node.url(node.health, "new"), content=body, headers=headers)
    return answer


def _form(record: bytes, content_type: str = "application/json", *, with_scan: bool = True) -> bytes:
    head = 'Content-Disposition: form-data; name="{}"\r\nContent-Type: {}\r\n\r\n'
    body = b"--b0\r\n" + head.format("record", content_type).encode() + record
    if with_scan:
        body += b"\r\n--b0\r\n" + head.format("attachment", "application/octet-stream").encode() + SCAN
    return body + b"\r\n--b0--\r\n"


JSON_BODY = (json.dumps(TREATMENT_RECORD).encode(), "application/json")
FHIR_BODY = (FHIR, "application/fhir+json")
MULTIPART_BODY = (_form(JSON_BODY[0]), "multipart/form-data; boundary=b0")
MULTIPART_FHIR_BODY = (_form(FHIR, "application/fhir+json"), "multipart/form-data; boundary=b0")
MULTIPART_WITHOUT_PARTS = (_form(JSON_BODY[0], with_scan=False), "multipart/form-data; boundary=b0")
BODIES = {
    "JSON": JSON_BODY,
    "FHIR": FHIR_BODY,
    "multipart": MULTIPART_BODY,
    "multipart of FHIR": MULTIPART_FHIR_BODY,
    "multipart without binary parts": MULTIPART_WITHOUT_PARTS,
}


@pytest.mark.parametrize(("body", "content_type"), BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("key", [{}, {"Idempotency-Key": "k"}], ids=["without key", "with key"])
def test_put_decides_twice_and_validates_once(
    node: TestNode, counts: Counts, body: bytes, content_type: str, key: dict[str, str]
) -> None:
    answer = _put(node, body, content_type, **key)

    assert answer.status_code == 201, answer.text
    assert counts == Counts(decisions=2, validations=1)


@pytest.mark.parametrize(("body", "content_type"), BODIES.values(), ids=BODIES)
def test_put_repeated_under_its_key_decides_twice(
    node: TestNode, counts: Counts, body: bytes, content_type: str
) -> None:
    """At the door, and before an answer is returned that was stored: the upload may have taken long."""
    first = _put(node, body, content_type, **{"Idempotency-Key": "k"})
    counts.decisions = counts.validations = 0

    again = _put(node, body, content_type, **{"Idempotency-Key": "k"})

    assert (again.status_code, again.json()) == (201, first.json())
    assert counts.decisions == 2
    assert counts.validations <= 1


WRITES: dict[Route, tuple[Request, int]] = {
    ("DELETE", RECORDS + "/{id}"): (
        lambda node: node.client.delete(
            node.url(node.health, "visit", "?reason=duty"), headers=_headers(node)
        ),
        2,
    ),
    ("POST", RECORDS + "/{id}/withdraw"): (
        lambda node: node.client.post(node.url(node.health, "visit", "/withdraw"), headers=_headers(node)),
        2,
    ),
    HEAD: (  # decided at the door; the contract decides the rest
        lambda node: node.client.post(
            node.url(node.health, "visit", "/head"), headers=_headers(node), json={}
        ),
        1,
    ),
    IMPORT: (  # before the upload, and in the transaction that stores the job
        lambda node: node.client.post(
            f"/v1/datasets/{hex_of(node.health)}/imports?format=ndjson",
            headers=_headers(node, **{"Content-Type": "application/x-ndjson"}),
            content=ndjson([{"id": "a", "parts": TREATMENT_RECORD["parts"]}]),
        ),
        2,
    ),
}


@pytest.mark.parametrize(("request_", "decisions"), WRITES.values(), ids=map(" ".join, WRITES))
def test_write_decides_at_the_door_and_in_its_transaction(
    node: TestNode, counts: Counts, request_: Request, decisions: int
) -> None:
    prepare(node)
    counts.decisions = 0

    answer = request_(node)

    assert answer.is_success, answer.text
    assert counts.decisions == decisions


def test_import_decides_when_it_begins_and_in_the_transaction_of_each_chunk(
    node: TestNode, counts: Counts
) -> None:
    WRITES[IMPORT][0](node)
    counts.decisions = counts.validations = 0

    while node.context.imports.turn():
        pass

    assert counts == Counts(decisions=2, validations=1)


@pytest.mark.parametrize("name", READS)
def test_read_decides_before_and_after_its_receipts(node: TestNode, counts: Counts, name: str) -> None:
    prepare(node)
    counts.decisions = 0

    answer = READS[name][1](node, node.client)

    assert answer.status_code == 200, answer.text
    assert counts.decisions == READ_DECISIONS[name]


@pytest.mark.parametrize("path", ["/v1/reads", "/v1/imports", "/v1/grants", "/v1/agencies", "/v1/catalog"])
def test_routes_without_a_gate_decide_nothing(node: TestNode, counts: Counts, path: str) -> None:
    role = "writer" if path == "/v1/imports" else "auditor" if path == "/v1/reads" else "reader"

    assert node.client.get(path, headers=node.headers("HEALTH", role)).status_code == 200
    assert counts.decisions == 0


def test_a_decision_in_advance_is_one(node: TestNode, counts: Counts) -> None:
    answer = node.client.post(
        "/v1/decisions",
        headers=node.headers("HEALTH", "reader"),
        json={"dataset": hex_of(node.health), "action": "read"},
    )

    assert answer.status_code == 200, answer.text
    assert counts.decisions == 1


def test_every_route_about_records_is_counted(node: TestNode) -> None:
    walked = {
        (method, route.path)
        for route in iter_route_contexts(node.client.app.routes)  # type: ignore[attr-defined]
        for method in (route.methods or {"every method"}) - {"HEAD"}
    }
    on_chain = {route for route, exit_ in EXITS.items() if exit_ == ON_CHAIN}
    listed = {route for route in EXITS if route[1].startswith("/v1/reads")}
    counted = {PUT, *WRITES, *(route for route, _ in READS.values())}
    assert counted == walked - NO_RECORDS - on_chain - listed
    assert READ_DECISIONS.keys() == READS.keys()

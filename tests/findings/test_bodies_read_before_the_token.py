"""Bodies of strangers were held and parsed before anybody asked for their token (audit 9)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import anyio
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from cityledger.api.application import create_app
from cityledger.api.strict_requests import MAX_JSON_VALUES
from support.node.node_fixture import TestNode

OPEN = {("POST", "/v1/token"), ("PUT", "/v1/agencies/{agency}/revocations")}
"""Their bodies say who sends them, and are short."""
UNREAD = "the body was asked for"


def _routes(app: FastAPI) -> Iterator[tuple[str, str]]:
    for route in iter_route_contexts(app.routes):
        for method in sorted((route.methods or set()) - {"HEAD"}):
            yield method, str(route.path)


def _ask(app: FastAPI, method: str, path: str, **headers: str) -> int:
    """The status of the answer to a request whose body never comes, and may not be asked for."""
    filled = re.sub(r"\{[a-z]+\}", "0x" + "ab" * 32, path)
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": filled,
        "raw_path": filled.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("192.0.2.1", 1),
        "server": ("city.test", 80),
        "state": {},
    }
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        raise AssertionError(UNREAD)

    async def send(message: Any) -> None:
        sent.append(message)

    async def run() -> None:
        await app(scope, receive, send)

    anyio.run(run)
    return int(sent[0]["status"])


@pytest.mark.parametrize("authorization", [None, "Bearer " + "x" * 43, "Basic eDp4"])
def test_no_route_that_needs_a_token_reads_a_body_without_one(
    node: TestNode, authorization: str | None
) -> None:
    app = create_app(node.context)
    known = {} if authorization is None else {"authorization": authorization}
    refused = 0
    for method, path in _routes(app):
        if method == "GET" or (method, path) in OPEN:
            continue
        for media_type in ("application/json", "application/fhir+json", "multipart/form-data; boundary=b"):
            status = _ask(app, method, path, **known, **{"content-type": media_type})
            assert status in (401, 415), (method, path, media_type)
            refused += status == 401
    assert refused > 20


def test_a_proof_that_does_not_hold_is_refused_before_the_form_is_read(node: TestNode) -> None:
    app = create_app(node.context)
    form = {"content-type": "application/x-www-form-urlencoded"}

    assert _ask(app, "POST", "/v1/token", **form, dpop="a.b.c") == 401


def test_a_long_form_is_refused_by_its_length(node: TestNode) -> None:
    app = create_app(node.context)
    form = {"content-type": "application/x-www-form-urlencoded", "content-length": "16385"}

    assert _ask(app, "POST", "/v1/token", **form) == 413


def test_a_form_of_many_fields_is_refused(node: TestNode) -> None:
    answer = node.client.post("/v1/token", data={f"f{number}": "" for number in range(17)})

    assert answer.status_code == 422


@pytest.mark.parametrize(
    "body",
    [
        {f"a{number}": 0 for number in range(MAX_JSON_VALUES + 1)},
        {"identifier": {f"a{number}": 0 for number in range(MAX_JSON_VALUES)}},
        {"subject": [[0] * 128, [0] * 128]},
    ],
    ids=["members", "inner members", "items"],
)
def test_a_body_of_many_members_is_refused_as_one(node: TestNode, body: object) -> None:
    headers = {**node.headers("LAND", "reader", "TREATMENT"), "Content-Type": "application/json"}
    answer = node.client.post(
        f"/v1/datasets/0x{node.health.hex()}/records/find", content=json.dumps(body), headers=headers
    )

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-field")
    assert "more than 256" in answer.json()["detail"]

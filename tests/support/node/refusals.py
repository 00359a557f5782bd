"""A PUT of any bytes, and the one shape of a refusal."""

from __future__ import annotations

import json

from httpx import Response

from support.node.node_fixture import TestNode
from support.node.sample_records import TREATMENT_RECORD

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

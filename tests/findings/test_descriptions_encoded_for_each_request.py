"""``/openapi.json`` was encoded in the event loop for each request, 15 ms of everybody's time (hostile 6)."""

from __future__ import annotations

import pytest

from cityledger.api.http import openapi
from support.node.node_fixture import TestNode


def test_the_description_is_encoded_once(node: TestNode, monkeypatch: pytest.MonkeyPatch) -> None:
    first = node.client.get("/openapi.json")
    monkeypatch.setattr(openapi, "msgspec", None)  # encoding again would fail
    second = node.client.get("/openapi.json")

    assert second.status_code == 200
    assert second.content == first.content
    assert second.headers["Content-Type"] == "application/json"


def test_a_client_that_has_it_gets_no_second_copy(node: TestNode) -> None:
    etag = node.client.get("/openapi.json").headers["ETag"]
    known = node.client.get("/openapi.json", headers={"If-None-Match": etag})
    other = node.client.get("/openapi.json", headers={"If-None-Match": '"other"'})

    assert (known.status_code, known.content) == (304, b"")
    assert other.status_code == 200

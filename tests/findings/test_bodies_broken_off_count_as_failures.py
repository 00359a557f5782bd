"""A client that hung up in the middle of a body was logged as an ERROR and counted as status 500, so that
strangers could raise the alert on 5xx, or fill the share of failures that it compares with.
"""

from __future__ import annotations

import asyncio
import logging

import pytest
from fastapi.routing import iter_route_contexts
from prometheus_client import generate_latest
from starlette.types import Message, Scope

from support.node.node_fixture import TestNode

BODIES = {"POST", "PUT"}


def _routes(node: TestNode) -> list[tuple[str, str]]:
    """Every route that may have a body, its path filled in."""
    places = {"{dataset}": f"0x{node.health.hex()}", "{id}": "visit", "{agency}": "HEALTH"}
    found = []
    for route in iter_route_contexts(node.client.app.routes):  # type: ignore[attr-defined]
        path = str(route.path)
        for name, value in places.items():
            path = path.replace(name, value)
        found += [(method, path) for method in (route.methods or set()) & BODIES]
    return found


def _break_off(node: TestNode, method: str, path: str, content_type: bytes, token: str) -> list[Message]:
    """Sends half a body and hangs up; returns what the node sent."""
    headers = [
        (b"host", b"city.test"),
        (b"authorization", f"Bearer {token}".encode()),
        (b"cityledger-purpose", b"OWN_DUTY"),
        (b"content-type", content_type),
        (b"content-length", b"1000"),
    ]
    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": headers,
        "client": ("192.0.2.1", 50_000),
        "server": ("city.test", 80),
    }
    incoming: list[Message] = [{"type": "http.request", "body": b'{"half', "more_body": True}]
    sent: list[Message] = []

    async def receive() -> Message:
        return incoming.pop(0) if incoming else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    async def call() -> None:
        await node.client.app(scope, receive, send)

    asyncio.run(call())
    return sent


@pytest.mark.parametrize("content_type", [b"application/json", b"application/x-www-form-urlencoded"])
def test_a_broken_off_body_is_no_failure_on_any_route(
    node: TestNode, caplog: pytest.LogCaptureFixture, content_type: bytes
) -> None:
    caplog.set_level(logging.INFO)
    token = node.token("HEALTH", "writer")

    for method, path in _routes(node):
        for message in _break_off(node, method, path, content_type, token):
            assert message.get("status", 400) < 500, (method, path)

    metrics = generate_latest(node.context.metrics).decode()
    assert 'status="499"' in metrics
    assert 'status="5' not in metrics
    assert not [one for one in caplog.records if one.levelno >= logging.WARNING]

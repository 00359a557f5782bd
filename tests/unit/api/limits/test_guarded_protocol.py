"""What only a socket can show of one connection; the numbers are in ``test_connections.py``."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import generate_latest

from cityledger.api.limits import guarded_protocol
from support.node.node_fixture import TestNode
from support.node.served_node import ANSWER_SECONDS, received, served_node

pytestmark = pytest.mark.loopback(reason="slow clients are what the protocol guards against")

Connect = Callable[[], socket.socket]
HEADER = b"GET /healthz HTTP/1.1\r\nHost: city.test\r\n"
BODY = b"POST /v1/token HTTP/1.1\r\nHost: city.test\r\nContent-Length: 1000\r\n"
FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
QUICK = {
    "header_seconds": 0.5,
    "keep_alive_seconds": 1,
    "body_idle_seconds": 0.3,
    "answer_idle_seconds": 0.5,
    "body_min_bytes_per_second": 1_000_000,
}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guarded_protocol, "UNREAD_SECONDS", 0.5)


@contextmanager
def served(folder: Path, **settings: Any) -> Iterator[tuple[TestNode, httpx.Client, Connect]]:
    with served_node(folder, **{**QUICK, **settings}) as (node, client):
        opened: list[socket.socket] = []

        def connect() -> socket.socket:
            made = socket.create_connection((client.base_url.host, client.base_url.port), ANSWER_SECONDS)
            opened.append(made)
            return made

        try:
            yield node, client, connect
        finally:
            for one in opened:
                one.close()


def refusals(node: TestNode) -> set[str]:
    text = generate_latest(node.context.services.instruments.registry).decode()
    return {line.split('"')[1] for line in text.splitlines() if line.startswith("cityledger_refusals_total{")}


@pytest.mark.parametrize(
    ("sent", "status", "limit"),
    [
        (b"", b"", "header-time"),
        (HEADER + b"X: ", b"408", "header-time"),
        (HEADER + b"\r\n" + HEADER, b"200", None),
        (HEADER + b"\r\n", b"200", None),
        (BODY + FORM + b"\r\ngrant_type", b"408", "body-time"),
        (BODY + b"Content-Type: text/csv\r\n\r\ngrant_type", b"415", "unread-body"),
        (
            b"PUT /v1/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
            b"404",
            "unread-body",
        ),
    ],
    ids=["nothing", "half a header", "a second half", "idle", "half a form", "unread", "unread chunks"],
)
def test_a_connection_without_a_complete_request_is_closed(
    tmp_path: Path, sent: bytes, status: bytes, limit: str | None
) -> None:
    with served(tmp_path) as (node, _client, connect):
        connection = connect()
        connection.sendall(sent)

        answer = received(connection)

        assert answer[9:12] == status
        assert limit is None or limit in refusals(node)


def test_a_body_that_ends_late_keeps_its_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guarded_protocol, "UNREAD_SECONDS", 600)
    with served(tmp_path, header_seconds=60) as (_node, _client, connect):
        connection = connect()
        connection.sendall(b"PUT /v1/nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab")
        assert connection.recv(65_536)[9:12] == b"404"

        connection.sendall(b"cde" + HEADER + b"Connection: close\r\n\r\n")

        assert b"HTTP/1.1 200 OK" in received(connection)


def test_client_that_reads_no_answer_is_cut_off(tmp_path: Path) -> None:
    with served(tmp_path, keep_alive_seconds=3_600) as (node, client, connect):
        length = len(client.get("/openapi.json").content)
        # With a usual window: through a small one, what the kernel holds takes minutes.
        connection = connect()
        connection.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 40)

        while "answer-time" not in refusals(node):
            client.get("/healthz")

        with suppress(ConnectionResetError):
            assert len(received(connection)) < 40 * length


def test_more_connections_than_allowed_do_not_keep_a_client_out(tmp_path: Path) -> None:
    with served(tmp_path, header_seconds=600, max_connections=20) as (node, client, connect):
        for _ in range(60):
            connect().sendall(HEADER + b"X: ")

        assert client.get("/healthz").status_code == 200
        assert "connections" in refusals(node)


@pytest.mark.parametrize(("trusted", "status"), [("", 429), ("127.0.0.1", 200)], ids=["no proxy", "trusted"])
def test_a_proxy_names_the_client_only_where_it_is_trusted(tmp_path: Path, trusted: str, status: int) -> None:
    named = {"X-Forwarded-For": "192.0.2.1"}
    with served(tmp_path, address_requests_per_second=1, trusted_proxies=trusted) as (
        _node,
        client,
        _connect,
    ):
        statuses = {client.get("/healthz", headers=named).status_code for _ in range(9)}

        assert statuses == {200, 429}
        assert client.get("/healthz").status_code == status

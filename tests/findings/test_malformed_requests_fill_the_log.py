"""Each malformed request, and each that asked for another protocol, left a WARNING in the log: strangers
could fill it with more lines than the rate of their address admits requests. A malformed body of a request
that was answered already, or was about to be, was an ERROR with a traceback, and counted as status 500.
"""

from __future__ import annotations

import logging
import socket
from contextlib import closing
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from support.node.served_node import ANSWER_SECONDS, received, served_node

UPGRADE = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: upgrade, close\r\nUpgrade: websocket\r\n\r\n"


@pytest.mark.parametrize(
    ("sent", "status", "counted"),
    [
        (b"\x16\x03\x01\x02\x00\r\n\r\n", b"400", True),
        (b"GET /healthz HTTP/1.1\r\n\r\n", b"400", True),
        (b"GET /" + b"x" * 70_000, b"400", True),
        (UPGRADE, b"200", False),
    ],
    ids=["TLS", "no host", "long", "upgrade"],
)
def test_strangers_write_no_warnings(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, sent: bytes, status: bytes, counted: bool
) -> None:
    caplog.set_level(logging.INFO)
    with served_node(tmp_path) as (node, client):
        address = ("127.0.0.1", client.base_url.port or 0)
        with closing(socket.create_connection(address, ANSWER_SECONDS)) as connection:
            connection.sendall(sent)
            answer = received(connection)
        metrics = generate_latest(node.context.services.instruments.registry).decode()

    assert answer.split(b" ")[1] == status
    assert [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING] == []
    assert ('cityledger_refusals_total{limit="malformed"} 1.0' in metrics) is counted


CHUNKED = b"PUT /v1/unknown HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
HEAD = b"HEAD / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
SIGN_IN = CHUNKED.replace(b"PUT /v1/unknown", b"POST /v1/token").replace(
    b"Host: x\r\n", b"Host: x\r\n" + FORM
)


@pytest.mark.parametrize(
    ("header", "waits", "status"),
    [
        (CHUNKED, True, b"404"),
        (CHUNKED, False, b"400"),
        (SIGN_IN, False, b"400"),
        (HEAD, False, b"400"),
    ],
    ids=["answered", "about to be answered", "read", "head"],
)
def test_a_malformed_body_is_no_failure(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, header: bytes, waits: bool, status: bytes
) -> None:
    caplog.set_level(logging.INFO)
    with served_node(tmp_path) as (node, client):
        address = ("127.0.0.1", client.base_url.port or 0)
        with closing(socket.create_connection(address, ANSWER_SECONDS)) as connection:
            connection.sendall(header if waits else header + b"zz\r\n")
            answer = connection.recv(12)
            if waits:
                connection.sendall(b"zz\r\n")
            received(connection)
        assert client.get("/healthz").status_code == 200
        metrics = generate_latest(node.context.metrics).decode()

    assert answer == b"HTTP/1.1 " + status
    assert [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING] == []
    assert 'status="5' not in metrics

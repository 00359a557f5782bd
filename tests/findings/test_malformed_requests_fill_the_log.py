"""Each malformed request, and each that asked for another protocol, left a WARNING in the log: strangers
could fill it with more lines than the rate of their address admits requests.
"""

from __future__ import annotations

import logging
import socket
from contextlib import closing
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from served_node import ANSWER_SECONDS, received, served_node

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

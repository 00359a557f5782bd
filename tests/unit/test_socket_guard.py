"""The guard of the unit tests, which is in effect here as in each of them."""

from __future__ import annotations

import asyncio
import socket

import pytest

ELSEWHERE = ("192.0.2.1", 9)  # reserved for documentation
HERE = ("127.0.0.1", 0)


@pytest.mark.parametrize("name", ["bind", "connect", "connect_ex"])
def test_unit_test_reaches_no_address(name: str) -> None:
    with socket.socket() as made, pytest.raises(pytest.fail.Exception, match=f"socket.{name} to '127"):
        getattr(made, name)(HERE)


def test_unit_test_sends_no_datagram_and_looks_up_no_name() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as made, pytest.raises(pytest.fail.Exception, match="sendto"):
        made.sendto(b"", ELSEWHERE)
    with pytest.raises(pytest.fail.Exception, match="getaddrinfo"):
        socket.create_connection(("city.test", 80))


@pytest.mark.loopback(reason="what the marker allows is its subject")
def test_marked_test_reaches_loopback_only() -> None:
    with socket.create_server(HERE) as listener, socket.create_connection(listener.getsockname()):
        pass
    with socket.socket() as made, pytest.raises(pytest.fail.Exception, match="192"):
        made.connect(ELSEWHERE)


def test_event_loops_run() -> None:
    assert asyncio.run(asyncio.sleep(0, "done")) == "done"

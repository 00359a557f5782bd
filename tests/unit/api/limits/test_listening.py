from __future__ import annotations

import logging
import os
import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from cityledger.api.limits.listening import Listener, connection_limit

pytestmark = pytest.mark.loopback(reason="refused connections are its subject")


@contextmanager
def no_more_files() -> Iterator[None]:
    """Inside, this process can open no file beyond those that are open."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    probe = os.open(os.devnull, os.O_RDONLY)
    os.close(probe)
    resource.setrlimit(resource.RLIMIT_NOFILE, (probe, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_without_files_a_connection_is_refused_and_the_queue_moves(caplog: pytest.LogCaptureFixture) -> None:
    refused: list[None] = []
    with Listener(socket.create_server(("127.0.0.1", 0)), lambda: refused.append(None)) as listener:
        clients = [socket.create_connection(listener.getsockname(), 20) for _ in range(3)]
        with no_more_files(), caplog.at_level(logging.ERROR):
            for _ in clients:
                with pytest.raises(BlockingIOError):
                    listener.accept()

        assert [client.recv(1) for client in clients] == [b""] * 3
        assert len(refused) == 3
        assert [record.getMessage() for record in caplog.records] == [
            "connections refused: the process may open no more files; raise its limit (ulimit -n)"
        ]
        for client in clients:
            client.close()


def test_with_files_again_connections_are_accepted() -> None:
    with Listener(socket.create_server(("127.0.0.1", 0)), lambda: None) as listener:
        client = socket.create_connection(listener.getsockname(), 20)
        with client, no_more_files(), pytest.raises(BlockingIOError):
            listener.accept()
        with socket.create_connection(listener.getsockname(), 20):
            listener.accept()[0].close()


def test_empty_queue_is_not_a_refusal() -> None:
    with Listener(socket.create_server(("127.0.0.1", 0)), lambda: pytest.fail("refused")) as listener:
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()


def test_connections_leave_files_for_the_node() -> None:
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)

    assert connection_limit(1) == 1
    assert connection_limit(allowed + 1) < allowed

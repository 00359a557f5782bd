"""The in-memory node of ``node_fixture`` behind a real HTTP server, for what only a socket can show."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from cityledger.api.application import create_app
from cityledger.api.limits.guarded_protocol import Guard
from cityledger.api.limits.guarded_server import GuardedServer, listen
from cityledger.api.limits.listening import connection_limit
from cityledger.settings import Settings
from support.node.node_fixture import TestNode, make_node

ANSWER_SECONDS = 20
"""Longer than any honest answer takes: a request that needs more hangs."""


class _Started(GuardedServer):
    """Sets an event when it listens, so that no test has to ask in a loop."""

    def __init__(self, app: FastAPI, settings: Settings, guard: Guard) -> None:
        super().__init__(app, settings, guard)
        self.is_up = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.is_up.set()


@contextmanager
def served_node(folder: Path, **settings: Any) -> Iterator[tuple[TestNode, httpx.Client]]:
    """A node and a client that talks to it through a port of this machine."""
    node = make_node(folder, **settings)
    used, instruments = node.context.settings, node.context.services.instruments
    most = connection_limit(used.max_connections)
    guard = Guard.of(used, instruments, most, used.max_connections_per_address)
    server = _Started(create_app(node.context), used, guard)
    with listen("127.0.0.1", 0) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            assert server.is_up.wait(ANSWER_SECONDS)
            with httpx.Client(base_url=url, timeout=ANSWER_SECONDS, trust_env=False) as client:
                yield node, client
        finally:
            server.should_exit = True
            thread.join()
            node.close()


def received(connection: socket.socket) -> bytes:
    """Everything until the node closes the connection; the socket's time limit is the test's."""
    whole = b""
    while chunk := connection.recv(65_536):
        whole += chunk
    return whole

"""Clients that hold connections and bodies open, and the time that a normal client needs at the same time."""

from __future__ import annotations

import socket
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import httpx

from support.node.node_fixture import TestNode
from support.node.sample_records import TREATMENT_RECORD

CONNECTIONS = 200
BODIES = 24
BODY_BYTES = 8_388_608
TRICKLE_SECONDS = 0.5
HALF_A_HEADER = b"GET /healthz HTTP/1.1\r\nHost: city.test\r\nX-Slow: "


@dataclass
class Samples:
    """Seconds of single requests, without and with slow clients, taken in turn."""

    alone: list[float] = field(default_factory=list)
    beside: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        return statistics.median(self.beside) / statistics.median(self.alone)


@contextmanager
def slow_clients(node: TestNode, client: httpx.Client) -> Iterator[list[socket.socket]]:
    """200 connections that send a byte of their header now and then, and 24 bodies of 8 MiB that are sent to
    their half: half of them with a valid token. Those that the node closes connect again.
    """
    place = (str(client.base_url.host), int(client.base_url.port or 80))
    token = node.headers("HEALTH", "writer")["Authorization"]
    begun = [HALF_A_HEADER] * CONNECTIONS + [
        _half_a_body(node, token if at % 2 else "") for at in range(BODIES)
    ]
    opened = [_connected(place, one) for one in begun]
    stop = threading.Event()

    def trickle() -> None:
        while not stop.wait(TRICKLE_SECONDS):
            for at, one in enumerate(opened):
                if not _has_sent(one, b"x"):
                    one.close()
                    with suppress(OSError):
                        opened[at] = _connected(place, begun[at])

    thread = threading.Thread(target=trickle)
    thread.start()
    try:
        yield opened
    finally:
        stop.set()
        thread.join()
        for one in opened:
            one.close()


def compare(node: TestNode, client: httpx.Client, *, rounds: int, requests: int) -> Samples:
    """Reads of one record by a normal client; each of them succeeds. In each round some are made alone and
    some with slow clients, so that what else the machine does falls on both.
    """
    url = node.url(node.health, "visit-1")
    written = client.put(url, json=TREATMENT_RECORD, headers=node.headers("HEALTH", "writer"))
    assert written.is_success, (written.status_code, written.text)
    headers = node.headers("LAND", "reader", "TREATMENT")
    samples = Samples()

    def read() -> float:
        begun = time.perf_counter()
        answer = client.get(url, headers=headers)
        assert answer.status_code == 200, answer.text
        return time.perf_counter() - begun

    read()
    for _ in range(rounds):
        samples.alone += [read() for _ in range(requests)]
        with slow_clients(node, client):
            samples.beside += [read() for _ in range(requests)]
    return samples


def _half_a_body(node: TestNode, authorization: str) -> bytes:
    lines = [
        f"PUT {node.url(node.health, 'slow')} HTTP/1.1",
        "Host: city.test",
        "Content-Type: application/json",
        f"Content-Length: {BODY_BYTES}",
        "Cityledger-Purpose: OWN_DUTY",
        *([f"Authorization: {authorization}"] if authorization else []),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + b" " * (BODY_BYTES // 2)


def _connected(place: tuple[str, int], begun: bytes) -> socket.socket:
    """A connection that has sent as much of ``begun`` as the node took before it answered or stopped."""
    made = socket.create_connection(place, 20)
    with suppress(OSError):
        made.sendall(begun)
    made.setblocking(False)
    return made


def _has_sent(connection: socket.socket, data: bytes) -> bool:
    """Whether the connection is open; a full buffer is that of an open one."""
    try:
        if connection.recv(65_536) == b"":
            return False
    except BlockingIOError:
        pass
    except OSError:
        return False
    with suppress(BlockingIOError):
        try:
            connection.send(data)
        except BlockingIOError:
            raise
        except OSError:
            return False
    return True

"""A long body waited for its turn without a time limit, also after its client had hung up: eight members that
sent slowly held every other sender for hours.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, closing
from pathlib import Path

import anyio
import pytest
from fastapi import Request
from prometheus_client import generate_latest

from cityledger.api.http.hanging_up import announce
from cityledger.api.http.pace import Pace
from cityledger.api.http.request_streams import Uploads
from cityledger.errors import BusyError, InputError
from cityledger.types import AgencyId
from support.imports.import_fixture import ndjson
from support.node.node_fixture import TestNode
from support.node.sample_records import TITLE_RECORD
from support.node.served_node import ANSWER_SECONDS, received, served_node

PACE = Pace(60, 1)
SLOW, OTHER = AgencyId(1), AgencyId(2)
FILE = ndjson([{"id": "a", "parts": TITLE_RECORD["parts"]}])


class Sender:
    """A client that sends its body once it may."""

    def __init__(self) -> None:
        self.may_send, self.is_asked, self.gone = anyio.Event(), anyio.Event(), asyncio.Event()
        state: dict[str, object] = {}
        announce(state, self.gone)
        scope = {"type": "http", "headers": [], "method": "POST", "state": state}
        self.request = Request(scope, self._body)

    async def _body(self) -> dict[str, object]:
        self.is_asked.set()
        await self.may_send.wait()
        return {"type": "http.request", "body": b"x", "more_body": False}

    async def send(self, uploads: Uploads, agency: AgencyId) -> bytes:
        body: bytes = await uploads.receive(self.request, agency, 9, PACE, _take)
        return body


def _take(chunks: Iterator[bytes]) -> bytes:
    return b"".join(chunks)


async def _beside_a_slow_one(uploads: Uploads, work: Callable[[], Awaitable[None]]) -> None:
    """``work`` while a body of ``SLOW`` trickles; then one more is received."""
    slow, last = Sender(), Sender()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(slow.send, uploads, SLOW)
        await slow.is_asked.wait()
        await work()
        slow.may_send.set()
    last.may_send.set()
    with anyio.fail_after(ANSWER_SECONDS):
        assert await last.send(uploads, OTHER) == b"x"


@pytest.mark.parametrize(
    ("at_once", "agency"), [(1, OTHER), (2, SLOW)], ids=["no place", "no place of the agency"]
)
def test_a_body_that_gets_no_place_is_refused_unread(at_once: int, agency: AgencyId) -> None:
    uploads, refused = Uploads(at_once, wait_seconds=0.01), Sender()
    refused.may_send.set()

    async def send() -> None:
        with anyio.fail_after(ANSWER_SECONDS), pytest.raises(BusyError):
            await refused.send(uploads, agency)
        assert not refused.is_asked.is_set()

    anyio.run(lambda: _beside_a_slow_one(uploads, send))


def test_a_client_that_hangs_up_leaves_the_queue() -> None:
    uploads, leaving = Uploads(1, wait_seconds=3600), Sender()

    async def send() -> None:
        with anyio.fail_after(ANSWER_SECONDS):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_leave, leaving, uploads)
                await anyio.wait_all_tasks_blocked()
                leaving.gone.set()
        assert not leaving.is_asked.is_set()

    anyio.run(lambda: _beside_a_slow_one(uploads, send))


async def _leave(sender: Sender, uploads: Uploads) -> None:
    with pytest.raises(InputError, match="cut off"):
        await sender.send(uploads, OTHER)


class Watched(Uploads):
    """Says when a body begins to wait in vain, and when it gives up."""

    def __init__(self, wait_seconds: float) -> None:
        super().__init__(1, wait_seconds)
        self.waits, self.gave_up = threading.Event(), threading.Event()

    async def _wait(self, places: AsyncExitStack, sender: AgencyId, gone: asyncio.Event) -> None:
        if self._all().borrowed_tokens:
            self.waits.set()
        try:
            await super()._wait(places, sender, gone)
        except InputError:
            self.gave_up.set()
            raise


def _begin(node: TestNode, port: int) -> socket.socket:
    """A connection that has sent the header of a file, and waits to be asked for the rest."""
    connection = socket.create_connection(("127.0.0.1", port), ANSWER_SECONDS)
    lines = [
        f"POST {_path(node)} HTTP/1.1",
        "Host: city.test",
        f"Content-Length: {len(FILE)}",
        "Expect: 100-continue",
        "Connection: close",
        *(f"{name}: {value}" for name, value in _headers(node).items()),
    ]
    connection.sendall("\r\n".join([*lines, "", ""]).encode())
    return connection


def _path(node: TestNode) -> str:
    return f"/v1/datasets/0x{node.land.hex()}/imports?format=ndjson"


def _headers(node: TestNode) -> dict[str, str]:
    return {**node.headers("LAND", "writer"), "Content-Type": "application/x-ndjson"}


def test_a_served_node_says_that_it_is_busy(tmp_path: Path) -> None:
    with served_node(tmp_path) as (node, client):
        object.__setattr__(node.context, "uploads", Watched(wait_seconds=0.01))
        with closing(_begin(node, client.base_url.port or 0)) as first:
            assert first.recv(12) == b"HTTP/1.1 100"  # it has its place
            answer = client.post(_path(node), content=FILE, headers=_headers(node))
            rows = node.row_counts()["import_job"]
            first.sendall(FILE)
            assert b" 202 " in received(first)

        assert (answer.status_code, answer.json()["code"]) == (503, "busy")
        assert int(answer.headers["retry-after"]) > 0
        assert rows == 0
        counted = generate_latest(node.context.services.instruments.registry).decode()
        assert 'cityledger_refusals_total{limit="long-bodies"} 1.0' in counted


def test_a_served_node_notices_who_hangs_up(tmp_path: Path) -> None:
    with served_node(tmp_path) as (node, client):
        uploads = Watched(wait_seconds=3600)
        object.__setattr__(node.context, "uploads", uploads)
        with closing(_begin(node, client.base_url.port or 0)) as first:
            assert first.recv(12) == b"HTTP/1.1 100"
            with closing(_begin(node, client.base_url.port or 0)):
                assert uploads.waits.wait(ANSWER_SECONDS)
            assert uploads.gave_up.wait(ANSWER_SECONDS)
            first.sendall(FILE)
            assert b" 202 " in received(first)
        assert node.row_counts()["import_job"] == 1

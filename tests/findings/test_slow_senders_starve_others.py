"""Bodies that trickled kept every other agency of a node from sending files, for as long as they liked."""

from __future__ import annotations

from collections.abc import Iterator

import anyio
from fastapi import Request

from cityledger.api.http.pace import Pace
from cityledger.api.http.request_streams import Uploads
from cityledger.types import AgencyId

PACE = Pace(60, 1)


def _request(receive: anyio.Event) -> Request:
    async def body() -> dict[str, object]:
        await receive.wait()
        return {"type": "http.request", "body": b"x", "more_body": False}

    return Request({"type": "http", "headers": [], "method": "POST"}, body)


def _take(chunks: Iterator[bytes]) -> bytes:
    return b"".join(chunks)


async def _race() -> bytes:
    uploads, never, at_once = Uploads(at_once=4), anyio.Event(), anyio.Event()
    at_once.set()
    async with anyio.create_task_group() as tasks:
        for _ in range(6):
            tasks.start_soon(uploads.receive, _request(never), AgencyId(1), 9, PACE, _take)
        await anyio.wait_all_tasks_blocked()
        with anyio.fail_after(20):
            got: bytes = await uploads.receive(_request(at_once), AgencyId(2), 9, PACE, _take)
        never.set()
    return got


def test_another_agency_is_heard_while_one_trickles() -> None:
    assert anyio.run(_race) == b"x"

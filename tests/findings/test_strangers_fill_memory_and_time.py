"""Bodies had no limit of time, of bytes in all, or of number: any client could hold or ask for everything
(audit 9, hostile 1a).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from prometheus_client import generate_latest

from cityledger.api.limits.rates import BURST_SECONDS
from support.node.chain_facts import ORIGIN
from support.node.node_fixture import TestNode, make_node
from support.node.sample_records import TREATMENT_RECORD

Get = Callable[[], Awaitable[Any]]


@pytest.fixture
def small(tmp_path: Path) -> Iterator[TestNode]:
    """A node with limits that a test reaches."""
    made = make_node(
        tmp_path,
        body_idle_seconds=0.2,
        body_memory_limit_bytes=100_000,
        credential_body_memory_limit_bytes=70_000,
        credential_requests_per_second=0.5,
        address_requests_per_second=1.0,
    )
    yield made
    made.close()


def refusals(node: TestNode) -> dict[str, float]:
    text = generate_latest(node.context.services.instruments.registry).decode()
    lines = [line for line in text.splitlines() if line.startswith("cityledger_refusals_total{")]
    return {line.split('"')[1]: float(line.split()[-1]) for line in lines}


async def _put(node: TestNode, headers: dict[str, str], chunks: Any) -> httpx.Response:
    transport = httpx.ASGITransport(app=node.client.app)
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as client:
        url = node.url(node.health, "visit")
        return await client.put(
            url, content=chunks, headers={**headers, "Content-Type": "application/json"}, timeout=None
        )


def test_a_body_that_stalls_is_answered_with_408(small: TestNode) -> None:
    async def stalling() -> Any:
        yield b'{"parts":'
        await anyio.sleep_forever()

    answer = anyio.run(_put, small, small.headers("HEALTH", "writer"), stalling())

    assert (answer.status_code, answer.json()["code"]) == (408, "body-stalled")
    assert refusals(small) == {"body-time": 1}


def test_bodies_in_memory_are_limited_for_each_credential_and_in_all(small: TestNode) -> None:
    """Three bodies wait for their last byte, 40,000 bytes each: the second of one caller is over its share,
    and that of another caller over what is left for all.
    """
    answers: list[httpx.Response] = []

    async def run() -> None:
        refused = anyio.Event()

        async def waiting() -> Any:
            yield b" " * 40_000
            await refused.wait()
            yield b"{}"

        async def put(code: str) -> None:
            answers.append(await _put(small, small.headers(code, "writer"), waiting()))
            if len(answers) == 2:
                refused.set()

        async with anyio.create_task_group() as tasks:
            for code in ("HEALTH", "HEALTH", "LAND", "PARKING"):
                tasks.start_soon(put, code)

    anyio.run(run)

    assert [answer.status_code for answer in answers[:2]] == [503, 503]
    assert all(answer.json()["code"] == "busy" and answer.headers["Retry-After"] for answer in answers[:2])
    assert all(answer.status_code not in (503, 500) for answer in answers[2:])
    assert len(answers) == 4
    assert small.client.app.state.limits.bodies.used_bytes == 0  # type: ignore[attr-defined]


def test_requests_without_a_token_are_limited_by_address(small: TestNode) -> None:
    statuses = [small.client.get("/healthz").status_code for _ in range(int(BURST_SECONDS) + 3)]
    last = small.client.get("/v1/nothing")

    assert statuses[0] == 200
    assert statuses[-1] == 429
    assert (last.status_code, last.json()["code"]) == (429, "too-many-requests")
    assert int(last.headers["Retry-After"]) >= 1
    assert refusals(small)["address-rate"] >= 2


def test_a_sign_in_counts_as_ten_requests(small: TestNode) -> None:
    small.client.post("/v1/token", data={"grant_type": "none"})
    refused = small.client.post("/v1/token", data={"grant_type": "none"})

    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 5


def test_requests_with_a_token_are_limited_by_credential_whatever_token_they_carry(small: TestNode) -> None:
    statuses = [
        small.client.get("/v1/whoami", headers=small.headers("LAND", "reader")).status_code for _ in range(4)
    ]
    other = small.client.get("/v1/whoami", headers=small.headers("HEALTH", "reader"))

    assert statuses[0] == 200
    assert statuses[-1] == 429
    assert other.status_code == 200
    assert refusals(small)["credential-rate"] >= 1


def test_a_thousand_requests_a_second_of_one_credential_pass_by_default(tmp_path: Path) -> None:
    node = make_node(tmp_path)
    limits = node.client.app.state.limits  # type: ignore[attr-defined]
    session = node.session("LAND", "reader")

    for _ in range(2_000):
        limits.admit_caller(session)

    node.close()


def test_a_request_with_two_framings_is_refused_and_its_connection_closed(small: TestNode) -> None:
    headers = {"Content-Length": "3", "Transfer-Encoding": "chunked"}
    answer = small.client.request("GET", "/healthz", headers=headers)

    assert answer.status_code == 400
    assert answer.headers["Connection"] == "close"


def test_a_normal_write_holds_nothing_afterwards(tmp_path: Path) -> None:
    node = make_node(tmp_path)
    node.put(node.health, "visit", TREATMENT_RECORD)

    assert node.client.app.state.limits.bodies.used_bytes == 0  # type: ignore[attr-defined]
    node.close()

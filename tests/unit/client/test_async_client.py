"""AsyncClient against a whole node in this process; and that it and Client are two forms of one thing."""

import inspect
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import anyio
import httpx
import pytest

from cityledger.client import (
    NO_RETRIES,
    OWN_DUTY,
    AccessContext,
    AssertionCredentials,
    AsyncClient,
    Client,
    SiweCredentials,
)
from cityledger.errors import DeniedError, NotFoundError
from cityledger.proofs.verify import Level
from cityledger.types import RecordId, SubjectId
from support.node.chain_facts import ORIGIN
from support.node.node_fixture import TestNode
from support.node.sample_records import TITLE_RECORD, TREATMENT_RECORD

pytestmark = pytest.mark.anyio
TITLE = json.dumps(TITLE_RECORD["parts"]["title"]).encode()
SUMMARY = json.dumps(TREATMENT_RECORD["parts"]["summary"]).encode()
SCRIPT = Path(__file__).parents[3] / "scripts" / "make_sync_client.py"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Counted(httpx.AsyncBaseTransport):
    """The node, and how often each path was asked."""

    def __init__(self, node: TestNode) -> None:
        self._inner = httpx.ASGITransport(app=node.client.app)
        self.paths: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.paths.append(request.url.path)
        return await self._inner.handle_async_request(request)


Connect = Callable[[str, str], AsyncClient]
Sign = Callable[[str, str], AssertionCredentials | SiweCredentials]


@pytest.fixture
def network(node: TestNode) -> Counted:
    return Counted(node)


@pytest.fixture
async def connect(node: TestNode, network: Counted, credentials: Sign) -> AsyncIterator[Connect]:
    def connected(code: str, role: str) -> AsyncClient:
        return AsyncClient(
            ORIGIN, credentials(code, role), now=node.time.seconds, retries=NO_RETRIES, transport=network
        )

    yield connected


async def test_a_record_is_written_read_and_proven(connect: Connect, node: TestNode) -> None:
    async with connect("LAND", "writer") as writer, connect("LAND", "reader") as reader:
        written = await writer.put_record(node.land, "title-1", {"title": TITLE})
        record = await reader.get_record(node.land, "title-1", OWN_DUTY)
        assert (record.parts, record.record) == ({"title": TITLE}, written.record)
        node.anchor_all()
        proven = await reader.proof(node.land, "title-1", OWN_DUTY)
        assert proven.verdict.level is Level.PATH_ONLY
        with pytest.raises(NotFoundError):
            await reader.proof(node.land, RecordId(b"\x01" * 32), OWN_DUTY)


async def test_open_record_opens_here(connect: Connect, node: TestNode) -> None:
    subject = SubjectId(b"\x5b" * 32)
    async with connect("HEALTH", "writer") as writer, connect("HEALTH", "reader") as reader:
        await writer.put_record(node.health, "v", {"summary": SUMMARY}, subjects=[subject])
        keys = node.context.services.keyring.agency(node.agency("HEALTH"))
        opened = await reader.open_record(node.health, "v", OWN_DUTY, keys.sealing_key)
        assert opened.parts == {"summary": SUMMARY}


async def test_errors_are_those_of_the_synchronous_client(connect: Connect, node: TestNode) -> None:
    async with connect("LAND", "reader") as reader:
        with pytest.raises(NotFoundError):
            await reader.get_record(node.land, "title-9", OWN_DUTY)
        with pytest.raises(DeniedError):
            await reader.get_record(node.health, "visit-1", AccessContext("NO_SUCH_PURPOSE"))


async def test_reads_come_page_by_page(connect: Connect, node: TestNode) -> None:
    async with connect("LAND", "writer") as writer, connect("LAND", "reader") as reader:
        await writer.put_record(node.land, "title-1", {"title": TITLE})
        for _ in range(5):
            await reader.get_record(node.land, "title-1", OWN_DUTY)
        assert len([one async for one in reader.reads(limit=2)]) == 5


async def test_many_at_once_buy_one_token(connect: Connect, node: TestNode, network: Counted) -> None:
    async with connect("LAND", "writer") as writer:
        async with anyio.create_task_group() as tasks:
            for number in range(12):
                tasks.start_soon(writer.put_record, node.land, f"title-{number}", {"title": TITLE})
        assert network.paths.count("/v1/token") == 1
        assert len([path for path in network.paths if "/records/" in path]) == 12


async def test_many_refused_at_once_buy_one_token_more(
    connect: Connect, node: TestNode, network: Counted
) -> None:
    async with connect("LAND", "reader") as reader:
        token = await reader._access.token()
        reader._access._token = replace(token, secret="unknown")
        async with anyio.create_task_group() as tasks:
            for _ in range(8):
                tasks.start_soon(reader.whoami)
        assert network.paths.count("/v1/token") == 2
        assert (await reader.whoami()).officer == "dr.chen"


def test_many_threads_obtain_one_token(node: TestNode, credentials: Sign) -> None:
    paths: list[str] = []

    def note(request: httpx.Request) -> httpx.Response:
        paths.append(request.url.path)
        return node.client._transport.handle_request(request)

    client = Client(
        ORIGIN,
        credentials("LAND", "writer"),
        now=node.time.seconds,
        retries=NO_RETRIES,
        transport=httpx.MockTransport(note),
    )
    with ThreadPoolExecutor(8) as threads:
        names = [f"title-{number}" for number in range(16)]
        written = list(threads.map(lambda name: client.put_record(node.land, name, {"title": TITLE}), names))
    assert len({one.record for one in written}) == 16
    assert paths.count("/v1/token") == 1


def public_calls(kind: type) -> dict[str, list[str]]:
    return {
        name: list(inspect.signature(call).parameters)
        for name, call in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_") and name not in ("close", "aclose")
    }


def test_both_clients_have_the_same_calls() -> None:
    assert public_calls(Client) == public_calls(AsyncClient)
    assert "put_record" in public_calls(Client)
    for name in public_calls(AsyncClient):
        waits, does_not = getattr(AsyncClient, name), getattr(Client, name)
        assert inspect.iscoroutinefunction(waits) or inspect.isasyncgenfunction(waits), name
        assert not inspect.iscoroutinefunction(does_not), name


def test_the_synchronous_client_is_what_the_script_makes() -> None:
    ended = subprocess.run(
        [sys.executable, str(SCRIPT), "--check"], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr

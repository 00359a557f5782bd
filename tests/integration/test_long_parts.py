"""Long parts through a real socket: memory that does not grow, streams that are cut, processes that die."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from cityledger.exchange.parts import storage
from support.node.node_fixture import TestNode, make_node
from support.node.sample_records import TREATMENT_RECORD
from support.node.served_node import served_node

MIB = 1 << 20
pytestmark = pytest.mark.slow


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[TestNode, httpx.Client]]:
    with served_node(tmp_path) as made:
        yield made


def _body(payload: Iterator[bytes], *, end: bool = True) -> Iterator[bytes]:
    head = 'Content-Disposition: form-data; name="'
    record = json.dumps(TREATMENT_RECORD)
    yield f'--b0\r\n{head}record"\r\n\r\n{record}\r\n--b0\r\n{head}attachment"\r\n\r\n'.encode()
    yield from payload
    if end:
        yield b"\r\n--b0--\r\n"


def _blocks(count: int) -> Iterator[bytes]:
    block = os.urandom(MIB)
    for number in range(count):
        yield number.to_bytes(8, "big") + block[8:]


def _headers(node: TestNode) -> dict[str, str]:
    return {**node.headers("HEALTH", "writer"), "Content-Type": "multipart/form-data; boundary=b0"}


def _files(tmp_path: Path) -> list[str]:
    return [path.name for path in (tmp_path / "objects").rglob("*") if path.is_file()]


@pytest.mark.timeout(240)
def test_sixty_four_mebibytes_pass_both_ways_in_a_few(served: tuple[TestNode, httpx.Client]) -> None:
    node, client = served
    url = node.url(node.health, "visit")
    headers, reading = _headers(node), node.headers("HEALTH", "reader")
    tracemalloc.start()
    try:
        written = client.put(url, content=_body(_blocks(64)), headers=headers, timeout=200)
        assert written.status_code == 201, written.text
        _, peak_in = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        with client.stream("GET", url + "/parts/attachment", headers=reading, timeout=200) as answer:
            length = sum(len(chunk) for chunk in answer.iter_raw())
        _, peak_out = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert length == 64 * MIB
    assert max(peak_in, peak_out) < 20 * MIB


def test_upload_that_breaks_off_leaves_nothing(
    served: tuple[TestNode, httpx.Client], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node, client = served
    put, ended = node.context.services.objects.put, threading.Event()

    def noting(key: str, chunks: Iterable[bytes]) -> int:
        try:
            return put(key, chunks)
        finally:
            ended.set()

    def breaking() -> Iterator[bytes]:
        yield from _blocks(8)
        raise ConnectionError("the sender is gone")

    monkeypatch.setattr(node.context.services.objects, "put", noting)
    with pytest.raises(ConnectionError):
        client.put(node.url(node.health, "visit"), content=_body(breaking()), headers=_headers(node))

    assert ended.wait(60)
    assert _files(tmp_path) == []
    assert node.row_counts()["record_version"] == 0


def test_denial_in_the_middle_cuts_the_connection(
    served: tuple[TestNode, httpx.Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    node, client = served
    url = node.url(node.health, "visit")
    assert client.put(url, content=_body(_blocks(8)), headers=_headers(node)).status_code == 201
    objects, passes = node.context.services.objects, []
    get = objects.get

    def suspending(key: str) -> Iterator[bytes]:
        passes.append(key)
        for number, chunk in enumerate(get(key)):
            if len(passes) == 2 and number == 4:
                node.set_agency("HEALTH", status=2)
                node.pass_time(2)
            yield chunk

    monkeypatch.setattr(objects, "get", suspending)
    got = 0
    with (
        pytest.raises(httpx.RemoteProtocolError),
        client.stream("GET", url + "/parts/attachment", headers=node.headers("HEALTH", "reader")) as answer,
    ):
        assert answer.headers["content-length"] == str(8 * MIB)
        for chunk in answer.iter_raw():
            got += len(chunk)

    assert got < 8 * MIB


DIES_BEFORE_ITS_ROW = """
import os, sys
from pathlib import Path
from support.node.node_fixture import make_node
import test_long_parts as long_parts

node = make_node(Path(sys.argv[1]))
class Dying:
    def __getattr__(self, name): return getattr(node.context.services.journal, name)
    def run(self, work): os._exit(9)
headers = long_parts._headers(node)
client = node.client_with(journal=Dying())
body = b"".join(long_parts._body(long_parts._blocks(int(sys.argv[2]))))
client.put(node.url(node.health, "visit"), content=body, headers=headers)
"""


def test_process_that_dies_between_object_and_row_leaves_what_the_next_sweeps(tmp_path: Path) -> None:
    tests, dead, alive = Path(__file__).parent, tmp_path / "dead", tmp_path / "alive"
    dead.mkdir()
    alive.mkdir()
    ended = subprocess.run(
        [sys.executable, "-c", DIES_BEFORE_ITS_ROW, str(dead), "2"],
        env={**os.environ, "PYTHONPATH": f"{tests.parent}:{tests}"},
        check=False,
    )
    assert ended.returncode == 9
    (orphan,) = _files(dead)

    node = make_node(alive)  # of the same operator, and so of the same place in the store
    try:
        shutil.copytree(dead / "objects", alive / "objects", dirs_exist_ok=True)
        next((alive / "objects").rglob(orphan)).with_name("half#3").write_bytes(b"half an object")
        body = b"".join(_body(_blocks(1)))
        url = node.url(node.health, "visit")
        assert node.client.put(url, content=body, headers=_headers(node)).status_code == 201
        assert len(_files(alive)) == 3

        now, services = datetime.now(UTC), node.context.services
        assert storage.sweep(services, now - timedelta(hours=1)) == 0  # it may be about to get its row
        assert storage.sweep(services, now + timedelta(hours=1), stops=lambda: True) == 1
        assert storage.sweep(services, now + timedelta(hours=1)) == 1

        reading = node.headers("HEALTH", "reader")
        assert len(node.client.get(url + "/parts/attachment", headers=reading).content) == MIB
    finally:
        node.close()

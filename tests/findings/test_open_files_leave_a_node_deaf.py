"""Connections without a finished request were never closed: at the limit of open files a node answered no
other client, and filled its log with one traceback for each try to accept (hostile 1).
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from cityledger.devnet import Devnet
from support.city.deployed_city import deploy_city
from support.node.node_process import Process

pytestmark = [pytest.mark.chain, pytest.mark.slow, pytest.mark.timeout(300)]
STRANGERS = 80
LOG_BYTES = 65_536
"""Far more than a node says of a hundred requests, and a sixtieth of what the log grew by in five seconds."""


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    with Devnet.start(tmp_path / "devnet", block_time=1, ipc=True) as devnet:
        city = deploy_city(devnet, tmp_path / "manifest.json")
        city.admit("LAND", 3)
        made = Process(tmp_path)
        made.json(
            "node", "init", "node", "--agency", "LAND", "--devnet-operator", "5",
            "--rpc", devnet.rpc_url, "--manifest", str(city.manifest_path), "--write-credentials",
        )  # fmt: skip
        yield made
        if made.served is not None:
            made.kill()


def test_a_client_is_answered_while_strangers_use_all_files(process: Process) -> None:
    url = process.serve("prlimit", "--nofile=64:64")
    place = urlsplit(url)
    log = process.folder / "serve.log"
    before = log.stat().st_size
    strangers = []
    for _ in range(STRANGERS):
        stranger = socket.create_connection((place.hostname, place.port), 10)
        stranger.sendall(b"GET /healthz HTTP/1.1\r\nX: ")
        strangers.append(stranger)

    answers = [httpx.get(f"{url}/healthz", timeout=10, trust_env=False) for _ in range(20)]
    ready = httpx.get(f"{url}/readyz", timeout=30, trust_env=False)

    assert [answer.status_code for answer in answers] == [200] * 20
    checks = {check["name"]: check["ok"] for check in ready.json()["checks"]}
    assert checks["database"]
    assert checks["object store"]
    assert log.stat().st_size - before < LOG_BYTES
    for stranger in strangers:
        stranger.close()

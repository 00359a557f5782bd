"""Two nodes, each with an agency and an operator account of its own, on one PostgreSQL database."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cityledger.devnet import Devnet
from cityledger.profiles import registry
from cityledger.types import SharingClass
from crash.waiting import await_that
from support.city.deployed_city import DeployedCity, deploy_city, terms
from support.node.node_process import Process
from support.node.sample_records import TITLE_RECORD
from support.store.databases import fresh_database_url

pytestmark = [pytest.mark.chain, pytest.mark.slow, pytest.mark.timeout(400)]

ACCOUNTS = {"LAND": (3, 4, 5), "HOUSING": (6, 7, 8)}
"""Devnet accounts of each agency, its steward and its node's operator."""
PATH = "registration/real-estate/titles"


@pytest.fixture
def city(tmp_path: Path) -> Iterator[DeployedCity]:
    with Devnet.start(tmp_path / "devnet", block_time=1, ipc=True) as devnet:
        made = deploy_city(devnet, tmp_path / "manifest.json")
        for code, (own, steward, _) in ACCOUNTS.items():
            agency = made.admit(code, own)
            made.appoint(agency, own, steward)
            parts, shared = registry.get("property").part_names, terms(SharingClass.NOT_SHARED)
            made.publish(agency, steward, path=PATH, profile="property", parts=parts, terms=shared)
        yield made


@pytest.fixture
def nodes(
    city: DeployedCity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, Process]]:
    monkeypatch.setenv("CITYLEDGER_TEST_DATABASE", "postgresql")
    url = fresh_database_url(tmp_path)
    made = {code: _make_node(city, tmp_path / code, code, url) for code in ACCOUNTS}
    yield made
    for one in made.values():
        if one.served is not None:
            one.stop(signal.SIGKILL)


def _make_node(city: DeployedCity, folder: Path, code: str, database_url: str) -> Process:
    folder.mkdir()
    made = Process(folder)
    own, _, operator = ACCOUNTS[code]
    made.run(
        "node", "init", "node", "--agency", code, "--devnet-operator", str(operator), "--write-credentials",
        "--rpc", city.devnet.rpc_url, "--manifest", str(city.manifest_path),
    )  # fmt: skip
    settings = folder / "node" / "cityledger.toml"
    text = re.sub(r"_age_seconds = 60\.0", "_age_seconds = 0.0", settings.read_text())
    settings.write_text(re.sub(r'(?m)^database_url = ".*"$', f'database_url = "{database_url}"', text))
    assert database_url in settings.read_text()
    made.run("node", "link", code, "--folder", "node", "--devnet-account", str(own))
    made.serve()
    return made


def _write(process: Process, code: str, name: str) -> Any:
    (process.folder / "title.json").write_text(json.dumps(TITLE_RECORD))
    process.environment["CITYLEDGER_CREDENTIALS"] = f"node/credentials/{code}-writer.json"
    return process.json("record", "put", f"{code}/{PATH}", name, "title.json")


def _logs(process: Process) -> list[dict[str, Any]]:
    return list(process.json("node", "logs", "--folder", "node"))


def _all_anchored(process: Process) -> Callable[[], bool]:
    return lambda: all(one["mined"] + one["final"] == one["next"] for one in _logs(process))


def test_nodes_anchor_their_own_logs_and_one_goes_on_without_the_other(nodes: dict[str, Process]) -> None:
    for number in range(3):
        for code, process in nodes.items():
            _write(process, code, f"title-{number}")
    await_that("all leaves are anchored", _all_anchored(nodes["LAND"]))
    assert {one["agency"] for one in _logs(nodes["LAND"])} == set(ACCOUNTS), "they share the database"

    nodes["LAND"].kill()  # it was there first, so it followed the chain for both
    _write(nodes["HOUSING"], "HOUSING", "title-late")
    await_that("what is written then is anchored", _all_anchored(nodes["HOUSING"]))
    assert [one["halt"] for one in _logs(nodes["HOUSING"])] == [""] * 4

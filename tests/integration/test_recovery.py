"""The drill of the README on a real node and chain: back up, lose everything, restore, and go on."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cityledger.chain.contracts import contracts_of
from cityledger.chain.deployment import Plan, deploy
from cityledger.chain.sender import Sender
from cityledger.devnet import Devnet
from cityledger.profiles import registry
from cityledger.types import SharingClass
from deployed_city import COUNCIL, DEPLOYER, GUARD, DeployedCity, account, address, terms
from node_fixture import TITLE_RECORD
from node_process import Process

pytestmark = [pytest.mark.chain, pytest.mark.slow, pytest.mark.timeout(400)]

LAND_ACCOUNT, STEWARD, OPERATOR = 3, 4, 5
PATH = "registration/real-estate/titles"
DATASET = f"LAND/{PATH}"
LINK = ["node", "link", "LAND", "--folder", "node", "--devnet-account", str(LAND_ACCOUNT)]


@pytest.fixture
def town(tmp_path: Path) -> Iterator[DeployedCity]:
    with Devnet.start(tmp_path / "devnet", block_time=1, ipc=True) as devnet:
        endpoint, path = devnet.connect(), tmp_path / "manifest.json"
        manifest = deploy(endpoint, account(DEPLOYER), Plan(address(COUNCIL), address(GUARD), 0, 0), path)
        made = DeployedCity(
            devnet, endpoint, manifest, path, contracts_of(endpoint, manifest), Sender(endpoint)
        )
        land = made.admit("LAND", LAND_ACCOUNT)
        made.appoint(land, LAND_ACCOUNT, STEWARD)
        parts = registry.get("property").part_names
        made.publish(
            land, STEWARD, path=PATH, profile="property", parts=parts, terms=terms(SharingClass.NOT_SHARED)
        )
        yield made


@pytest.fixture
def process(town: DeployedCity, tmp_path: Path) -> Iterator[Process]:
    (tmp_path / "process").mkdir()
    made = Process(tmp_path / "process")
    on_chain = ["--rpc", town.devnet.rpc_url, "--manifest", str(town.manifest_path)]
    made.json(
        "node", "init", "node", "--agency", "LAND", "--devnet-operator", str(OPERATOR), *on_chain,
        "--write-credentials",
    )  # fmt: skip
    settings = made.folder / "node" / "cityledger.toml"
    settings.write_text(settings.read_text().replace("_age_seconds = 60.0", "_age_seconds = 1.0"))
    shutil.copytree(made.folder / "node" / "credentials", made.folder / "credentials")  # no part of a backup
    made.run(*LINK)
    made.serve()
    yield made
    if made.served is not None:
        made.stop(signal.SIGKILL)


def _as(process: Process, role: str) -> None:
    process.environment["CITYLEDGER_CREDENTIALS"] = f"credentials/LAND-{role}.json"


def _put(process: Process, name: str) -> None:
    _as(process, "writer")
    (process.folder / "title.json").write_text(json.dumps(TITLE_RECORD))
    process.json("record", "put", DATASET, name, "title.json")


def _read(process: Process, name: str, code: int = 0) -> str:
    _as(process, "reader")
    return process.run("record", "get", DATASET, name, "--purpose", "OWN_DUTY", code=code)


def test_node_is_lost_and_restored_with_what_was_erased_since(process: Process) -> None:
    for name in ("title-1", "title-2"):
        _put(process, name)
    _anchored(process)

    # beside the serving node: digest, rebuild --check, scrub, backup
    assert process.json("node", "digest", "--folder", "node")["digest"].startswith("0x")
    assert process.json("node", "rebuild", "--check", "--folder", "node")["equal"] is True
    assert process.json("node", "scrub", "--folder", "node") == []
    assert "served from node already" in process.run("node", "rebuild", "--folder", "node", code=1)
    made = process.json("node", "backup", "backup", "--folder", "node")
    assert made["leaves"] > 0
    process.run("node", "backup", "backup", "--verify")

    # after the backup: one record is erased, another is written and anchored; then all is lost but the bucket
    _as(process, "writer")
    process.run("record", "erase", DATASET, "title-2", "--why", "duty", "--yes")
    _put(process, "title-3")
    _anchored(process)
    process.kill()
    (process.folder / "node").rename(process.folder / "lost")

    told = process.json(
        "node", "restore", "backup", "--folder", "node", "--tombstones", "lost/objects/tombstones"
    )
    assert told["erased_again"] == 1
    assert told["halted_logs"] != []
    assert told["refused_tombstones"] == []
    assert "node, objects" not in process.run("node", "restore", "backup", "--folder", "node", code=1)

    # the index comes from the chain; the log of records has a successor; both erasure and survivors hold
    process.run("node", "rebuild", "--folder", "node")
    assert process.json("node", "rebuild", "--check", "--folder", "node")["equal"] is True
    process.run(*LINK)
    process.serve()
    assert "no such" in _read(process, "title-2", code=1)
    assert "110101-001-0007" in _read(process, "title-1")


def test_restore_that_is_killed_serves_nothing_and_may_be_run_again(process: Process) -> None:
    _put(process, "title-1")
    process.run("node", "backup", "backup", "--folder", "node")
    process.kill()
    settings = (process.folder / "node" / "cityledger.toml").read_bytes()
    shutil.rmtree(process.folder / "node")
    (process.folder / "node").mkdir()
    (process.folder / "node" / "cityledger.toml").write_bytes(settings)
    (process.folder / "node" / "restoring.json").write_text(
        json.dumps({"state": json.loads((process.folder / "backup/manifest.json").read_text())["state"]})
    )

    assert "was cut off" in process.run("node", "serve", "--folder", "node", code=1)
    process.run("node", "restore", "backup", "--folder", "node")
    process.serve()
    assert "110101-001-0007" in _read(process, "title-1")


def _anchored(process: Process) -> None:
    """Waits until no leaf of the node is open any more."""
    for _ in range(60):
        with closing(sqlite3.connect(process.folder / "node" / "node.db")) as connection:
            left = connection.execute(
                "SELECT count(*) FROM log_head h LEFT JOIN idx_log i ON i.log = h.log AND i.valid_to IS NULL"
                " WHERE coalesce(i.next_seq, 0) < h.next_seq"
            ).fetchone()[0]
        if left == 0:
            return
        time.sleep(0.5)
    raise AssertionError("leaves were not anchored")

"""A real ``cityledger node serve`` on a real chain, set up, written to and read from by the command line."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from cityledger.devnet import Devnet
from cityledger.types import SharingClass
from support.city.deployed_city import DeployedCity, address, deploy_city, terms
from support.node.node_process import PASSPHRASE, Process, clean_environment

pytestmark = [pytest.mark.chain, pytest.mark.slow, pytest.mark.timeout(600)]

LAND_ACCOUNT, STEWARD, OPERATOR = 3, 4, 5
PATH = "registration/real-estate/titles"
DATASET = f"LAND/{PATH}"
TITLE = (
    b'{"uid": "110101-001-0007", "type": "apartment", "address": {"district": "Xicheng", "street": "Xidan"},'
    b' "area": {"value": 61.50, "unit": "m2", "kind": "officialArea"}}'
)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeployedCity]:
    """Blocks each second, because a node's reads stop on a chain that stands still."""
    folder = tmp_path_factory.mktemp("town")
    with Devnet.start(folder / "devnet", block_time=1, ipc=True) as devnet:
        made = deploy_city(devnet, folder / "manifest.json")
        land = made.admit("LAND", LAND_ACCOUNT)
        made.appoint(land, LAND_ACCOUNT, STEWARD)
        made.publish(
            land, STEWARD, path=PATH, profile="property", parts=_parts(), terms=terms(SharingClass.NOT_SHARED)
        )
        yield made


def _parts() -> tuple[str, ...]:
    from cityledger.profiles import registry

    return registry.get("property").part_names


@pytest.fixture(scope="module")
def process(town: DeployedCity, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A node that hosts LAND, linked to the chain and not yet served."""
    made = Process(tmp_path_factory.mktemp("process"))
    on_chain = ["--rpc", town.devnet.rpc_url, "--manifest", str(town.manifest_path)]
    answer = made.json(
        "node", "init", "node", "--agency", "LAND", "--devnet-operator", str(OPERATOR), *on_chain,
        "--write-credentials",
    )  # fmt: skip
    assert answer["operator"] == address(OPERATOR)
    settings = made.folder / "node" / "cityledger.toml"
    settings.write_text(settings.read_text().replace("_age_seconds = 60.0", "_age_seconds = 1.0"))
    yield made
    if made.served is not None:
        made.served.kill()
        made.stop()


def as_role(process: Process, role: str) -> None:
    process.environment["CITYLEDGER_CREDENTIALS"] = f"node/credentials/LAND-{role}.json"


def test_node_from_init_to_restart(process: Process, town: DeployedCity) -> None:
    """One story, because each step needs the one before it."""
    # init refuses to overwrite
    refused = process.run(
        "node", "init", "node", "--rpc", town.devnet.rpc_url, "--manifest", str(town.manifest_path), code=1
    )
    assert "already; nothing was changed" in refused

    # check names the next step, link takes it, and may be run again
    wrong = {one["check"] for one in json.loads(check(process, code=1)) if not one["ok"]}
    assert wrong == {"keys of LAND", "logs of LAND"}
    link = ["node", "link", "LAND", "--folder", "node", "--devnet-account", str(LAND_ACCOUNT)]
    assert process.json(*link)["keys"] == "published"
    assert process.json(*link)["keys"] == "unchanged"
    assert all(one["ok"] for one in json.loads(check(process)))

    # serve, and no second time from the same folder; write, read
    process.serve()
    assert "served from node already" in process.run("node", "serve", "--folder", "node", code=1)
    assert "served from node already" in process.run("node", "migrate", "--folder", "node", code=1)
    as_role(process, "writer")
    (process.folder / "title.json").write_bytes(b'{"parts": {"title": ' + TITLE + b"}}")
    written = process.json("record", "put", DATASET, "title-7", "title.json", "--expect", "0")
    assert written["version"] == 1
    stale = process.run("record", "put", DATASET, "title-7", "title.json", "--expect", "0", code=1)
    assert "newest version is 1" in stale
    assert "rule 2" in process.run("record", "get", DATASET, "title-7", "--purpose", "OWN_DUTY", code=3)
    as_role(process, "reader")
    assert read(process) == TITLE.decode()

    # many at once: the bad row is reported, the others are written, and a second run writes nothing twice
    as_role(process, "writer")
    good = b'{"id": "many-%d", "parts": {"title": ' + TITLE + b"}}"
    lines = [good % 1, b'{"id": "many-2", "parts": {"title": {"uid": 7}}}', good % 3]
    (process.folder / "many.ndjson").write_bytes(b"\n".join(lines))
    words = ("record", "import", DATASET, "many.ndjson", "--format", "ndjson")
    assert "row 2: parts.title." in process.run(*words, code=1)
    assert process.json(*words)["note"].endswith("nothing written")
    as_role(process, "reader")
    (found,) = process.json("record", "find", DATASET, "--id", "many-3", "--purpose", "OWN_DUTY")
    assert found["version"] == 1

    # anchored, and proven against the chain by the base install's reader
    await_mined(process)
    process.run("record", "proof", DATASET, "title-7", "--purpose", "OWN_DUTY", "--out", "title.proof.json")
    on_chain = ["--rpc", town.devnet.rpc_url, "--manifest", str(town.manifest_path)]
    assert process.json("verify", "title.proof.json", *on_chain)["verdict"] == "anchored"

    # the receipts, exported and held to the log's operator at each receipt's block
    process.run("audit", "export", "reads.ndjson")
    audited = process.json("audit", "verify", "reads.ndjson", *on_chain, "--accept-unproven", "9")
    assert (audited["verdict"], audited["missing"]) == ("anchored", 0)
    assert audited["anchored"] == audited["proven"] > 0

    # an erasure is proven by two files
    as_role(process, "writer")
    process.run("record", "erase", DATASET, "title-7", "--reason", "written-in-error", "--yes")
    as_role(process, "reader")
    files = ["--out", "tombstone.json", "--erased-out", "erased.json"]
    process.run("record", "tombstone", DATASET, "title-7", *files, "--wait", "60s")
    assert process.json("verify", "tombstone.json", *on_chain)["verdict"] == "root only"
    erasure = process.json("verify", "tombstone.json", "--erased", "erased.json", *on_chain)
    assert (erasure["verdict"], erasure["reason"]) == ("anchored", "written-in-error")

    # SIGTERM ends it with 0, and a restart has everything
    assert process.stop() == 0
    assert "does not answer" in process.run("whoami", code=1)
    process.serve()
    assert json.loads(read(process, "many-3")) == json.loads(TITLE)
    assert process.stop(signal.SIGINT) == 0


def test_node_does_not_start_with_a_wrong_passphrase_or_an_altered_key(process: Process) -> None:
    process.environment["CITYLEDGER_PASSPHRASE"] = "wrong"
    refused = process.run("node", "serve", "--folder", "node", "--port", "0", code=1)
    assert "keyring.json cannot be opened: wrong passphrase" in refused
    del process.environment["CITYLEDGER_PASSPHRASE"]

    entry = process.folder / "node" / "keyring" / "agencies" / "1.json"
    original = entry.read_text()
    sealed = json.loads(original)["sealed"]
    entry.write_text(original.replace(sealed, sealed[:-1] + ("0" if sealed[-1] != "0" else "1")))
    refused = process.run("node", "serve", "--folder", "node", "--port", "0", code=1)
    assert "agencies/1.json cannot be opened" in refused
    entry.write_text(original)


def check(process: Process, code: int = 0) -> str:
    ended = subprocess.run(
        [sys.executable, "-m", "cityledger", "node", "check", "--folder", "node", "--json"],
        cwd=process.folder,
        env={**clean_environment(), "CITYLEDGER_PASSPHRASE": PASSPHRASE},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == code, ended.stderr + ended.stdout
    return ended.stdout


def read(process: Process, record: str = "title-7") -> str:
    return process.run("record", "get", DATASET, record, "--purpose", "OWN_DUTY", "--part", "title", "--raw")


def await_mined(process: Process) -> None:
    for _ in range(30):
        (version,) = process.json("record", "history", DATASET, "title-7", "--purpose", "OWN_DUTY")
        if version["state"] in ("mined", "final"):
            return
    raise AssertionError("the record was not anchored in time")

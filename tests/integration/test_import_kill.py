"""A node that is killed in the middle of an import, again and again: no row is lost, and none comes twice."""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from cityledger.client import Client, load_credentials
from cityledger.client.forms.imports import Import
from cityledger.demo.reading_back import read_back
from cityledger.devnet import Devnet
from cityledger.node.wiring import open_node
from cityledger.profiles import registry
from cityledger.sealing.keyring_lock import UnlockSecret
from cityledger.sealing.record_ids import record_id
from cityledger.settings import load_settings
from cityledger.store.index import queries as index
from cityledger.store.tables import leaf, record_version
from cityledger.types import DatasetId, RecordId, SharingClass
from support.city.deployed_city import DeployedCity, deploy_city, terms
from support.imports.import_fixture import ndjson
from support.node.node_process import PASSPHRASE, Process
from support.node.sample_records import TITLE_RECORD

pytestmark = [pytest.mark.chain, pytest.mark.slow, pytest.mark.timeout(600)]

LAND_ACCOUNT, STEWARD, OPERATOR = 3, 4, 5
IDS = [f"title-{number}" for number in range(400)]
ROWS = 2_500


@pytest.fixture(scope="module")
def datasets() -> dict[str, DatasetId]:
    """Filled by ``town``: two that are alike, one for the node that is killed and one for a quiet one."""
    return {}


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory, datasets: dict[str, DatasetId]) -> Iterator[DeployedCity]:
    folder = tmp_path_factory.mktemp("town")
    with Devnet.start(folder / "devnet", block_time=1, ipc=True) as devnet:
        made = deploy_city(devnet, folder / "manifest.json")
        land = made.admit("LAND", LAND_ACCOUNT)
        made.appoint(land, LAND_ACCOUNT, STEWARD)
        for name in ("killed", "quiet"):
            datasets[name] = made.publish(
                land,
                STEWARD,
                path=f"registration/real-estate/{name}",
                profile="property",
                parts=registry.get("property").part_names,
                schema_digest=registry.get("property").schema_digest,
                terms=terms(SharingClass.NOT_SHARED),
            )
        yield made


@pytest.fixture(scope="module")
def process(town: DeployedCity, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    made = Process(tmp_path_factory.mktemp("process"))
    on_chain = ["--rpc", town.devnet.rpc_url, "--manifest", str(town.manifest_path)]
    made.run(
        "node", "init", "node", "--agency", "LAND", "--devnet-operator", str(OPERATOR), *on_chain,
        "--write-credentials",
    )  # fmt: skip
    made.run("node", "link", "LAND", "--folder", "node", "--devnet-account", str(LAND_ACCOUNT))
    made.serve()
    yield made
    if made.served is not None:
        made.stop()


def rows() -> Iterator[dict[str, Any]]:
    """Acts of every kind on a few hundred titles, the same each time."""
    sampler = random.Random(7)
    for number in range(ROWS):
        id_, act = sampler.choice(IDS), sampler.choice(["put", "put", "put", "add", "change", "delete"])
        parts = {"title": {**TITLE_RECORD["parts"]["title"], "uid": f"110101-001-{number % 900:04}"}}
        yield {"id": id_, "act": act} if act == "delete" else {"id": id_, "act": act, "parts": parts}


def client_of(process: Process) -> Client:
    loaded = load_credentials(process.folder / "node" / "credentials" / "LAND-writer.json")
    return Client(process.environment["CITYLEDGER_NODE"], loaded.credentials, now=loaded.now)


def send(process: Process, dataset: DatasetId) -> str:
    file = process.folder / "rows.ndjson"
    file.write_bytes(ndjson(rows()))
    with client_of(process) as client, file.open("rb") as stream:
        return client.start_import(dataset, stream, "ndjson").id


def wait_for_rows(process: Process, id_: str, more_than: int) -> Import:
    with client_of(process) as client:
        while True:
            found = client.get_import(id_)
            if found.rows_done > more_than or found.is_finished:
                return found
            time.sleep(0.02)  # another process: there is nothing else to wait on


def test_a_node_killed_within_an_import_ends_where_a_quiet_one_does(
    process: Process, datasets: dict[str, DatasetId]
) -> None:
    killed = send(process, datasets["killed"])
    seen: list[int] = []
    for more_than in (-1, 0, 600, 1_400):
        seen.append(wait_for_rows(process, killed, more_than).rows_done)
        process.kill()
        process.serve()
    assert seen == sorted(seen) and 0 < seen[-1] < ROWS, "each kill came within the import"
    quiet = send(process, datasets["quiet"])
    with client_of(process) as client:
        ended = [client.wait_import(one) for one in (killed, quiet)]
    process.stop()

    assert [one.state for one in ended] == ["done", "done"]
    assert ended[0].outcomes == ended[1].outcomes
    assert ended[0].reasons == ended[1].reasons
    assert sum(ended[0].outcomes.values()) == ROWS
    states = stored_states(process, datasets)
    assert digest(states["killed"]) == digest(states["quiet"])
    made = ended[0].outcomes["accepted"] + ended[0].outcomes["withdrawn"]
    assert [len(one) for one in states.values()] == [made, made]


def stored_states(process: Process, datasets: dict[str, DatasetId]) -> dict[str, dict[tuple[str, int], Any]]:
    """(provider id, version) → parts, every version opened; and each has one leaf of its own."""
    folder = process.folder / "node"
    node = open_node(load_settings(folder, {}), UnlockSecret.from_passphrase(PASSPHRASE))
    try:
        with node.services.database.reading() as connection:
            versions = connection.execute(sa.select(sa.func.count()).select_from(record_version)).scalar_one()
            of_records = sa.select(record_version.c.log).distinct()
            leaves = sa.select(sa.func.count()).select_from(leaf).where(leaf.c.log.in_(of_records))
            assert connection.execute(leaves).scalar_one() == versions
            found = {name: index.find_dataset(connection, one) for name, one in datasets.items()}
        states = {}
        for name, dataset in found.items():
            assert dataset is not None
            key = node.services.keys_of(dataset.provider).record_key(dataset.dataset)
            names: dict[RecordId, str] = {record_id(key, one): one for one in IDS}
            states[name] = {
                (names[record], version): dict(stored.parts)
                for (record, version), stored in read_back(node.services, dataset)
            }
        return states
    finally:
        node.close()


def digest(state: dict[tuple[str, int], Any]) -> str:
    text = repr(sorted((key, sorted(parts.items())) for key, parts in state.items()))
    return hashlib.sha256(text.encode()).hexdigest()

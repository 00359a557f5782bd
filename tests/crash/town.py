"""A small town for crash tests: one chain, one agency with its node, and the notes of a client that remembers
every answer it was given.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from cityledger.chain.contracts import contracts_of
from cityledger.chain.manifest import Manifest, load_manifest
from cityledger.chain.sender import Sender
from cityledger.chain.transactions import Call
from cityledger.client import Client, load_credentials
from cityledger.client.access_context import OWN_DUTY
from cityledger.client.answers import LeafPlace, Record, Written
from cityledger.client.credentials.sign_in import SiweCredentials
from cityledger.client.http.retries import NO_RETRIES
from cityledger.devnet import Devnet
from cityledger.profiles import registry
from cityledger.types import AgencyId, DatasetId, ErasureReason, SharingClass
from crash.node_that_dies import NodeThatDies
from crash.nursery import Nursery
from crash.raw_chain import RawChain
from support.city.deployed_city import DeployedCity, account, address, deploy_city, terms
from support.node.node_process import Process

LAND_ACCOUNT, STEWARD, OPERATOR = 3, 4, 5
LAND = AgencyId(1)
ROLES = ("reader", "writer")


@dataclass
class Notes:
    """What the node has acknowledged to this client, and so must never lose."""

    written: list[Written] = field(default_factory=list)
    erased: list[LeafPlace] = field(default_factory=list)
    reads: list[Record] = field(default_factory=list)

    def clear(self) -> None:
        self.written.clear()
        self.erased.clear()
        self.reads.clear()


@dataclass
class Town:
    folder: Path
    devnet: Devnet
    chain: RawChain
    node: NodeThatDies
    database_url: str
    dataset: DatasetId
    notes: Notes = field(default_factory=Notes)
    _clients: list[Client] = field(default_factory=list)
    _others: list[NodeThatDies] = field(default_factory=list)

    @cached_property
    def manifest(self) -> Manifest:
        return load_manifest(self.folder / "manifest.json")

    @cached_property
    def city(self) -> DeployedCity:
        """The town's contracts, for what agencies and council send themselves."""
        endpoint, path = self.devnet.connect(), self.folder / "manifest.json"
        return DeployedCity(
            self.devnet,
            endpoint,
            self.manifest,
            path,
            contracts_of(endpoint, self.manifest),
            Sender(endpoint),
        )

    @property
    def ledger(self) -> str:
        return str(self.manifest.address("RecordLedger"))

    @property
    def operator(self) -> str:
        return str(address(OPERATOR))

    # --- the client -----------------------------------------------------------------------------------------

    def client(self, role: str = "writer", url: str = "", timeout_seconds: float = 30.0) -> Client:
        """One that repeats nothing: a lost answer is a lost answer."""
        options: dict[str, Any] = {"retries": NO_RETRIES, "timeout_seconds": timeout_seconds}
        if role == "steward":
            made = Client(url or self.node.url, SiweCredentials(account(STEWARD), LAND), **options)
        else:
            loaded = load_credentials(self.node.folder / "credentials" / f"LAND-{role}.json")
            made = Client(url or self.node.url, loaded.credentials, now=loaded.now, **options)
        self._clients.append(made)
        return made

    def write(
        self, record: str = "title-1", area: float = 61.5, node: NodeThatDies | None = None, **options: Any
    ) -> Written:
        """The next version of a title; noted once it is acknowledged."""
        made = self.client(url=(node or self.node).url).put_record(
            self.dataset, record, title(area), **options
        )
        self.notes.written.append(made)
        return made

    def read(self, record: str = "title-1") -> Record:
        made = self.client("reader").get_record(self.dataset, record, OWN_DUTY)
        self.notes.reads.append(made)
        return made

    def erase(self, record: str = "title-1") -> None:
        self.notes.erased += self.client().erase(self.dataset, record, ErasureReason.DUTY)

    # --- the chain ------------------------------------------------------------------------------------------

    def send(self, index: int, call: Call) -> None:
        """As the devnet account of that index, mined before it returns."""
        self.city.send(index, call)

    def another_node(self, name: str) -> NodeThatDies:
        """A second process's folder, with the same keyring, database and objects."""
        self.node.set(object_store_url=(self.node.folder / "objects").as_uri())
        shutil.copytree(
            self.node.folder, self.folder / name, ignore=shutil.ignore_patterns("*.lock", "objects")
        )
        self._others.append(NodeThatDies(self.folder / name, self.node.nursery))
        return self._others[-1]

    def close(self) -> None:
        for client in self._clients:
            client.close()
        for node in (self.node, *self._others):
            if node.is_alive:
                node.kill()
        self.chain.close()
        self.devnet.stop()


def title(area: float) -> dict[str, Any]:
    return {
        "title": json.dumps(
            {
                "uid": "110101-001-0007",
                "type": "apartment",
                "address": {"district": "Xicheng", "street": "Xidan"},
                "area": {"value": area, "unit": "m2", "kind": "officialArea"},
            }
        ).encode()
    }


def found_town(folder: Path) -> None:
    """Deploys, admits and links once; ``copied_town`` makes towns of what this leaves in the folder."""
    with Devnet.start(folder / "devnet", block_time=0, ipc=True, keep_state=True) as devnet:
        city = deploy_city(devnet, folder / "manifest.json")
        land = city.admit("LAND", LAND_ACCOUNT)
        city.appoint(land, LAND_ACCOUNT, STEWARD)
        dataset = city.publish(
            land,
            STEWARD,
            path="registration/real-estate/titles",
            profile="property",
            parts=registry.get("property").part_names,
            schema_digest=registry.get("property").schema_digest,
            terms=terms(SharingClass.NOT_SHARED),
        )
        (folder / "dataset").write_bytes(dataset)
        _make_node(folder, devnet)


def _make_node(folder: Path, devnet: Devnet) -> None:
    process = Process(folder)
    on_chain = ["--rpc", devnet.rpc_url, "--manifest", "manifest.json"]
    process.run(
        "node", "init", "node", "--agency", "LAND", "--devnet-operator", str(OPERATOR), *on_chain,
        "--write-credentials",
    )  # fmt: skip
    process.run("node", "link", "LAND", "--folder", "node", "--devnet-account", str(LAND_ACCOUNT))


@contextmanager
def copied_town(founded: Path, folder: Path, database_url: str, nursery: Nursery) -> Iterator[Town]:
    """A town of its own for one test: another anvil on a copy of the chain, another node on a copy of the
    folder, with an empty database at ``database_url``.
    """
    shutil.copytree(founded / "node", folder / "node", ignore=shutil.ignore_patterns("node.db*", "*.lock"))
    shutil.copy(founded / "manifest.json", folder)
    (folder / "devnet").mkdir()
    shutil.copy(founded / "devnet" / "anvil-state.json", folder / "devnet")
    devnet = Devnet.start(folder / "devnet", block_time=1, ipc=True, keep_state=True)
    node = NodeThatDies(folder / "node", nursery)
    node.set(
        rpc_url=devnet.rpc_url,
        database_url=database_url,
        batch_max_age_seconds=0.0,
        staleness_limit_seconds=60,  # some tests hold the chain while a node starts
        fee_bump_after_seconds=600.0,
    )
    dataset = DatasetId((founded / "dataset").read_bytes())
    town = Town(folder, devnet, RawChain(devnet.rpc_url), node, database_url, dataset)
    town.chain.mine(3)  # anvil has no state of the blocks that it loaded: no reorg may reach down to them
    try:
        yield town
    finally:
        town.close()

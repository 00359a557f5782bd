"""Two nodes of the land agency, with their own logs, transfer one title; one moves its head on chain."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from cityledger.client import OWN_DUTY, AssertionCredentials, Client
from cityledger.client.answers import HistoryVersion
from cityledger.client.forms.heads import Head
from cityledger.devnet import Devnet
from cityledger.errors import CityledgerError, HeadMovedError, NotAnchoredError
from cityledger.node.serving import ServedNode
from cityledger.node.wiring import open_node
from cityledger.profiles import registry
from cityledger.sealing.keyring import Keyring
from cityledger.sealing.keyring_lock import DEVNET_KDF_COST, UnlockSecret
from cityledger.sealing.thumbprint import key_thumbprint
from cityledger.settings import Settings
from cityledger.store.engine.database import Database
from cityledger.store.engine.migrate import migrate
from cityledger.types import AgencyId, BatchState, DatasetId, LeafHash, LogKind, Role, SharingClass
from support.city.deployed_city import DeployedCity, account, address, deploy_city, terms

pytestmark = [pytest.mark.chain, pytest.mark.slow, pytest.mark.timeout(300)]

LAND_ACCOUNT, STEWARD = 3, 4
OPERATORS = (5, 6)
SECRET = UnlockSecret.from_passphrase("tests")


PAUSE_SECONDS = 0.2


@dataclass
class Office:
    """The land agency's titles, and clients of its two nodes."""

    titles: DatasetId
    writers: list[Client]
    readers: list[Client]
    city: DeployedCity

    def transfer(self, at: int, name: str, street: str) -> int:
        """Writes the title's next version at one node; its number there."""
        return self.writers[at].put_record(self.titles, name, title(street)).version

    def move_head(self, at: int, name: str, expected: int | None = None) -> Head:
        """Moves the head as soon as the version is mined."""
        deadline = time.monotonic() + 60
        while True:
            try:
                return self.writers[at].move_head(self.titles, name, expected_version=expected)
            except NotAnchoredError:
                assert time.monotonic() < deadline
                time.sleep(PAUSE_SECONDS)

    def await_anchored(self, at: int, name: str) -> None:
        """Until a block holds the newest version there, so that what follows races for the head alone."""
        deadline = time.monotonic() + 60
        while not is_mined(self.readers[at].history(self.titles, name, OWN_DUTY)[-1]):
            assert time.monotonic() < deadline
            time.sleep(PAUSE_SECONDS)

    def head(self, at: int, name: str) -> Head | None:
        return self.readers[at].head(self.titles, name, OWN_DUTY)

    def head_on_chain(self, name: str) -> tuple[LeafHash, int] | None:
        """As the contract has it."""
        (found,) = self.readers[0].find(self.titles, OWN_DUTY, record=name)
        return self.city.contracts.ledger.find_head(self.titles, found.record, "latest")


def title(street: str) -> dict[str, bytes]:
    content = {
        "uid": "110101-001-0007",
        "type": "apartment",
        "address": {"district": "Xicheng", "street": street},
        "area": {"value": 61, "unit": "m2", "kind": "officialArea"},
    }
    return {"title": json.dumps(content).encode()}


def is_mined(version: HistoryVersion) -> bool:
    return version.state in (BatchState.MINED, BatchState.FINAL)


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeployedCity]:
    """Blocks each second, because a node's reads stop on a chain without new blocks."""
    folder = tmp_path_factory.mktemp("city")
    with Devnet.start(folder / "devnet", block_time=1) as devnet:
        yield deploy_city(devnet, folder / "manifest.json")


@pytest.fixture(scope="module")
def office(city: DeployedCity, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """Both nodes hold the agency's keys, so that one title has one record id; each has its own store."""
    folder = tmp_path_factory.mktemp("land")
    credential = ec.generate_private_key(ec.SECP256R1())
    keyring = Keyring.create(folder / "keyring", SECRET, random=os.urandom, kdf_cost=DEVNET_KDF_COST)
    keys = keyring.add_agency(AgencyId(1), random=os.urandom, credential_key=credential)
    land = city.admit(
        "LAND",
        LAND_ACCOUNT,
        sealing_key_digest=keys.sealing_key.digest,
        credential_key_digest=key_thumbprint(credential),
    )
    city.appoint(land, LAND_ACCOUNT, STEWARD)
    titles = city.publish(
        land,
        STEWARD,
        path="registration/real-estate/titles",
        profile="property",
        parts=registry.get("property").part_names,
        schema_digest=registry.get("property").schema_digest,
        terms=terms(SharingClass.NOT_SHARED),
    )
    for operator in OPERATORS:
        keyring.add_account(bytes(account(operator).key))
        for kind in LogKind:
            city.open_log(land, LAND_ACCOUNT, kind, operator)
    with ExitStack() as stack:
        nodes = [stack.enter_context(served(city, folder, operator)) for operator in OPERATORS]

        def clients(role: Role) -> list[Client]:
            officer = AssertionCredentials("LAND", "registrar.wu", role, "front-desk", credential)
            return [stack.enter_context(Client(node.url, officer)) for node in nodes]

        yield Office(titles, clients(Role.WRITER), clients(Role.READER), city)


def served(city: DeployedCity, folder: Path, operator: int) -> ServedNode:
    """A node of its own operator and store, ready to be asked."""
    url = f"sqlite:///{folder / str(operator)}.db"
    database = Database(url)
    migrate(database)
    database.close()
    settings = Settings(
        database_url=url,
        rpc_url=city.devnet.rpc_url,
        chain_id=city.manifest.chain_id,
        manifest=city.manifest_path,
        keyring=folder / "keyring",
        operator=address(operator),
        batch_max_age_seconds=0.5,
        object_store_url=(folder / f"objects-{operator}").as_uri(),
    )
    node = ServedNode.start(open_node(settings, SECRET), host="127.0.0.1", port=0)
    node.wait_until_ready(60)
    return node


def race(office: Office, name: str, first: int) -> tuple[Head, CityledgerError]:
    """The new head and the other node's refusal, after both nodes move the head at the same moment."""
    start = threading.Barrier(2)

    def move(at: int) -> Head | CityledgerError:
        start.wait(10)
        try:
            return office.writers[at].move_head(office.titles, name)
        except CityledgerError as error:
            return error

    with ThreadPoolExecutor(2) as pool:
        ended = [one.result(60) for one in [pool.submit(move, at) for at in (first, 1 - first)]]
    (head,) = [one for one in ended if isinstance(one, Head)]
    (refusal,) = [one for one in ended if isinstance(one, CityledgerError)]
    return head, refusal


def test_of_two_transfers_of_one_title_one_becomes_the_head_and_the_other_is_refused(office: Office) -> None:
    office.transfer(0, "title-7", "Xidan")
    office.transfer(1, "title-7", "Xisi")
    for at in (0, 1):
        office.await_anchored(at, "title-7")

    moved, refusal = race(office, "title-7", 0)

    assert isinstance(refusal, HeadMovedError), refusal
    assert office.head_on_chain("title-7") == (moved.leaf_hash, 1)
    heads = [office.head(at, "title-7") for at in (0, 1)]
    assert [head and head.leaf_hash for head in heads] == [moved.leaf_hash] * 2
    shown = [office.readers[at].history(office.titles, "title-7", OWN_DUTY)[0].is_head for at in (0, 1)]
    assert sorted(shown) == [False, True]


@pytest.mark.parametrize("first", [0, 1])
def test_first_move_wins_whichever_node_sends_it(office: Office, first: int) -> None:
    name, second = f"title-{first}", 1 - first
    office.transfer(first, name, "Xidan")
    first_head = office.move_head(first, name)
    office.transfer(second, name, "Xisi")

    with pytest.raises(HeadMovedError):
        office.move_head(second, name)

    # A head that another node moved is followed only by naming it, with a version above it.
    assert office.transfer(second, name, "Xinjiekou") == 2
    followed = office.move_head(second, name, expected=1)
    assert (first_head.version, followed.version) == (1, 2)
    assert office.head_on_chain(name) == (followed.leaf_hash, 2)
    with pytest.raises(HeadMovedError):
        office.transfer(first, name, "Ping'an")
        office.move_head(first, name)


def test_move_head_again_returns_the_same_head(office: Office) -> None:
    office.transfer(0, "title-9", "Xidan")
    first = office.move_head(0, "title-9")
    assert office.move_head(0, "title-9") == first

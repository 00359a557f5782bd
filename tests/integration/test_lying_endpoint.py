"""Of three endpoints one lies about everything that a node reads: it learns what the other two say, and goes
on. Every lie of ``lying_rpc`` is told, by the preferred endpoint.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from cityledger.chain.clock import ChainClock
from cityledger.chain.contracts import contracts_of
from cityledger.chain.endpoint import Endpoint, connect
from cityledger.chain.follower import Follower
from cityledger.chain.sender import Call, Sender
from cityledger.checks.chain import head_time, see_funds, see_nonce
from cityledger.devnet import CHAIN_ID
from cityledger.errors import ChainError, ChainUnavailableError
from cityledger.indexer.indexer import Indexer
from cityledger.store import node_state
from cityledger.store.database import Database
from cityledger.store.index import find_cursor
from cityledger.store.index_tables import INDEX_TABLES, block
from cityledger.store.journal import Journal
from cityledger.store.migrate import migrate
from cityledger.types import purpose_from_name
from databases import fresh_database_url
from deployed_city import COUNCIL, DeployedCity, account, address
from faulty_rpc import Fault, FaultyRpc, faulty_rpc
from lying_rpc import LIES, OF_EVERY_METHOD

pytestmark = pytest.mark.chain
PAYER = 7
FOLLOWED = ("eth_getBlockByNumber", "eth_getBlockByHash", "eth_getBlockReceipts", "eth_getLogs")
"""What following reads; the other methods are read by the rest of the node."""
CASES = [
    pytest.param(method, lie, id=f"{method}: {name}")
    for method, lies in LIES.items()
    for name, lie in {**lies, **OF_EVERY_METHOD}.items()
]


@dataclass(frozen=True)
class Rpcs:
    liar: FaultyRpc
    honest: tuple[FaultyRpc, FaultyRpc]

    def connect(self) -> Endpoint:
        urls = [self.liar.url, *(one.url for one in self.honest)]
        return connect(",".join(urls), CHAIN_ID, timeout_seconds=5)


@pytest.fixture
def rpcs(city: DeployedCity) -> Iterator[Rpcs]:
    with ExitStack() as stack:
        liar, one, other = (stack.enter_context(faulty_rpc(city.devnet.rpc_url)) for _ in range(3))
        yield Rpcs(liar, (one, other))


@contextmanager
def index_of(city: DeployedCity, endpoint: Endpoint, folder: Path) -> Iterator[tuple[Database, Indexer]]:
    folder.mkdir()
    with closing(Database(fresh_database_url(folder))) as database:
        migrate(database)
        with closing(Journal(database)) as journal:
            follower = Follower(endpoint, city.manifest)
            first = city.manifest.first_block
            yield database, Indexer(follower, database, journal, ChainClock(), first_block=first)


def reach(city: DeployedCity, database: Database, indexer: Indexer) -> None:
    """Steps until the cursor is at the chain's head, over whatever fails on the way."""
    head = int(city.endpoint.request("eth_blockNumber"), 16)
    failures: list[Exception] = []
    for _ in range(30):
        try:
            indexer.step()
        except (ChainError, ChainUnavailableError) as error:
            failures.append(error)
        with database.reading() as connection:
            cursor = find_cursor(connection)
        if cursor is not None and cursor.number == head:
            return
    raise AssertionError(f"the index is at {cursor}, not at {head}: {failures[-1:]}")


def dump(database: Database) -> dict[str, Any]:
    with database.reading() as connection:
        rows = {
            table.name: sorted(map(tuple, connection.execute(sa.select(table))), key=repr)
            for table in (*INDEX_TABLES, block)
        }
        return {**rows, "halted": node_state.find_value(connection, node_state.INDEX_HALTED)}


def live(city: DeployedCity) -> None:
    """Events of several kinds, alone in a block and beside others, and blocks without any."""
    city.admit("HEALTH", 3)
    city.send(COUNCIL, city.contracts.catalog.add_purpose(purpose_from_name("TREATMENT")))
    city.endpoint.request("anvil_mine", "0x5")
    city.endpoint.request("evm_setAutomine", False)
    try:
        fees, nonce = city.sender.fees(), city.sender.nonce(address(COUNCIL))
        calls = [
            city.contracts.catalog.add_purpose(purpose_from_name("CENSUS")),
            city.contracts.catalog.remove_purpose(purpose_from_name("TREATMENT")),
        ]
        for place, call in enumerate(calls):
            limited = Call(call.to, call.data, call.what, gas=200_000)
            city.sender.broadcast(city.sender.sign(account(COUNCIL), nonce + place, limited, fees).raw)
        city.endpoint.request("evm_mine")
    finally:
        city.endpoint.request("evm_setAutomine", True)


@pytest.fixture
def honest_dump(city: DeployedCity, tmp_path: Path) -> dict[str, Any]:
    live(city)
    with index_of(city, city.endpoint, tmp_path / "honest") as (database, indexer):
        reach(city, database, indexer)
        found = dump(database)
    assert len(found["idx_purpose"]) >= 2 and found["idx_agency"]
    return found


FOLLOWING = [case for case in CASES if case.values[0] in (*FOLLOWED, "eth_chainId")]


@pytest.mark.parametrize(("method", "lie"), FOLLOWING)
def test_index_is_that_of_an_honest_endpoint(
    city: DeployedCity, rpcs: Rpcs, honest_dump: dict[str, Any], tmp_path: Path, method: str, lie: Any
) -> None:
    if method == "eth_getLogs":  # which following asks for only where receipts prove nothing
        for one in rpcs.honest:
            one.on(Fault.NO_RECEIPTS)
        rpcs.liar.on(Fault.NO_RECEIPTS)
    endpoint = rpcs.connect()
    rpcs.liar.lies[method] = lie
    with index_of(city, endpoint, tmp_path / "index") as (database, indexer):
        reach(city, database, indexer)
        assert dump(database) == honest_dump
        city.send(COUNCIL, city.contracts.catalog.add_purpose(purpose_from_name("LATER")))
        reach(city, database, indexer)
    assert rpcs.liar.asked[method], "the liar was asked"


def read_all(city: DeployedCity, endpoint: Endpoint) -> dict[str, Any]:
    """Everything that a node reads beside following, while no block comes."""
    contracts, sender = contracts_of(endpoint, city.manifest), Sender(endpoint)
    head = Follower(endpoint, city.manifest).head()
    payer = address(PAYER)
    return {
        "instance": contracts.directory.instance("latest"),
        "purpose": contracts.catalog.is_purpose(purpose_from_name("CENSUS"), head),
        "code": endpoint.code(city.manifest.address("RecordLedger")),
        "events": Follower(endpoint, city.manifest).all_events(city.manifest.first_block, head.number),
        "nonces": [sender.nonce(address(COUNCIL), at) for at in (head, "latest", "pending")],
        "fees": sender.fees(),
        "gas": sender.gas(payer, [Call(payer, b"", "payment")]),
        "price": endpoint.request("eth_gasPrice"),
        "height": sender.head_number(),
        "funds": see_funds(endpoint, payer).detail,
        "nonce check": see_nonce(endpoint, payer),
        "time": head_time(endpoint),
    }


@pytest.mark.parametrize(("method", "lie"), CASES)
def test_node_reads_what_an_honest_endpoint_says(
    city: DeployedCity, rpcs: Rpcs, method: str, lie: Any
) -> None:
    live(city)
    endpoint = rpcs.connect()
    rpcs.liar.lies[method] = lie
    assert read_all(city, endpoint) == read_all(city, city.endpoint)
    sender = Sender(endpoint)
    rpcs.liar.swallows = {"eth_sendRawTransaction"}
    receipt = sender.transact(account(PAYER), Call(address(PAYER), b"", "payment"))
    assert receipt == city.sender.receipt(receipt.transaction)


@pytest.mark.parametrize(
    "fault", [Fault.SILENT, Fault.DEEP, Fault.LAGGING, Fault.DROP_BEFORE, Fault.TRUNCATED]
)
def test_one_that_is_silent_late_or_broken_stops_nothing(
    city: DeployedCity, rpcs: Rpcs, honest_dump: dict[str, Any], tmp_path: Path, fault: Fault
) -> None:
    endpoint = rpcs.connect()
    rpcs.liar.on(fault)
    with index_of(city, endpoint, tmp_path / "index") as (database, indexer):
        reach(city, database, indexer)
        assert dump(database) == honest_dump
    assert read_all(city, endpoint) == read_all(city, city.endpoint)


@pytest.mark.parametrize("method", FOLLOWED[:3])
def test_one_that_is_silent_about_one_method_stops_nothing(
    city: DeployedCity, rpcs: Rpcs, honest_dump: dict[str, Any], tmp_path: Path, method: str
) -> None:
    endpoint = rpcs.connect()
    rpcs.liar.only = frozenset({method})
    rpcs.liar.on(Fault.SILENT)
    with index_of(city, endpoint, tmp_path / "index") as (database, indexer):
        reach(city, database, indexer)
        assert dump(database) == honest_dump

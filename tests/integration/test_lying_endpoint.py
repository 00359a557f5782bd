"""Of three endpoints one lies about everything that a node reads: it learns what the other two say, and
continues. The preferred endpoint gives every lie of ``lying_rpc``.
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
from cityledger.chain.deploy.creations import find_creations
from cityledger.chain.follower import Follower
from cityledger.chain.rpc.block_hashes import is_recomputed
from cityledger.chain.rpc.endpoint import Endpoint, connect
from cityledger.chain.rpc.receipts_root import receipts_root
from cityledger.chain.sender import Sender
from cityledger.chain.transactions import Call
from cityledger.checks.chain import head_time, observe_funds, observe_nonce
from cityledger.devnet import CHAIN_ID
from cityledger.errors import ChainError, ChainUnavailableError
from cityledger.indexer.indexer import Indexer
from cityledger.store import node_state
from cityledger.store.engine.database import Database
from cityledger.store.engine.journal import Journal
from cityledger.store.engine.migrate import migrate
from cityledger.store.index.queries import find_cursor
from cityledger.store.index.tables import INDEX_TABLES, block
from cityledger.types import purpose_from_name
from support.chain.faulty_rpc import FaultyRpc, faulty_rpc
from support.chain.lying_rpc import LIES, OF_EVERY_METHOD
from support.chain.rpc_faults import Fault
from support.city.deployed_city import COUNCIL, DeployedCity, account, address
from support.store.databases import fresh_database_url

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
    cursor = None
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
    """Events of several kinds, alone in a block and together with others, and blocks without any."""
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
    assert rpcs.liar.methods[method], "the liar was asked"


def read_all(city: DeployedCity, endpoint: Endpoint) -> dict[str, Any]:
    """Everything that a node reads apart from following, while no block comes."""
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
        "funds": observe_funds(endpoint, payer).detail,
        "nonce check": observe_nonce(endpoint, payer),
        "time": head_time(endpoint),
        "creations": find_creations(endpoint, city.manifest),
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


@pytest.mark.parametrize(("has_event", "requests"), [(False, 4), (True, 7)])
def test_following_a_block_costs_few_requests(
    city: DeployedCity,
    rpcs: Rpcs,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    has_event: bool,
    requests: int,
) -> None:
    """The heads of all, a header and receipts of one, transactions of two. Before answers were checked, 7."""
    # On a busy machine a slow answer would be requested from a second endpoint as well.
    monkeypatch.setattr("cityledger.chain.rpc.quorum.HEDGE_SECONDS", 30)
    live(city)
    with index_of(city, rpcs.connect(), tmp_path / "index") as (database, indexer):
        reach(city, database, indexer)
        if has_event:
            city.send(COUNCIL, city.contracts.catalog.add_purpose(purpose_from_name("LATER")))
        else:
            city.endpoint.request("evm_mine")
        for one in (rpcs.liar, *rpcs.honest):
            one.requests = 0
        assert indexer.step() is False
        assert sum(one.requests for one in (rpcs.liar, *rpcs.honest)) == requests


def test_receipts_of_a_block_of_hundreds_give_its_root(city: DeployedCity) -> None:
    """Trie and receipts as another implementation makes them; above 128 the keys are longer."""
    city.endpoint.request("evm_setAutomine", False)
    try:
        fees, nonce = city.sender.fees(), city.sender.nonce(address(PAYER))
        payment = Call(address(PAYER), b"", "payment", gas=21_000)
        for place in range(300):
            city.sender.broadcast(city.sender.sign(account(PAYER), nonce + place, payment, fees).raw)
        for _ in range(3):
            city.endpoint.request("evm_mine")
    finally:
        city.endpoint.request("evm_setAutomine", True)
    sizes = []
    for number in range(1, city.sender.head_number() + 1):
        block = city.endpoint.request("eth_getBlockByNumber", hex(number), False)
        receipts = city.endpoint.request("eth_getBlockReceipts", block["hash"])
        assert "0x" + receipts_root(receipts).hex() == block["receiptsRoot"]
        assert is_recomputed(block)
        sizes.append(len(receipts))
    assert max(sizes) > 128


def test_two_that_contradict_each_other_stop_the_index_and_one_that_is_behind_does_not(
    city: DeployedCity, rpcs: Rpcs, honest_dump: dict[str, Any], tmp_path: Path
) -> None:
    endpoint = connect(f"{rpcs.liar.url},{rpcs.honest[0].url}", CHAIN_ID, timeout_seconds=5)
    rpcs.liar.lies["eth_getBlockByNumber"] = LIES["eth_getBlockByNumber"]["later, hashed"]
    with index_of(city, endpoint, tmp_path / "index") as (database, indexer):
        with pytest.raises(ChainUnavailableError, match="disagree"):
            indexer.step()
        rpcs.liar.lies["eth_getBlockByNumber"] = LIES["eth_getBlockByNumber"]["no bloom"]
        reach(city, database, indexer)
        assert dump(database) == honest_dump, "the header of the other is proven"


@pytest.mark.parametrize("lie", ["no bloom", "full bloom"])
def test_headers_of_unknown_fields_are_believed_by_majority(
    city: DeployedCity,
    rpcs: Rpcs,
    honest_dump: dict[str, Any],
    tmp_path: Path,
    lie: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As on a chain whose headers have a field that this program does not know: nothing can be recomputed."""
    for module in ("follower", "rpc.heads"):
        monkeypatch.setattr(f"cityledger.chain.{module}.is_recomputed", lambda _block: False)
    endpoint = rpcs.connect()
    rpcs.liar.lies["eth_getBlockByNumber"] = LIES["eth_getBlockByNumber"][lie]
    with index_of(city, endpoint, tmp_path / "index") as (database, indexer):
        reach(city, database, indexer)
        assert dump(database) == honest_dump

"""The indexer on a devnet behind endpoints that misbehave: it ends equal to one that read in peace."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from cityledger.chain.clock import ChainClock
from cityledger.chain.follower import Follower
from cityledger.chain.rpc.endpoint import Endpoint, connect
from cityledger.chain.rpc.new_heads import NewHeads
from cityledger.devnet import CHAIN_ID
from cityledger.errors import ChainError, ChainUnavailableError
from cityledger.indexer.indexer import Indexer
from cityledger.store.engine.database import Database
from cityledger.store.engine.journal import Journal
from cityledger.store.engine.migrate import migrate
from cityledger.store.index.queries import find_cursor
from cityledger.store.index.tables import INDEX_TABLES, block
from cityledger.types import BlockRef, purpose_from_name
from support.chain.faulty_rpc import FaultyRpc, faulty_rpc
from support.chain.rpc_faults import PASSING, Fault
from support.city.deployed_city import COUNCIL, DeployedCity
from support.store.databases import fresh_database_url

pytestmark = pytest.mark.chain
_TRIES = 200


@dataclass(frozen=True)
class Index:
    database: Database
    indexer: Indexer
    endpoint: Endpoint
    advances: list[BlockRef]

    def cursor(self) -> int:
        with self.database.reading() as connection:
            found = find_cursor(connection)
        return -1 if found is None else found.number

    def reach(self, number: int) -> None:
        """Steps until the cursor is at ``number``, over whatever fails on the way."""
        for _ in range(_TRIES):
            with suppress(ChainError, ChainUnavailableError):
                self.indexer.step()
            if self.cursor() >= number:
                return
        raise AssertionError(f"at block {self.cursor()}, not at {number}")

    def dump(self) -> dict[str, list[tuple[Any, ...]]]:
        with self.database.reading() as connection:
            return {
                table.name: sorted(map(tuple, connection.execute(sa.select(table))), key=repr)
                for table in (*INDEX_TABLES, block)
            }


@contextmanager
def index_of(city: DeployedCity, folder: Path, *urls: str) -> Iterator[Index]:
    folder.mkdir()
    advances: list[BlockRef] = []
    with ExitStack() as stack:
        database = stack.enter_context(closing(Database(fresh_database_url(folder))))
        migrate(database)
        journal = stack.enter_context(closing(Journal(database)))
        endpoint = connect(",".join(urls), CHAIN_ID, timeout_seconds=2)
        follower = Follower(endpoint, city.manifest)
        first = city.manifest.first_block
        made = Indexer(
            follower, database, journal, ChainClock(), first_block=first, on_commit=advances.append
        )
        yield Index(database, made, endpoint, advances)


@pytest.fixture
def rpc(city: DeployedCity) -> Iterator[FaultyRpc]:
    with faulty_rpc(city.devnet.rpc_url) as proxy:
        yield proxy


def list_purpose(city: DeployedCity, name: str) -> int:
    """Mines an event; its block's number."""
    call = city.contracts.catalog.add_purpose(purpose_from_name(name))
    return city.send(COUNCIL, call).block_number


def live(city: DeployedCity, blocks: int) -> int:
    """Some events with empty blocks between; the head's number."""
    for number in range(4):
        list_purpose(city, f"AT_{city.endpoint.request('eth_blockNumber')}_{number}".upper())
        city.endpoint.request("anvil_mine", hex(blocks))
    return int(city.endpoint.request("eth_blockNumber"), 16)


def assert_equal_to_clean(city: DeployedCity, folder: Path, index: Index) -> None:
    with index_of(city, folder, city.devnet.rpc_url) as clean:
        clean.reach(index.cursor())
        assert index.dump() == clean.dump()
    assert any(rows for name, rows in index.dump().items() if name == "idx_purpose")


@pytest.mark.parametrize("fault", PASSING)
def test_index_under_a_passing_fault_equals_a_clean_one(
    city: DeployedCity, rpc: FaultyRpc, tmp_path: Path, fault: Fault
) -> None:
    rpc.delay_seconds = 0.05
    with index_of(city, tmp_path / "faulty", rpc.url) as index:
        rpc.schedule(seed=4, share=0.2, faults=(fault,))
        for blocks in (1, 30):
            head = live(city, blocks)
            if fault is Fault.LAGGING:
                city.endpoint.request("anvil_mine", hex(rpc.lag_blocks))
            index.reach(head)
        rpc.off()
        assert rpc.counts[fault]
        index.reach(list_purpose(city, "LAST"))
        assert_equal_to_clean(city, tmp_path / "clean", index)


@pytest.mark.parametrize("fault", [Fault.MISSING_RANGE_LOGS, Fault.NO_RANGES, Fault.NO_RECEIPTS])
def test_index_is_whole_though_ranges_are_answered_incompletely_or_not_at_all(
    city: DeployedCity, rpc: FaultyRpc, tmp_path: Path, fault: Fault
) -> None:
    rpc.on(fault, Fault.NO_RECEIPTS)
    with index_of(city, tmp_path / "faulty", rpc.url) as index:
        index.reach(live(city, 20))
        assert rpc.counts[fault]
        assert_equal_to_clean(city, tmp_path / "clean", index)


def test_events_that_one_endpoint_leaves_out_are_taken_from_the_others(
    city: DeployedCity, rpc: FaultyRpc, tmp_path: Path
) -> None:
    """Where no receipts prove them: a majority of logs."""
    with ExitStack() as stack:
        others = [stack.enter_context(faulty_rpc(city.devnet.rpc_url)) for _ in range(2)]
        for one in (rpc, *others):
            one.on(Fault.NO_RECEIPTS)
        urls = [rpc.url, *(one.url for one in others)]
        index = stack.enter_context(index_of(city, tmp_path / "faulty", *urls))
        rpc.on(Fault.MISSING_LOGS)
        index.reach(live(city, 20))
        assert rpc.counts[Fault.MISSING_LOGS]
        assert_equal_to_clean(city, tmp_path / "clean", index)


def test_failover_to_a_lagging_endpoint_acts_on_nothing_lower(
    city: DeployedCity, rpc: FaultyRpc, tmp_path: Path
) -> None:
    with (
        faulty_rpc(city.devnet.rpc_url) as second,
        index_of(city, tmp_path / "index", rpc.url, second.url) as index,
    ):
        second.on(Fault.LAGGING)
        head = live(city, 2)
        index.reach(head)
        before = index.dump()
        rpc.on(Fault.DROP_BEFORE)
        for _ in range(5):
            with pytest.raises(ChainUnavailableError):
                index.indexer.step()
        assert index.dump() == before
        list_purpose(city, "LATER")
        city.endpoint.request("anvil_mine", hex(second.lag_blocks))
        index.reach(head + 1)
        numbers = [one.number for one in index.advances]
        assert numbers == sorted(numbers)


def test_two_endpoints_that_disagree_stop_the_index_until_they_agree(
    city: DeployedCity, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    from cityledger.devnet import Devnet

    with (
        Devnet.start(tmp_path_factory.mktemp("other"), block_time=0) as other,
        faulty_rpc(city.devnet.rpc_url) as second,
        index_of(city, tmp_path / "index", city.devnet.rpc_url, second.url) as index,
    ):
        index.reach(live(city, 2))
        before = index.cursor()
        other.connect().request("anvil_mine", hex(before + 20))
        second.other_url = other.rpc_url
        second.on(Fault.OTHER_CHAIN)
        live(city, 2)
        for _ in range(3):
            with pytest.raises(ChainUnavailableError, match="disagree"):
                index.indexer.step()
        assert index.cursor() == before
        second.off()
        index.reach(before + 1)


def test_an_endpoint_of_another_chain_id_is_never_used(
    city: DeployedCity, rpc: FaultyRpc, tmp_path: Path
) -> None:
    rpc.on(Fault.OTHER_CHAIN)
    with index_of(city, tmp_path / "index", rpc.url, city.devnet.rpc_url) as index:
        index.reach(live(city, 2))
        assert [one.state.value for one in index.endpoint.health()] == ["wrong chain", "ok"]
        assert set(rpc.methods) == {"eth_chainId"}


def test_new_heads_wake_the_index_and_http_continues_when_the_socket_is_cut(
    city: DeployedCity, rpc: FaultyRpc, tmp_path: Path
) -> None:
    notified, stop = threading.Event(), threading.Event()
    new_heads = NewHeads(rpc.listen_socket(), notified.set)
    listening = threading.Thread(target=new_heads.run, args=(stop,))
    arrived = threading.Condition()
    with index_of(city, tmp_path / "index", rpc.url) as index:
        index.reach(int(city.endpoint.request("eth_blockNumber"), 16))

        def note(_block: BlockRef) -> None:
            with arrived:
                arrived.notify_all()

        def wake() -> None:
            notified.set()
            index.indexer.wake()

        new_heads._on_head = wake
        index.indexer._on_commit = note
        index.indexer._are_heads_announced = lambda: new_heads.is_up
        following = threading.Thread(target=index.indexer.run, args=(stop, 3_600))
        listening.start()
        assert notified.wait(10)
        following.start()
        try:
            for number in range(3):
                with arrived:
                    mined = list_purpose(city, f"TOLD_{number}")
                    assert arrived.wait_for(lambda at=mined: index.cursor() >= at, 10)  # type: ignore[misc]
            notified.clear()
            assert rpc.cut_sockets() == 1
            assert notified.wait(10), "a socket that breaks wakes the loop, which polls from then on"
            assert rpc.methods["eth_getBlockByNumber"]
        finally:
            stop.set()
            index.indexer.wake()
            following.join()
            listening.join()

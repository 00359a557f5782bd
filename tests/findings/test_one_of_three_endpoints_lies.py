"""One lying endpoint of three withheld a revocation and invented keys: headers and logs were read from the
one URL in use, and no hash was recomputed. One answer stopped index or logs permanently; refusals never
failed over.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import encode

from cityledger.chain.clock import ChainClock
from cityledger.chain.contracts.decoding import topics_by_name
from cityledger.chain.follower import Follower
from cityledger.chain.rpc.endpoint import Endpoint, connect
from cityledger.chain.sender import Sender
from cityledger.devnet import CHAIN_ID, Devnet
from cityledger.errors import ChainError, ChainUnavailableError
from cityledger.indexer.indexer import Indexer
from cityledger.keccak import keccak
from cityledger.store import node_state
from cityledger.store.engine.database import Database
from cityledger.store.engine.journal import Journal
from cityledger.store.engine.migrate import migrate
from cityledger.store.index import queries as index
from cityledger.types import NO_END, BlockRef, DatasetId, HaltCause, purpose_from_name
from support.chain.anchoring_node import Anchoring
from support.chain.faulty_rpc import FaultyRpc, faulty_rpc
from support.chain.lying_rpc import change, refuse
from support.chain.rpc_faults import Answer, Fault, Request
from support.city.deployed_city import COUNCIL, DeployedCity, address, deploy_city, terms
from support.store.databases import fresh_database_url

pytestmark = pytest.mark.chain
HEALTH, LAND, STEWARD = 3, 4, 5
TREATMENT = purpose_from_name("TREATMENT")


@dataclass(frozen=True)
class Watched:
    """A city, and an index of it behind three endpoints of which the first is the liar."""

    city: DeployedCity
    liar: FaultyRpc
    endpoint: Endpoint
    database: Database
    indexer: Indexer

    def catch_up(self) -> None:
        while self.indexer.step():
            pass

    def cursor(self) -> int:
        with self.database.reading() as connection:
            found = index.find_cursor(connection)
        return -1 if found is None else found.number


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    with ExitStack() as stack:
        devnet = stack.enter_context(Devnet.start(tmp_path / "devnet", block_time=0))
        city = deploy_city(devnet, tmp_path / "manifest.json")
        rpcs = [stack.enter_context(faulty_rpc(devnet.rpc_url)) for _ in range(3)]
        three = connect(",".join(one.url for one in rpcs), CHAIN_ID, timeout_seconds=5)
        database = stack.enter_context(closing(Database(fresh_database_url(tmp_path))))
        migrate(database)
        journal = stack.enter_context(closing(Journal(database)))
        follower, first = Follower(three, city.manifest), city.manifest.first_block
        indexer = Indexer(follower, database, journal, ChainClock(), first_block=first)
        yield Watched(city, rpcs[0], three, database, indexer)


def _granted(city: DeployedCity) -> DatasetId:
    health, land = city.admit("HEALTH", HEALTH), city.admit("LAND", LAND)
    city.appoint(health, HEALTH, STEWARD)
    city.send(COUNCIL, city.contracts.catalog.add_purpose(TREATMENT))
    dataset = city.publish(health, STEWARD, terms=terms(terms().sharing_class, TREATMENT))
    city.send(STEWARD, city.contracts.catalog.grant(dataset, land, TREATMENT, 3, 0, NO_END))
    return dataset


def _bloom(logs: list[dict[str, Any]]) -> str:
    """As a header would have it that holds these logs and no others."""
    bits = 0
    for value in [bytes.fromhex(one[2:]) for log in logs for one in (log["address"], *log["topics"])]:
        hashed = keccak(value)
        for at in (0, 2, 4):
            bits |= 1 << (int.from_bytes(hashed[at : at + 2], "big") & 2047)
    return "0x" + bits.to_bytes(256, "big").hex()


@contextmanager
def _shown(liar: FaultyRpc, edit: Any) -> Iterator[None]:
    """The liar shows ``edit(logs)`` of each block in every answer, and a bloom that fits."""

    def logs(request: Request, answer: Answer) -> Answer:
        return {**answer, "result": edit(answer["result"])}

    def receipts(request: Request, answer: Answer) -> Answer:
        made = [
            {**one, "logs": edit(one["logs"]), "logsBloom": _bloom(edit(one["logs"]))}
            for one in answer["result"]
        ]
        return {**answer, "result": made}

    def header(block: dict[str, Any]) -> dict[str, Any]:
        where = {"fromBlock": block["number"], "toBlock": block["number"]}
        return {**block, "logsBloom": _bloom(edit(liar.ask("eth_getLogs", where)))}

    liar.lies = {
        "eth_getLogs": logs,
        "eth_getBlockReceipts": receipts,
        "eth_getBlockByNumber": change(header),
        "eth_getBlockByHash": change(header),
    }
    yield
    liar.lies = {}


def test_a_revocation_that_one_withholds_with_a_matching_bloom_is_indexed(
    watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    city = watched.city
    dataset = _granted(city)
    watched.catch_up()
    topic = "0x" + topics_by_name()["GrantRevoked"].hex()
    with _shown(watched.liar, lambda logs: [log for log in logs if log["topics"][0] != topic]):
        watched.catch_up()
        city.send(STEWARD, city.contracts.catalog.revoke(dataset, 2, TREATMENT))  # type: ignore[arg-type]
        city.endpoint.request("anvil_mine", "0x10")
        watched.catch_up()
    with watched.database.reading() as connection:
        grant = index.find_grant(connection, dataset, 2, TREATMENT)  # type: ignore[arg-type]
    assert grant is None
    assert f"endpoint={watched.liar.url} state=unreliable" in caplog.text


@pytest.mark.parametrize("bloom", ["matching", "all ones"])
def test_keys_that_one_invents_are_not_indexed(watched: Watched, bloom: str) -> None:
    city = watched.city
    _granted(city)
    registry = city.manifest.address("AgencyRegistry")
    topic = "0x" + topics_by_name()["KeysRotated"].hex()

    def with_keys(logs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if not logs:
            return logs
        invented = {
            **logs[-1],
            "address": registry.lower(),
            "topics": [topic, "0x" + encode(["uint32"], [1]).hex()],
            "data": "0x" + (b"\x66" * 64).hex(),
            "logIndex": hex(int(logs[-1]["logIndex"], 16) + 1),
        }
        return [*logs, invented]

    with _shown(watched.liar, with_keys):
        if bloom == "all ones":
            full = change(lambda block: {**block, "logsBloom": "0x" + "ff" * 256})
            watched.liar.lies |= {"eth_getBlockByNumber": full, "eth_getBlockByHash": full}
        watched.catch_up()
        city.send(COUNCIL, city.contracts.catalog.add_purpose(purpose_from_name("LATER")))
        watched.catch_up()
    with watched.database.reading() as connection:
        agency = index.find_agency(connection, 1)  # type: ignore[arg-type]
        assert index.is_purpose_known(connection, purpose_from_name("LATER"))
    assert agency is not None and agency.credential_key_digest != b"\x66" * 32


def test_a_head_that_one_says_is_final_may_still_be_reorganised(watched: Watched) -> None:
    """Anvil's ``finalized`` is two below its head; the reorg is of the head alone."""
    _granted(watched.city)
    watched.city.endpoint.request("anvil_mine", "0x5")

    def all_final(request: Request, answer: Answer) -> Answer:
        if request["params"][0] != "finalized":
            return answer
        return {**answer, "result": watched.liar.ask("eth_getBlockByNumber", "latest", False)}

    watched.liar.lies["eth_getBlockByNumber"] = all_final
    watched.catch_up()
    watched.liar.lies.clear()
    watched.city.endpoint.request("anvil_reorg", 1, [])
    watched.city.endpoint.request("evm_mine")
    watched.catch_up()
    with watched.database.reading() as connection:
        assert node_state.find_value(connection, node_state.INDEX_HALTED) is None
    assert watched.cursor() == int(watched.city.endpoint.request("eth_blockNumber"), 16)


def test_a_url_that_refuses_is_passed_by(watched: Watched, caplog: pytest.LogCaptureFixture) -> None:
    """It was asked again and again, the cursor did not move, and all three were reported as healthy."""
    _granted(watched.city)
    watched.liar.lies = {
        name: refuse("limit exceeded")
        for name in ("eth_getLogs", "eth_getBlockReceipts", "eth_call", "eth_getBlockByHash")
    }
    watched.catch_up()
    for number in range(5):
        watched.city.send(
            COUNCIL, watched.city.contracts.catalog.add_purpose(purpose_from_name(f"P_{number}"))
        )
        watched.catch_up()
    assert watched.cursor() == int(watched.city.endpoint.request("eth_blockNumber"), 16)
    assert f"endpoint={watched.liar.url} state=unreliable" in caplog.text


def test_a_nonce_that_one_says_is_too_high_is_not_believed(watched: Watched) -> None:
    watched.liar.lies["eth_getTransactionCount"] = change(lambda nonce: hex(int(nonce, 16) + 5))
    sender, honest = Sender(watched.endpoint), Sender(watched.city.endpoint)
    head = Follower(watched.endpoint, watched.city.manifest).head()
    council = address(COUNCIL)
    assert sender.nonce(council, head) == honest.nonce(council, head)
    assert sender.nonce(council) == honest.nonce(council)


@pytest.mark.parametrize("urls", [1, 3])
def test_deep_json_is_an_error_of_the_endpoint(watched: Watched, urls: int) -> None:
    """A parser's RecursionError left the adapter as a traceback."""
    endpoint = connect(watched.liar.url, CHAIN_ID) if urls == 1 else watched.endpoint
    watched.liar.on(Fault.DEEP)
    if urls == 3:
        assert endpoint.head()["number"]
        return
    with pytest.raises(ChainUnavailableError):
        endpoint.head()
    with pytest.raises(ChainUnavailableError):
        endpoint.request_many([("eth_chainId", []), ("eth_chainId", [])])


def test_logs_that_are_no_list_are_an_error_of_the_endpoint(watched: Watched) -> None:
    endpoint = connect(watched.liar.url, CHAIN_ID)
    watched.liar.lies["eth_getLogs"] = lambda _request, answer: {**answer, "result": 5}
    with pytest.raises((ChainError, ChainUnavailableError)):
        Follower(endpoint, watched.city.manifest).all_events(0, 1)


def test_one_nonce_that_is_too_high_halts_nothing(
    anchoring: Anchoring, monkeypatch: pytest.MonkeyPatch
) -> None:
    anchoring.write(1)
    anchoring.step()
    nonce = anchoring.ledger.nonce
    with monkeypatch.context() as wrong:
        wrong.setattr(anchoring.ledger, "nonce", lambda *arguments: nonce(*arguments) + 7)
        for _ in range(2):
            anchoring.chain.mine()
            anchoring.catch_up()
            anchoring.anchorer.tick()
            anchoring.anchorer.tick()
    anchoring.write(1)
    anchoring.step()
    assert [anchoring.halted(1), anchoring.halted(2)] == [None, None]
    assert anchoring.anchored(1) == [(0, 1), (1, 1)]


def test_a_nonce_that_stays_too_high_halts(anchoring: Anchoring, monkeypatch: pytest.MonkeyPatch) -> None:
    nonce = anchoring.ledger.nonce
    monkeypatch.setattr(anchoring.ledger, "nonce", lambda *arguments: nonce(*arguments) + 7)
    for _ in range(3):
        anchoring.chain.mine()
        anchoring.catch_up()
        anchoring.anchorer.tick()
    assert anchoring.halted(1) is HaltCause.ACCOUNT_USED_ELSEWHERE


def test_broken_blocks_are_errors_of_the_endpoint(watched: Watched) -> None:
    endpoint = connect(watched.liar.url, CHAIN_ID)
    watched.liar.lies["eth_getBlockReceipts"] = lambda _request, answer: {**answer, "result": [{"logs": 1}]}
    head = Follower(watched.city.endpoint, watched.city.manifest).head()
    follower = Follower(endpoint, watched.city.manifest)
    first = watched.city.manifest.first_block
    with pytest.raises((ChainError, ChainUnavailableError)):
        follower.events(follower.headers(first, head.number, BlockRef(head.number, head.hash, head.time)))

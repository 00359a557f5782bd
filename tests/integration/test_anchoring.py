"""The anchoring loop against a chain that mines on request: anvil's replacements and reorgs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa

from cityledger.anchoring.anchorer import Anchorer
from cityledger.anchoring.closing import BatchLimits
from cityledger.anchoring.operator_account import FeeLimits
from cityledger.anchoring.resuming import LogResumer
from cityledger.chain.clock import ChainClock
from cityledger.chain.contracts.record_ledger import Batch as ChainBatch
from cityledger.chain.follower import Follower
from cityledger.chain.transactions import Broadcast, Call
from cityledger.devnet import Devnet
from cityledger.indexer.indexer import Indexer
from cityledger.proofs.leaves import Tombstone
from cityledger.store.anchoring import attempts, logs
from cityledger.store.engine.database import Database
from cityledger.store.engine.journal import Journal
from cityledger.store.index.tables import idx_batch
from cityledger.types import ErasureReason, HaltCause, LeafHash, LogId, LogKind
from support.city.deployed_city import DeployedCity, account, address, deploy_city
from support.store.databases import fresh_database_url

pytestmark = [pytest.mark.chain, pytest.mark.timeout(120)]
HEALTH_ACCOUNT, OPERATOR = 3, 5
GWEI = 10**9


@dataclass
class Node:
    """Anchorer and indexer of one node over a real chain; blocks are mined by ``mine`` alone."""

    city: DeployedCity
    database: Database
    journal: Journal
    anchorer: Anchorer
    indexer: Indexer
    records: LogId

    def write(self, count: int = 1) -> None:
        for _ in range(count):
            self.journal.run(lambda connection: logs.append(connection, self.records, 0, self._leaf))

    def _leaf(self, seq: int, _previous: LeafHash) -> Tombstone:
        erased = LeafHash(seq.to_bytes(32, "big"))
        return Tombstone(bytes(32), self.records, seq, erased, ErasureReason.DUTY, 1, 1)

    def mine(self, count: int = 1) -> None:
        for _ in range(count):
            self.city.endpoint.request("evm_mine")

    def tick(self) -> None:
        self.catch_up()
        self.anchorer.tick()

    def catch_up(self) -> None:
        while self.indexer.step():
            pass

    def anchored(self) -> list[tuple[int, int]]:
        """(first, size) of each batch on the indexed chain."""
        is_current = (idx_batch.c.log == self.records) & idx_batch.c.valid_to.is_(None)
        query = sa.select(idx_batch.c.first, idx_batch.c.size).where(is_current).order_by(idx_batch.c.first)
        with self.database.reading() as connection:
            return [(row.first, row.size) for row in connection.execute(query)]

    def attempts(self) -> list[attempts.Attempt]:
        """Oldest first."""
        with self.database.reading() as connection:
            stored = attempts.list_attempts(connection, address(OPERATOR), 0)
        return sorted(stored, key=lambda one: (one.nonce, one.replacement))

    def halted(self) -> HaltCause | None:
        with self.database.reading() as connection:
            return next(head.halted for head in logs.list_heads(connection) if head.log == self.records)


@pytest.fixture
def still_city(tmp_path: Path) -> Iterator[DeployedCity]:
    """A city for each test: what anvil takes back by a snapshot, it puts into the pool again."""
    folder = tmp_path / "devnet"
    with Devnet.start(folder, block_time=0, ipc=True) as devnet:
        yield deploy_city(devnet, folder / "manifest.json")


@pytest.fixture
def bump_after_seconds() -> float:
    """Longer than a test; those that bump say 0."""
    return 600.0


@pytest.fixture
def node(still_city: DeployedCity, tmp_path: Path, bump_after_seconds: float) -> Iterator[Node]:
    """Writes the one log of one agency; the chain mines nothing by itself."""
    endpoint = still_city.endpoint
    health = still_city.admit("HEALTH", HEALTH_ACCOUNT)
    records = still_city.open_log(health, HEALTH_ACCOUNT, LogKind.RECORDS, OPERATOR)
    for _ in range(4):
        endpoint.request("evm_mine")  # so that what a test reorganises is not final, and the log is
    endpoint.request("evm_setAutomine", False)
    database = Database(fresh_database_url(tmp_path))
    journal, clock = Journal(database), ChainClock()
    ledger = still_city.contracts.ledger
    limits, fees = BatchLimits(0, 65_536), FeeLimits(500 * GWEI, bump_after_seconds)
    anchorer = Anchorer(
        database, journal, clock, still_city.sender, ledger, account(OPERATOR), [health], limits, fees
    )
    follower = Follower(endpoint, still_city.manifest)
    first = still_city.manifest.first_block
    made = Node(
        still_city,
        database,
        journal,
        anchorer,
        Indexer(follower, database, journal, clock, first_block=first),
        records,
    )
    made.tick()  # adopts the log, and begins to count the account's nonces
    yield made
    journal.close()
    database.close()


def raise_base_fee(node: Node, gwei: int) -> None:
    node.city.endpoint.request("anvil_setNextBlockBaseFeePerGas", hex(gwei * GWEI))
    node.mine()


@pytest.mark.parametrize("bump_after_seconds", [0.0])
def test_transaction_that_is_priced_out_is_replaced_and_mined(node: Node) -> None:
    node.write(2)
    node.tick()
    raise_base_fee(node, 60)

    node.tick()

    original, replacement = node.attempts()
    assert (original.nonce, replacement.nonce, replacement.replacement) == (0, 0, 1)
    fees = [node.city.sender.read(one.raw).fees for one in (original, replacement)]
    assert fees[1].max_fee >= 2 * 50 * GWEI > fees[0].max_fee
    calls = {node.city.sender.read(one.raw).call.data for one in (original, replacement)}
    assert len(calls) == 1, "the same call, signed again"
    node.mine()
    node.tick()
    assert node.anchored() == [(0, 2)]
    assert node.city.sender.receipt(replacement.tx_hash) is not None
    assert node.city.sender.receipt(original.tx_hash) is None


@pytest.mark.parametrize("bump_after_seconds", [0.0])
def test_original_that_is_mined_instead_of_the_replacement_counts(node: Node) -> None:
    node.write(2)
    node.tick()
    raise_base_fee(node, 60)
    node.tick()
    original, replacement = node.attempts()
    node.city.endpoint.request("anvil_dropAllTransactions")
    node.city.endpoint.request("anvil_setNextBlockBaseFeePerGas", hex(1))
    assert node.city.sender.broadcast(original.raw) is Broadcast.ACCEPTED
    node.mine()

    node.write()
    node.tick()
    node.mine()
    node.tick()

    assert node.city.sender.receipt(original.tx_hash) is not None
    assert node.city.sender.receipt(replacement.tx_hash) is None
    assert node.anchored() == [(0, 2), (2, 1)]
    assert [(one.nonce, one.replacement) for one in node.attempts()] == [(0, 0), (0, 1), (1, 0)]
    assert node.halted() is None


@pytest.mark.parametrize("how", ["anvil_reorg", "anvil_rollback"])
def test_batch_that_a_reorg_dropped_is_sent_again_and_anchored_once(node: Node, how: str) -> None:
    node.write(2)
    node.tick()
    node.mine()
    node.catch_up()
    assert node.anchored() == [(0, 2)]

    node.city.endpoint.request(how, *([1, []] if how == "anvil_reorg" else [1]))
    node.mine()
    node.catch_up()
    assert node.anchored() == []

    node.tick()
    node.mine()
    node.tick()
    assert node.anchored() == [(0, 2)]
    assert len(node.attempts()) == 1, "the stored bytes, not others"
    assert node.city.sender.nonce(address(OPERATOR)) == 1


def test_transactions_that_are_mined_and_fail_halt_the_log_after_three(node: Node) -> None:
    node.write()
    for _ in range(3):
        node.tick()
        code = node.city.endpoint.code(node.city.contracts.ledger.address)
        node.city.endpoint.request(
            "anvil_setCode", node.city.contracts.ledger.address, "0x60006000fd"
        )  # every call reverts
        node.mine()
        node.city.endpoint.request("anvil_setCode", node.city.contracts.ledger.address, "0x" + code.hex())
    node.tick()

    assert node.halted() is HaltCause.FAILING_TRANSACTION
    assert node.city.sender.nonce(address(OPERATOR)) == 3
    assert _resumer(node).resume(node.records).logs == (node.records,)
    node.tick()
    node.mine()
    node.tick()
    assert node.anchored() == [(0, 1)]


def test_leaves_that_somebody_else_anchored_halt_the_log_for_good(node: Node) -> None:
    ledger = node.city.contracts.ledger
    call = ledger.anchor([ChainBatch(node.records, 0, 3, b"\x07" * 32)])
    _send_elsewhere(node, call)

    node.tick()

    assert node.halted() is HaltCause.CHAIN_AHEAD
    resumed = _resumer(node).resume(node.records, new_baseline=True)
    assert resumed.halt is not None and resumed.halt.cause is HaltCause.CHAIN_AHEAD


def test_account_that_is_used_elsewhere_halts_until_there_is_a_new_baseline(node: Node) -> None:
    _send_elsewhere(node, Call(address(9), b"", "payment", gas=21_000))
    node.write()
    for _ in range(3):
        assert node.halted() is None
        node.mine()
        node.tick()

    assert node.halted() is HaltCause.ACCOUNT_USED_ELSEWHERE
    assert node.attempts() == []
    assert _resumer(node).resume(node.records).halt is not None
    assert _resumer(node).resume(node.records, new_baseline=True).logs == (node.records,)
    node.tick()
    node.mine()
    node.tick()
    assert node.anchored() == [(0, 1)]


def _send_elsewhere(node: Node, call: Call) -> None:
    """Something else signs with the operator's key."""
    sender = node.city.sender
    limited = Call(call.to, call.data, call.what, gas=500_000)
    sender.broadcast(sender.sign(account(OPERATOR), 0, limited, sender.fees()).raw)
    node.mine()


def _resumer(node: Node) -> LogResumer:
    return LogResumer(node.database, node.city.contracts.ledger, node.city.sender, address(OPERATOR))

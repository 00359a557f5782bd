"""Sender and follower against a devnet that makes a block a second, in the words that a real node uses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from cityledger.chain.contracts.agency_registry import AgencyAdmitted
from cityledger.chain.contracts.data_catalog import PurposeSet
from cityledger.chain.follower import Follower
from cityledger.chain.transactions import Broadcast, Call, Fees
from cityledger.devnet import Devnet
from cityledger.errors import ChainError, RevertedError
from cityledger.types import NO_END, Role, purpose_from_name
from support.city.deployed_city import COUNCIL, DeployedCity, account, address, deploy_city

pytestmark = pytest.mark.chain
PAYMENT = Call(address(9), b"", "payment", gas=21_000)


@pytest.fixture(scope="module")
def slow_city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeployedCity]:
    """Over HTTP, with blocks of one second."""
    with Devnet.start(tmp_path_factory.mktemp("slow")) as devnet:
        yield deploy_city(devnet, devnet.folder / "manifest.json")


def test_deployment_takes_three_blocks(slow_city: DeployedCity) -> None:
    blocks = {one.block for one in slow_city.manifest.contracts.values()}
    assert max(blocks) - min(blocks) <= 2


def test_broadcast_tells_anvils_words(slow_city: DeployedCity) -> None:
    sender, alice = slow_city.sender, account(20)
    fees = sender.fees()
    first = sender.sign(alice, 0, PAYMENT, fees)
    assert sender.broadcast(first.raw) is Broadcast.ACCEPTED
    assert sender.broadcast(first.raw) in (Broadcast.ALREADY_KNOWN, Broadcast.NONCE_TOO_LOW)
    sender.wait([first])
    assert sender.broadcast(first.raw) is Broadcast.NONCE_TOO_LOW
    other = sender.sign(alice, 0, PAYMENT, fees.raised())
    assert sender.broadcast(other.raw) is Broadcast.NONCE_TOO_LOW
    assert sender.receipt(other.hash) is None

    waiting = sender.sign(alice, 5, PAYMENT, fees)
    assert sender.broadcast(waiting.raw) is Broadcast.ACCEPTED
    cheaper = sender.sign(alice, 5, PAYMENT, Fees(fees.max_fee - 1, fees.max_priority_fee - 1))
    assert sender.broadcast(cheaper.raw) is Broadcast.UNDERPRICED
    assert sender.broadcast(sender.sign(alice, 5, PAYMENT, fees.raised()).raw) is Broadcast.ACCEPTED


def test_broadcast_raises_when_there_is_no_money(slow_city: DeployedCity) -> None:
    from eth_account import Account

    poor = Account.from_key(b"\x77" * 32)
    signed = slow_city.sender.sign(poor, 0, PAYMENT, slow_city.sender.fees())
    with pytest.raises(ChainError, match=r"(?i)insufficient funds"):
        slow_city.sender.broadcast(signed.raw)


def test_transact_many_shares_blocks(slow_city: DeployedCity) -> None:
    receipts = slow_city.sender.transact_many(account(21), [PAYMENT] * 60)
    assert len({receipt.block_number for receipt in receipts}) <= 2


def test_transact_finds_the_reason_of_a_mined_revert(slow_city: DeployedCity) -> None:
    call = slow_city.contracts.agencies.appoint(1, address(9), Role.STEWARD, NO_END)  # type: ignore[arg-type]
    limited = Call(call.to, call.data, call.what, gas=200_000)
    with pytest.raises(RevertedError) as caught:
        slow_city.sender.transact(account(22), limited)
    assert caught.value.name == "AgencyRegistryNotAccount"
    assert caught.value.facts["caller"] == address(22)
    assert slow_city.sender.nonce(address(22)) == 1, "it was mined"


def test_follower_reads_events_by_block_hash(slow_city: DeployedCity) -> None:
    follower = Follower(slow_city.endpoint, slow_city.manifest)
    slow_city.admit("HEALTH", 3)
    purpose = purpose_from_name("TREATMENT")
    receipt = slow_city.send(COUNCIL, slow_city.contracts.catalog.add_purpose(purpose))

    block, parent = follower.block(receipt.block_number)
    assert block.hash == receipt.block_hash
    assert parent == follower.block(receipt.block_number - 1)[0].hash
    head = follower.head()
    headers = follower.headers(block.number, block.number, head)
    assert [one.block for one in headers] == [block]
    ((logged,),) = follower.events(headers).values()
    assert logged.event == PurposeSet(purpose, True)
    assert (logged.block_hash, logged.transaction) == (block.hash, receipt.transaction)

    everything = follower.all_events(slow_city.manifest.first_block, head.number)
    assert sum(isinstance(one.event, AgencyAdmitted) for one in everything) == 1
    tip = follower.tip()
    assert tip.final is not None and tip.final <= tip.head.number


def test_reads_are_made_at_the_named_block(slow_city: DeployedCity) -> None:
    follower = Follower(slow_city.endpoint, slow_city.manifest)
    before = follower.head()
    purpose = purpose_from_name("CENSUS")
    receipt = slow_city.send(COUNCIL, slow_city.contracts.catalog.add_purpose(purpose))
    after, _ = follower.block(receipt.block_number)
    assert slow_city.contracts.catalog.is_purpose(purpose, after)
    assert not slow_city.contracts.catalog.is_purpose(purpose, before)


def test_follower_and_reads_refuse_an_orphaned_block(slow_city: DeployedCity) -> None:
    follower = Follower(slow_city.endpoint, slow_city.manifest)
    orphan = follower.head()
    headers = follower.headers(orphan.number, orphan.number, orphan)
    slow_city.endpoint.request("anvil_reorg", 3, [])
    assert follower.block(orphan.number)[0].hash != orphan.hash
    assert follower.headers(orphan.number, orphan.number, orphan) == []
    with pytest.raises(ChainError):
        follower.events([replace(headers[0], bloom=b"\xff" * 256)])
    with pytest.raises(ChainError):
        slow_city.contracts.directory.instance(orphan)

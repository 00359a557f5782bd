from __future__ import annotations

from typing import Any

import pytest

from cityledger.chain.contracts.record_ledger import LogClosed
from cityledger.chain.follower import Follower, Header
from cityledger.chain.rpc.endpoint import Endpoint
from cityledger.errors import ChainError
from cityledger.keccak import keccak
from cityledger.types import BlockRef, LogId
from support.chain.fake_chain import CHAIN_ID, FakeChain, block_hash
from support.chain.manifests import manifest
from support.chain.raw_logs import EVENTS, raw_log

CLOSED = {
    **raw_log(EVENTS["RecordLedger.LogClosed"], {"log": 1}),
    "address": manifest().address("RecordLedger"),
}
FULL_BLOOM = b"\xff" * 256


def follower_of(chain: FakeChain) -> Follower:
    return Follower(Endpoint(CHAIN_ID, [("fake", chain)]), manifest())


def header(number: int, bloom: bytes) -> Header:
    """A header whose receipts root no receipts prove, so that a majority's logs are read."""
    return Header(BlockRef(number, bytes.fromhex(block_hash(number)[2:]), 0), bytes(32), bloom, bytes(32))


def bloom_of(*values: str) -> bytes:
    bits = 0
    for value in values:
        hashed = keccak(bytes.fromhex(value[2:]))
        for at in (0, 2, 4):
            bits |= 1 << (int.from_bytes(hashed[at : at + 2], "big") % 2048)
    return bits.to_bytes(256, "big")


def test_follower_reads_tip_and_parents() -> None:
    chain = FakeChain(height=10)
    follower = Follower(Endpoint(CHAIN_ID, [("fake", chain)]), manifest())
    tip = follower.tip()
    assert (tip.head.number, tip.final) == (10, 8)
    reference, parent = follower.block(7)
    assert (reference.hash.hex(), parent.hex()) == (block_hash(7)[2:], block_hash(6)[2:])
    assert [header.block.number for header in follower.headers(3, 5, tip.head)] == [3, 4, 5]


def test_follower_refuses_a_block_that_does_not_exist() -> None:
    follower = Follower(Endpoint(CHAIN_ID, [("fake", FakeChain(height=10))]), manifest())
    with pytest.raises(ChainError, match="no block 11"):
        follower.block(11)
    unknown = Header(BlockRef(10, b"\x01" * 32, 0), bytes(32), b"\xff" * 256, bytes(32))
    with pytest.raises(ChainError, match="unknown block"):
        follower.events([unknown])


def test_events_reads_a_block_whose_bloom_has_one_of_our_contracts() -> None:
    chain = FakeChain(height=10, logs=[CLOSED])
    block = header(5, bloom_of(CLOSED["address"], CLOSED["topics"][0]))
    found = follower_of(chain).events([block])
    assert [logged.event for logged in found[block.block.hash]] == [LogClosed(LogId(1))]


def test_events_requests_no_block_whose_bloom_has_none_of_our_contracts() -> None:
    chain = FakeChain(height=10, logs=[CLOSED])
    assert follower_of(chain).events([header(5, bloom_of("0x" + "11" * 20, CLOSED["topics"][0]))]) == {}
    assert "eth_getLogs" not in chain.methods


def test_events_reads_a_block_whatever_topics_its_bloom_has() -> None:
    """An event of an unknown kind has to be found, and stops the index."""
    chain = FakeChain(height=10, logs=[{**CLOSED, "topics": ["0x" + "77" * 32]}])
    with pytest.raises(ChainError, match="unknown or removed event"):
        follower_of(chain).events([header(5, bloom_of(CLOSED["address"]))])


@pytest.mark.parametrize(
    ("log", "bloom"),
    [
        (CLOSED, bloom_of(CLOSED["address"])),
        ({**CLOSED, "address": "0x" + "11" * 20}, bloom_of(CLOSED["address"], CLOSED["topics"][0])),
        ({**CLOSED, "blockHash": block_hash(6)}, FULL_BLOOM),
    ],
    ids=["another topic", "another address", "another block"],
)
def test_events_refuses_a_log_that_the_block_cannot_hold(log: dict[str, Any], bloom: bytes) -> None:
    with pytest.raises(ChainError, match="logs that block 5 cannot hold"):
        follower_of(FakeChain(height=10, logs=[log])).events([header(5, bloom)])

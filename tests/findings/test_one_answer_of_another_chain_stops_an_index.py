"""A single answer for another chain made blocks final that were not, or stopped an index permanently."""

from __future__ import annotations

import pytest

from cityledger.chain.rpc.endpoint import Endpoint
from cityledger.store import node_state
from cityledger.types import BlockRef
from support.chain.anchoring_node import Anchoring
from support.chain.fake_chain import CHAIN_ID, FakeChain


def _halted(anchoring: Anchoring) -> str | None:
    with anchoring.database.reading() as connection:
        return node_state.find_value(connection, node_state.INDEX_HALTED)


def test_final_of_another_chain_makes_nothing_final() -> None:
    """An endpoint on another fork is ignored; a block is final once a majority calls it final."""
    chains = [FakeChain(height=60, fork_at=5), FakeChain(height=9), FakeChain(height=10)]
    endpoint = Endpoint(CHAIN_ID, [(f"chain {place}", chain) for place, chain in enumerate(chains)])
    block, final = endpoint.tip()
    assert (int(block["number"], 16), final) == (9, 7)
    assert endpoint.health()[0].state.value == "disagrees"


def test_fork_is_looked_for_again_before_the_index_stops(
    anchoring: Anchoring, monkeypatch: pytest.MonkeyPatch
) -> None:
    follower, chain = anchoring.indexer._follower, anchoring.chain
    for _ in range(30):
        chain.mine()
    anchoring.catch_up()
    with anchoring.database.reading() as connection:
        left = [anchoring.chain.head().number - node_state.final_block(connection) + 1]
    chain.reorg(2)
    for _ in range(3):
        chain.mine()
    block = follower.block

    def of_another_chain(number: int) -> tuple[BlockRef, bytes]:
        ref, parent = block(number)
        left[0] -= 1
        return (ref, parent) if left[0] < 0 else (BlockRef(number, b"\x99" * 32, ref.time), parent)

    monkeypatch.setattr(follower, "block", of_another_chain)
    anchoring.catch_up()
    assert left[0] < 0, "it was answered for another chain down to final"
    assert _halted(anchoring) is None
    with anchoring.database.reading() as connection:
        assert anchoring.indexer._cursor() == chain.head()

"""Blocks that held a batch are replaced while the node is down: it is anchored once on what stays."""

from __future__ import annotations

import pytest

from crash.backlog import leave_backlog
from crash.oracle import Oracle
from crash.town import Town
from crash.waiting import await_that

pytestmark = [pytest.mark.chain, pytest.mark.slow]


def anchor_in_newest_block(town: Town, oracle: Oracle) -> str:
    """The raw transaction of a batch that is mined, indexed, and not final; the chain is held, the node
    down.
    """
    leave_backlog(town)
    town.chain.hold()
    town.node.serve()
    await_that("it is sent", lambda: town.chain.pending_of(town.operator))
    town.chain.mine()
    await_that("it is indexed", lambda: oracle.rows("SELECT first FROM idx_batch"))
    town.node.kill()
    (attempt,) = oracle.rows("SELECT raw FROM attempt")
    return "0x" + bytes(attempt.raw).hex()


def test_reorg_and_included_again_is_anchored_once(town: Town, oracle: Oracle) -> None:
    raw = anchor_in_newest_block(town, oracle)
    before = town.chain.block("latest")["hash"]
    town.chain.reorg(2, [(raw, 0)])
    assert town.chain.block("latest")["hash"] != before
    town.chain.resume()

    town.node.serve()
    oracle.await_anchored()
    verdict = oracle.judge()
    assert (verdict.attempts, verdict.transactions) == (1, 1)


def test_reorg_and_dropped_the_same_bytes_are_sent_again(town: Town, oracle: Oracle) -> None:
    anchor_in_newest_block(town, oracle)
    town.chain.reorg(1)
    assert town.chain.nonce(town.operator) == 0 and not town.chain.anchored(town.ledger)
    town.chain.resume()

    town.node.serve()
    oracle.await_anchored()
    verdict = oracle.judge()
    assert (verdict.attempts, verdict.transactions) == (1, 1)


def test_reorg_deeper_than_final_stops_the_index_until_it_is_rebuilt(town: Town, oracle: Oracle) -> None:
    leave_backlog(town)
    town.node.serve()
    oracle.await_anchored()
    (batch,) = town.chain.anchored(town.ledger)
    await_that("it is final", lambda: final_block(oracle) >= batch.block)
    town.node.kill()
    town.chain.hold()
    town.chain.reorg(town.chain.head() - batch.block + 1)
    assert not town.chain.anchored(town.ledger)
    town.chain.resume()

    town.node.start()
    await_that("the index stops", lambda: index_halted(oracle))
    assert town.chain.nonce(town.operator) == 0, "nothing is sent on a chain that is not the one known"
    assert oracle.rows("SELECT first FROM idx_batch"), "nothing is undone"
    town.node.kill()

    town.node.run("node", "rebuild", "--folder", str(town.node.folder))
    assert not index_halted(oracle)
    town.node.serve()
    oracle.await_anchored()
    assert oracle.judge().transactions == 1


def test_chain_reset_to_an_older_state_stops_the_index(town: Town, oracle: Oracle) -> None:
    town.chain.hold()
    before = town.chain.save()
    town.chain.resume()
    leave_backlog(town)
    town.node.serve()
    oracle.await_anchored()
    (batch,) = town.chain.anchored(town.ledger)
    await_that("it is final", lambda: final_block(oracle) >= batch.block)
    town.node.kill()
    town.chain.reset(before)
    assert not town.chain.anchored(town.ledger)

    town.node.start()
    await_that("the index stops", lambda: index_halted(oracle))
    assert town.chain.nonce(town.operator) == 0 and len(oracle.rows("SELECT id FROM attempt")) == 1


def test_chain_reset_to_another_one_keeps_the_node_from_starting(town: Town, oracle: Oracle) -> None:
    leave_backlog(town)
    town.devnet.stop()
    (town.devnet.folder / "anvil-state.json").unlink()
    other = type(town.devnet).start(town.devnet.folder, block_time=1)
    try:
        town.node.set(rpc_url=other.rpc_url)
        town.node.start()
        assert town.node.await_end() == 1
    finally:
        other.stop()
    assert len(oracle.leaves()[1]) == len(town.notes.written)


def index_halted(oracle: Oracle) -> bool:
    return bool(oracle.rows("SELECT value FROM node_state WHERE key = 'index_halted'"))


def final_block(oracle: Oracle) -> int:
    rows = oracle.rows("SELECT value FROM node_state WHERE key = 'final_block'")
    return int(rows[0][0]) if rows else -1

"""Killed between accepting a leaf and its anchor: restarted, each leaf is anchored exactly once."""

from __future__ import annotations

import pytest

from crash.backlog import SEND, leave_backlog
from crash.oracle import Oracle
from crash.rpc_between import Answer, Ask, Request, RpcBetween, rpc_between
from crash.town import Town
from crash.verifier import keccak
from crash.waiting import await_that

pytestmark = [pytest.mark.chain, pytest.mark.slow]
STUCK_GWEI = 60
"""A base fee that no previous transaction offers, and that the node's settings allow to pay."""


def count(oracle: Oracle, table: str) -> int:
    return int(oracle.rows(f"SELECT count(*) FROM {table}")[0][0])  # noqa: S608


def test_while_closing_the_batch_is_closed_again(town: Town, oracle: Oracle) -> None:
    leave_backlog(town)
    town.node.die_at("statement:batch")
    assert count(oracle, "batch") == 0

    town.node.serve()
    oracle.await_anchored()
    assert oracle.judge().batches == 1


def test_closed_and_unsigned_the_batch_is_signed_as_it_was_closed(town: Town, oracle: Oracle) -> None:
    leave_backlog(town)
    town.node.die_at("after-commit:batch")
    closed = oracle.rows("SELECT log, first, root FROM batch")
    assert len(closed) == 1 and count(oracle, "attempt") == 0

    town.node.serve()
    oracle.await_anchored()
    oracle.judge()
    assert oracle.rows("SELECT log, first, root FROM batch") == closed


def test_signed_and_unsent_the_same_bytes_are_sent(town: Town, oracle: Oracle) -> None:
    leave_backlog(town)
    town.node.die_at(f"before-call:{SEND}")
    assert count(oracle, "attempt") == 1 and town.chain.nonce(town.operator) == 0

    town.node.serve()
    oracle.await_anchored()
    verdict = oracle.judge()
    assert (verdict.attempts, verdict.transactions) == (1, 1)


def test_sent_and_the_reply_lost_it_is_not_signed_again(town: Town, oracle: Oracle) -> None:
    leave_backlog(town)
    town.node.die_at(f"after-call:{SEND}")

    town.node.serve()
    oracle.await_anchored()
    verdict = oracle.judge()
    assert (verdict.attempts, verdict.transactions) == (1, 1)


def test_already_known_is_no_failure(town: Town, oracle: Oracle) -> None:
    leave_backlog(town)
    town.chain.hold()
    town.node.die_at(f"after-call:{SEND}")
    assert set(town.chain.pending_of(town.operator)) == {0}

    town.node.serve()
    town.node.await_log("already known")
    town.chain.resume()
    oracle.await_anchored()
    verdict = oracle.judge()
    assert (verdict.attempts, verdict.transactions) == (1, 1)


def test_nonce_too_low_for_what_was_mined_meanwhile_signs_nothing_again(town: Town, oracle: Oracle) -> None:
    leave_backlog(town)
    with rpc_between(town.devnet.rpc_url) as between:

        def mine_first(request: Request, ask: Ask) -> Answer:
            ask(request)
            town.chain.mine()
            answer = ask(request)
            assert "nonce too low" in answer["error"]["message"]
            return answer

        between.rules[SEND] = mine_first
        town.node.set(rpc_url=between.url)
        town.node.die_at(f"after-call:{SEND}")
        town.node.serve()
        oracle.await_anchored()
        verdict = oracle.judge()
        town.node.kill()
    assert (verdict.attempts, verdict.transactions) == (1, 1)


def test_underpriced_it_is_replaced_with_the_same_nonce(town: Town, oracle: Oracle) -> None:
    leave_backlog(town)
    town.node.set(fee_bump_after_seconds=1.0)
    town.node.die_at(f"before-call:{SEND}")
    town.chain.hold()
    town.chain.set_base_fee(STUCK_GWEI)
    town.chain.mine()

    town.node.serve()
    town.node.await_log("underpriced")
    town.chain.resume()
    oracle.await_anchored()
    verdict = oracle.judge()
    assert verdict.transactions == 1 and verdict.attempts > 1
    assert town.chain.nonce(town.operator) == 1


def test_mined_while_down_it_is_not_sent_again(town: Town, oracle: Oracle) -> None:
    leave_backlog(town)
    town.chain.hold()
    town.node.die_at(f"after-call:{SEND}")
    town.chain.mine(3)
    town.chain.resume()

    town.node.serve()
    oracle.await_anchored()
    verdict = oracle.judge()
    assert (verdict.attempts, verdict.transactions) == (1, 1)


def test_original_mined_and_not_the_replacement_counts_as_anchored(town: Town, oracle: Oracle) -> None:
    leave_backlog(town)
    town.node.set(fee_bump_after_seconds=1.0)
    with rpc_between(town.devnet.rpc_url) as between:
        swallowed = swallow_first(between)
        town.node.set(rpc_url=between.url)
        town.node.die_at("after-commit:attempt:2")
        original, replacement = oracle.rows("SELECT nonce, tx_hash FROM attempt ORDER BY id")
        assert original.nonce == replacement.nonce == 0
        sent_hash = town.chain.ask(SEND, swallowed[0])
        assert sent_hash == "0x" + bytes(original.tx_hash).hex()
        await_that("the original is mined", lambda: town.chain.receipt(sent_hash))

        town.node.serve()
        oracle.await_anchored()
        verdict = oracle.judge()
        town.node.kill()
    assert (verdict.attempts, verdict.transactions) == (2, 1)


def test_lower_nonce_stuck_is_freed_before_anything_else_is_sent(town: Town, oracle: Oracle) -> None:
    leave_backlog(town)
    with rpc_between(town.devnet.rpc_url) as between:
        swallow_first(between)
        town.node.set(rpc_url=between.url)
        town.node.serve()
        await_that("the backlog is closed", lambda: count(oracle, "batch") == 1)
        town.write("title-late")
        await_that("the late batch is closed", lambda: count(oracle, "batch") == 2)
        town.node.kill()
        assert {row.nonce for row in oracle.rows("SELECT nonce FROM attempt")} == {0}, "nothing overtakes"

        town.node.set(fee_bump_after_seconds=1.0)
        town.node.serve()
        oracle.await_anchored()
        verdict = oracle.judge()
        town.node.kill()
    assert verdict.transactions == 2 and verdict.attempts > 2


def swallow_first(between: RpcBetween) -> list[str]:
    """The endpoint takes the first transaction that it is sent, however often, and never passes it on. Its
    raw bytes are in the list once it came.
    """
    swallowed: list[str] = []

    def swallow(request: Request, ask: Ask) -> Answer:
        raw: str = request["params"][0]
        swallowed.extend([] if swallowed else [raw])
        if raw != swallowed[0]:
            return ask(request)
        return {"jsonrpc": "2.0", "id": request["id"], "result": "0x" + keccak(bytes.fromhex(raw[2:])).hex()}

    between.rules[SEND] = swallow
    return swallowed


def test_mined_with_status_0_it_is_signed_anew(town: Town, oracle: Oracle) -> None:
    leave_backlog(town)
    town.node.die_at(f"before-call:{SEND}")
    code = town.chain.ask("eth_getCode", town.ledger, "latest")
    town.chain.ask("anvil_setCode", town.ledger, "0xfe")  # refuses everything, and takes all gas
    town.node.die_at(f"after-call:{SEND}")
    await_that("it is mined and failed", lambda: town.chain.nonce(town.operator) == 1)
    town.chain.ask("anvil_setCode", town.ledger, code)

    town.node.serve()
    oracle.await_anchored()
    assert oracle.judge(failed=1).transactions == 2

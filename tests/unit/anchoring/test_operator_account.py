from __future__ import annotations

import itertools

import pytest

from cityledger.chain.contracts.record_ledger import Batch
from cityledger.errors import ChainError, ChainUnavailableError
from cityledger.store import node_state
from cityledger.store.anchoring import attempts
from cityledger.store.tables import attempt_batch
from cityledger.types import HaltCause, LogId
from support.chain.anchoring_node import BUMP_AFTER_SECONDS, MAX_FEE, Anchoring
from support.chain.memory_ledger import OPERATOR


def tick(anchoring: Anchoring) -> None:
    anchoring.catch_up()
    anchoring.anchorer.tick()


def sent(anchoring: Anchoring) -> None:
    """A batch is under way, and priced out: blocks go by without it."""
    anchoring.write(1, 2)
    tick(anchoring)
    anchoring.ledger.base_fee = 50
    anchoring.ledger.mine()
    anchoring.wait(1)
    anchoring.catch_up()


def fees(anchoring: Anchoring) -> list[int]:
    """The highest fee of each signed transaction, oldest first."""
    with anchoring.database.reading() as connection:
        signed = attempts.list_attempts(connection, OPERATOR, 0)
    return [anchoring.ledger.read(one.raw).fees.max_fee for one in reversed(signed)]


def pooled(anchoring: Anchoring) -> list[Batch]:
    return anchoring.ledger.read(anchoring.ledger.pool[0]).call.data  # type: ignore[return-value]


def test_push_replaces_what_is_not_mined_for_so_long(anchoring: Anchoring) -> None:
    sent(anchoring)
    original = pooled(anchoring)

    anchoring.wait(BUMP_AFTER_SECONDS)
    tick(anchoring)

    assert anchoring.attempts() == [(0, 0), (0, 1)]
    assert fees(anchoring)[1] >= 2 * anchoring.ledger.base_fee
    assert pooled(anchoring) == original
    anchoring.step()
    assert anchoring.anchored(1) == [(0, 2)]


def test_push_does_not_replace_before(anchoring: Anchoring) -> None:
    sent(anchoring)

    anchoring.wait(BUMP_AFTER_SECONDS - 2)
    tick(anchoring)

    assert anchoring.attempts() == [(0, 0)]


def test_push_does_not_replace_while_the_chain_makes_no_blocks(anchoring: Anchoring) -> None:
    anchoring.write(1)
    tick(anchoring)

    anchoring.wait(10 * BUMP_AFTER_SECONDS)
    anchoring.anchorer.tick()

    assert anchoring.attempts() == [(0, 0)]


def test_push_gives_what_came_late_into_the_pool_its_time(anchoring: Anchoring) -> None:
    anchoring.ledger.hears_transactions = False
    anchoring.write(1)
    anchoring.catch_up()
    with pytest.raises(ChainUnavailableError):
        anchoring.anchorer.tick()
    anchoring.ledger.mine()
    anchoring.wait(10 * BUMP_AFTER_SECONDS)
    anchoring.ledger.hears_transactions = True

    tick(anchoring)

    assert anchoring.attempts() == [(0, 0)]


def test_push_replaces_at_once_what_the_endpoint_calls_underpriced(anchoring: Anchoring) -> None:
    sent(anchoring)
    anchoring.ledger.pool.clear()

    tick(anchoring)

    assert anchoring.attempts() == [(0, 0), (0, 1)]


def test_push_raises_by_an_eighth_at_least(anchoring: Anchoring) -> None:
    sent(anchoring)
    for _ in range(3):
        anchoring.wait(BUMP_AFTER_SECONDS)
        anchoring.chain.mine()
        tick(anchoring)
        anchoring.ledger.base_fee = 1000

    offered = fees(anchoring)
    assert len(offered) == 4
    assert all(8 * later >= 9 * earlier for earlier, later in itertools.pairwise(offered))


def test_push_waits_at_the_limit_says_so_and_continues_sending(
    anchoring: Anchoring, caplog: pytest.LogCaptureFixture
) -> None:
    sent(anchoring)
    anchoring.ledger.base_fee = 10 * MAX_FEE
    for _ in range(3):
        anchoring.wait(BUMP_AFTER_SECONDS)
        anchoring.chain.mine()
        tick(anchoring)

    assert fees(anchoring)[-1] == MAX_FEE
    assert anchoring.attempts() == [(0, 0), (0, 1)]
    assert anchoring.anchorer.account.waits_at_cap
    assert "attempt waits" in caplog.text
    before = len(anchoring.ledger.broadcasts)
    tick(anchoring)
    assert len(anchoring.ledger.broadcasts) > before
    anchoring.ledger.base_fee = 1
    anchoring.step()
    anchoring.step()
    assert anchoring.anchored(1) == [(0, 2)]
    assert not anchoring.anchorer.account.waits_at_cap


def test_original_that_is_mined_instead_of_its_replacement_counts(anchoring: Anchoring) -> None:
    sent(anchoring)
    original = anchoring.ledger.pool[0]
    anchoring.wait(BUMP_AFTER_SECONDS)
    tick(anchoring)
    anchoring.ledger.pool[0] = original  # the miner never received the other
    anchoring.ledger.base_fee = 1
    anchoring.ledger.mine()

    for _ in range(3):
        anchoring.step()

    assert anchoring.anchored(1) == [(0, 2)]
    assert len(anchoring.ledger.mined_at) == 1


def test_replacement_carries_what_the_original_did(anchoring: Anchoring) -> None:
    sent(anchoring)
    anchoring.wait(BUMP_AFTER_SECONDS)
    tick(anchoring)

    with anchoring.database.reading() as connection:
        rows = connection.execute(attempt_batch.select().order_by(attempt_batch.c.attempt)).all()
    assert [(row.log, row.first) for row in rows] == [(1, 0), (1, 0)]


def test_restart_sends_the_newest_replacement(anchoring: Anchoring) -> None:
    sent(anchoring)
    anchoring.wait(BUMP_AFTER_SECONDS)
    tick(anchoring)
    newest = anchoring.ledger.pool[0]
    anchoring.ledger.pool.clear()

    anchoring.restart()
    tick(anchoring)

    assert anchoring.ledger.pool[0] == newest


def test_every_nonce_that_a_reorg_dropped_is_sent_again_lowest_first(anchoring: Anchoring) -> None:
    for _ in range(3):
        anchoring.write(1)
        anchoring.step()
    anchoring.ledger.reorg(3, keeps=False)
    anchoring.chain.mine()
    for _ in range(3):
        anchoring.chain.mine()
    anchoring.ledger.broadcasts.clear()

    tick(anchoring)

    assert [anchoring.ledger.read(raw).nonce for raw in anchoring.ledger.broadcasts] == [0, 1, 2]
    anchoring.step()
    assert anchoring.anchored(1) == [(0, 1), (1, 1), (2, 1)]
    assert anchoring.attempts() == [(0, 0), (1, 0), (2, 0)]


def test_nonces_before_the_first_use_are_not_checked(anchoring: Anchoring) -> None:
    with anchoring.database.writing() as connection:
        connection.exec_driver_sql("DELETE FROM operator_account")
    for _ in range(3):
        anchoring.ledger.use_nonce()
    anchoring.step()
    anchoring.write(1)

    anchoring.step()

    assert anchoring.anchored(1) == [(0, 1)]
    assert anchoring.attempts() == [(3, 0)]


def test_nonce_ahead_of_what_was_signed_halts_every_log(anchoring: Anchoring) -> None:
    anchoring.ledger.use_nonce()
    anchoring.write(1)

    for _ in range(3):
        assert anchoring.halted(1) is None
        anchoring.chain.mine()
        tick(anchoring)

    assert [anchoring.halted(1), anchoring.halted(2)] == [HaltCause.ACCOUNT_USED_ELSEWHERE] * 2
    assert anchoring.halt_detail(1) == f"{OPERATOR} has used 1 nonces, this database knows of 0"
    assert anchoring.attempts() == []


def test_signed_nonce_that_another_transaction_took_halts_every_log(anchoring: Anchoring) -> None:
    sent(anchoring)
    anchoring.ledger.use_nonce()

    for _ in range(3):
        assert anchoring.halted(1) is None
        anchoring.chain.mine()
        tick(anchoring)

    assert [anchoring.halted(1), anchoring.halted(2)] == [HaltCause.ACCOUNT_USED_ELSEWHERE] * 2
    assert "nonce 0" in str(anchoring.halt_detail(1))
    assert anchoring.attempts() == [(0, 0)], "nothing was signed while it was in doubt"


def test_nothing_is_signed_at_a_lower_block_than_one_that_was_acted_on(anchoring: Anchoring) -> None:
    for _ in range(3):
        anchoring.chain.mine()
    anchoring.write(1)
    anchoring.step()
    anchoring.ledger.reorg(3, keeps=False)
    anchoring.chain.mine()
    anchoring.ledger.broadcasts.clear()

    tick(anchoring)
    assert anchoring.ledger.broadcasts == []
    anchoring.chain.mine()
    tick(anchoring)

    assert len(anchoring.ledger.broadcasts) == 1


def test_cursor_that_the_endpoint_does_not_know_is_not_acted_on(anchoring: Anchoring) -> None:
    anchoring.write(1)
    anchoring.ledger.reorg(1, keeps=False)
    anchoring.chain.mine()  # and the indexer has not seen it

    with pytest.raises(ChainError):
        anchoring.anchorer.tick()

    assert anchoring.attempts() == []


def test_halted_index_stops_anchoring(anchoring: Anchoring) -> None:
    anchoring.write(1)
    with anchoring.database.writing() as connection:
        node_state.put_value(connection, node_state.INDEX_HALTED, "for a test")

    anchoring.anchorer.tick()

    assert anchoring.attempts() == []
    with anchoring.database.reading() as connection:
        assert attempts.find_end(connection, OPERATOR) == (0, -1)
        assert attempts.list_skips(connection, LogId(1), 0, 0) == []

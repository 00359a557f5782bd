from __future__ import annotations

import pytest

from cityledger.errors import LogHaltedError
from cityledger.store.anchoring import logs
from cityledger.types import Address, HaltCause, LogId
from support.chain.anchoring_node import Anchoring
from support.chain.memory_ledger import OPERATOR

STRANGER = Address("0x" + "44" * 20)


def test_closed_log_halts_before_more_is_promised_in_it(anchoring: Anchoring) -> None:
    anchoring.ledger.close_log(1)

    anchoring.step()

    assert anchoring.halted(1) is HaltCause.REFUSED_CLOSED
    assert anchoring.halt_detail(1) == "closed on chain at 0 leaves"
    with pytest.raises(LogHaltedError):
        anchoring.write(1)
    assert anchoring.attempts() == []


def test_rotated_operator_halts_only_that_log_and_costs_no_gas(anchoring: Anchoring) -> None:
    anchoring.write(1)
    anchoring.write(2)
    anchoring.ledger.rotate_operator(1, STRANGER)

    anchoring.step()

    assert [anchoring.halted(1), anchoring.halted(2)] == [HaltCause.REFUSED_OPERATOR, None]
    assert anchoring.anchored(2) == [(0, 1)]
    assert len(anchoring.ledger.mined_at) == 1


def test_operator_rotated_away_and_back_in_between_halts_nothing(anchoring: Anchoring) -> None:
    anchoring.write(1)
    anchoring.catch_up()
    anchoring.anchorer.tick()
    anchoring.ledger.rotate_operator(1, STRANGER)
    anchoring.ledger.mine()
    anchoring.ledger.rotate_operator(1, OPERATOR)

    anchoring.step()

    assert anchoring.halted(1) is None
    assert anchoring.anchored(1) == [(0, 1)]


def test_batch_whose_transactions_fail_three_times_halts_its_log(anchoring: Anchoring) -> None:
    anchoring.ledger.is_failing = True
    anchoring.write(1)
    for _ in range(6):
        anchoring.step()

    assert anchoring.halted(1) is HaltCause.FAILING_TRANSACTION
    assert anchoring.halted(2) is None
    assert len(anchoring.ledger.mined_at) == 3, "no more gas is spent on it"
    anchoring.ledger.is_failing = False
    anchoring.write(2)
    anchoring.step()
    assert anchoring.anchored(2) == [(0, 1)]


def test_two_failures_are_forgiven_by_a_success(anchoring: Anchoring) -> None:
    anchoring.ledger.is_failing = True
    anchoring.write(1)
    for _ in range(2):
        anchoring.step()
    anchoring.ledger.is_failing = False

    anchoring.step()

    assert anchoring.halted(1) is None
    assert anchoring.anchored(1) == [(0, 1)]


def test_failures_before_a_resume_do_not_count_again(anchoring: Anchoring) -> None:
    anchoring.ledger.is_failing = True
    anchoring.write(1)
    for _ in range(4):
        anchoring.step()
    with anchoring.database.writing() as connection:
        logs.resume(connection, LogId(1), len(anchoring.ledger.mined_at))

    anchoring.step()
    assert anchoring.halted(1) is None
    anchoring.ledger.is_failing = False
    anchoring.step()

    assert anchoring.anchored(1) == [(0, 1)]


def test_log_whose_opening_a_reorg_undid_waits(anchoring: Anchoring) -> None:
    anchoring.write(2)
    anchoring.ledger.reorg(len(anchoring.chain.blocks) - 2, keeps=False)
    for _ in range(6):
        anchoring.chain.mine()

    anchoring.step()

    assert anchoring.halted(2) is None
    assert anchoring.attempts() == []

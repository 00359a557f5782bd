from __future__ import annotations

import pytest

from cityledger.anchoring.resuming import LogResumer, Resumed
from cityledger.errors import NotFoundError
from cityledger.store.anchoring import logs
from cityledger.store.tables import attempt_batch, batch, leaf, log_head
from cityledger.types import Address, HaltCause, LogId
from support.chain.anchoring_node import Anchoring
from support.chain.memory_ledger import OPERATOR

STRANGER = Address("0x" + "44" * 20)


def resume(anchoring: Anchoring, log: int = 1, *, new_baseline: bool = False) -> Resumed:
    ledger = anchoring.ledger
    resumer = LogResumer(anchoring.database, ledger, ledger, OPERATOR)  # type: ignore[arg-type]
    return resumer.resume(LogId(log), new_baseline=new_baseline)


def cause(resumed: Resumed) -> HaltCause | None:
    return None if resumed.halt is None else resumed.halt.cause


def halt(anchoring: Anchoring, why: HaltCause) -> None:
    with anchoring.database.writing() as connection:
        logs.halt(connection, LogId(1), why, "for a test")


def forget_leaves(anchoring: Anchoring) -> None:
    """As after restoring an old backup."""
    with anchoring.database.writing() as connection:
        for table in (attempt_batch, batch, leaf):
            connection.execute(table.delete().where(table.c.log == 1))
        connection.execute(log_head.update().where(log_head.c.log == 1).values(next_seq=0))


def test_resume_succeeds_once_the_operator_is_ours_again(anchoring: Anchoring) -> None:
    anchoring.write(1)
    anchoring.ledger.rotate_operator(1, STRANGER)
    anchoring.step()
    assert cause(resume(anchoring)) is HaltCause.REFUSED_OPERATOR
    anchoring.ledger.rotate_operator(1, OPERATOR)

    assert resume(anchoring).logs == (1,)

    anchoring.step()
    assert anchoring.anchored(1) == [(0, 1)]


def test_resume_never_lets_a_closed_log_go_on(anchoring: Anchoring) -> None:
    anchoring.ledger.close_log(1)
    anchoring.step()
    assert cause(resume(anchoring)) is HaltCause.REFUSED_CLOSED
    assert anchoring.halted(1) is HaltCause.REFUSED_CLOSED


def test_resume_refuses_a_log_that_the_chain_is_ahead_of(anchoring: Anchoring) -> None:
    anchoring.write(1, 2)
    anchoring.step()
    forget_leaves(anchoring)
    anchoring.step()
    assert cause(resume(anchoring)) is HaltCause.CHAIN_AHEAD


def test_resume_refuses_another_root_even_where_the_cause_named_is_another(anchoring: Anchoring) -> None:
    anchoring.write(1, 2)
    anchoring.step()
    with anchoring.database.writing() as connection:
        connection.execute(batch.update().values(root=bytes(32)))
    halt(anchoring, HaltCause.REFUSED_OTHER)
    assert cause(resume(anchoring)) is HaltCause.OTHER_ROOT


def test_resume_refuses_batches_that_end_elsewhere(anchoring: Anchoring) -> None:
    anchoring.write(1, 2)
    anchoring.step()
    anchoring.write(1)
    with anchoring.database.writing() as connection:
        connection.execute(batch.update().values(size=3))
    halt(anchoring, HaltCause.REFUSED_OTHER)
    assert cause(resume(anchoring)) is HaltCause.OTHER_ROOT


def test_resume_refuses_a_log_that_the_chain_does_not_have(anchoring: Anchoring) -> None:
    halt(anchoring, HaltCause.REFUSED_OTHER)
    del anchoring.ledger.logs[LogId(1)]
    assert cause(resume(anchoring)) is HaltCause.REFUSED_OTHER


def test_resume_after_failing_transactions_tries_again(anchoring: Anchoring) -> None:
    anchoring.ledger.is_failing = True
    anchoring.write(1)
    for _ in range(4):
        anchoring.step()
    anchoring.ledger.is_failing = False

    assert resume(anchoring).logs == (1,)

    anchoring.step()
    assert anchoring.anchored(1) == [(0, 1)]


def test_resume_needs_a_new_baseline_where_the_account_was_used_elsewhere(anchoring: Anchoring) -> None:
    anchoring.ledger.use_nonce()
    anchoring.write(1)
    for _ in range(3):
        anchoring.chain.mine()
        anchoring.step()
    assert cause(resume(anchoring)) is HaltCause.ACCOUNT_USED_ELSEWHERE

    assert resume(anchoring, new_baseline=True).logs == (1, 2)

    anchoring.step()
    assert anchoring.anchored(1) == [(0, 1)]
    assert anchoring.attempts() == [(1, 0)]


def test_resume_is_undone_by_no_tick_that_finds_the_same_as_before(anchoring: Anchoring) -> None:
    anchoring.ledger.use_nonce()
    for _ in range(3):
        anchoring.chain.mine()
        anchoring.step()
    resume(anchoring, new_baseline=True)
    for _ in range(5):
        anchoring.write(1)
        anchoring.step()
    assert anchoring.halted(1) is None
    assert anchoring.attempts() == [(nonce, 0) for nonce in range(1, 6)]


def test_resume_leaves_a_log_that_is_not_halted_alone(anchoring: Anchoring) -> None:
    assert resume(anchoring) == Resumed()


def test_resume_names_a_log_that_this_node_does_not_write(anchoring: Anchoring) -> None:
    with pytest.raises(NotFoundError, match="log of this node: 9"):
        resume(anchoring, 9)

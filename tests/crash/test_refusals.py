"""The chain refuses what was signed before the crash: the log halts with its cause, others continue."""

from __future__ import annotations

import pytest

from cityledger.errors import CityledgerError
from cityledger.types import LogId
from crash.backlog import SEND, leave_backlog
from crash.oracle import RECEIPTS, RECORDS, Oracle
from crash.town import LAND, LAND_ACCOUNT, OPERATOR, Town
from crash.waiting import await_that
from support.city.deployed_city import GUARD, address

pytestmark = [pytest.mark.chain, pytest.mark.slow]
STRANGER = 9


def halted(oracle: Oracle) -> dict[int, str]:
    return {row.log: row.halted for row in oracle.rows("SELECT log, halted FROM log_head") if row.halted}


def test_partly_skipped_one_log_halts_and_the_other_is_anchored(town: Town, oracle: Oracle) -> None:
    leave_backlog(town, writes=2, reads=2)
    town.node.die_at(f"before-call:{SEND}")
    town.send(LAND_ACCOUNT, town.city.contracts.ledger.close_log(LogId(RECEIPTS)))

    town.node.start()
    await_that("the closed log halts", lambda: halted(oracle) == {RECEIPTS: "refused-closed"})
    oracle.await_anchored()
    verdict = oracle.judge(halted={RECEIPTS: "refused-closed"})
    assert (verdict.batches, verdict.transactions) == (1, 1)


def test_operator_rotated_in_between_the_log_halts_until_it_is_resumed(town: Town, oracle: Oracle) -> None:
    leave_backlog(town)
    town.node.die_at(f"before-call:{SEND}")
    ledger = town.city.contracts.ledger
    town.send(LAND_ACCOUNT, ledger.set_operator(LogId(RECORDS), address(STRANGER)))
    town.node.start()
    await_that("the log halts", lambda: halted(oracle) == {RECORDS: "refused-operator"})
    assert oracle.judge(halted={RECORDS: "refused-operator"}).batches == 0
    town.node.kill()

    town.send(LAND_ACCOUNT, ledger.set_operator(LogId(RECORDS), address(OPERATOR)))
    town.node.run("node", "resume-log", str(RECORDS), "--folder", str(town.node.folder))
    town.node.serve()
    oracle.await_anchored()
    verdict = oracle.judge()
    # One where the node saw the other operator before it sent what it had signed; two where that was skipped.
    assert verdict.batches == 1 and verdict.transactions == verdict.attempts in (1, 2)


def test_agency_suspended_between_close_and_mine_is_anchored_all_the_same(town: Town, oracle: Oracle) -> None:
    leave_backlog(town)
    town.node.die_at("after-commit:batch")
    town.send(GUARD, town.city.contracts.agencies.suspend(LAND))

    town.node.serve()
    oracle.await_anchored()
    assert oracle.judge().batches == 1
    with pytest.raises(CityledgerError):
        town.client().put_record(town.dataset, "title-new", {"title": b"{}"})

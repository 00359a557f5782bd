"""Killed while a key is released: whatever left the node has its receipt, and no receipt is an orphan."""

from __future__ import annotations

import pytest

from cityledger.errors import NodeUnreachableError
from crash.oracle import Oracle
from crash.town import Town

pytestmark = [pytest.mark.chain, pytest.mark.slow]


def test_after_the_receipt_commit_before_release_nothing_was_released(town: Town, oracle: Oracle) -> None:
    verify_killed_read(town, oracle, "after-commit:receipt")


def test_between_second_decision_and_send_nothing_was_released(town: Town, oracle: Oracle) -> None:
    verify_killed_read(town, oracle, "after:cityledger.exchange.gate.decide_again")


def verify_killed_read(town: Town, oracle: Oracle, point: str) -> None:
    town.node.serve()
    town.write()
    town.node.kill()
    town.node.serve(point)
    with pytest.raises(NodeUnreachableError):
        town.read()
    town.node.await_death()
    assert oracle.rows("SELECT count(*) FROM receipt")[0][0] == 1

    town.node.serve()
    assert town.read().receipts
    oracle.await_anchored()
    assert oracle.judge().receipts == 2

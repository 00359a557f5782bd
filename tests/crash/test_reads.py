"""Killed while a key is released: whatever left the node has its receipt, and no receipt is an orphan."""

from __future__ import annotations

import pytest

from cityledger.errors import NodeUnreachableError
from crash.oracle import Oracle
from crash.town import Town

pytestmark = [pytest.mark.chain, pytest.mark.slow]


@pytest.mark.parametrize(
    "point",
    ["after-commit:receipt", "after:cityledger.exchange.gate.decide_again"],
    ids=["after_the_receipt_commit_before_release", "between_second_decision_and_send"],
)
def test_killed_within_a_read_the_receipt_stays_and_nothing_was_released(
    town: Town, oracle: Oracle, point: str
) -> None:
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

"""Killed while something is written: what was acknowledged is there; what was not, once or not at all."""

from __future__ import annotations

import pytest

from cityledger.errors import NodeUnreachableError
from crash.oracle import Oracle
from crash.town import Town

pytestmark = [pytest.mark.chain, pytest.mark.slow]


def test_before_the_leaf_commit_nothing_is_written(town: Town, oracle: Oracle) -> None:
    town.node.serve("before-commit:record_version:2")
    town.write("title-1")
    with pytest.raises(NodeUnreachableError):
        town.write("title-2")
    town.node.await_death()

    town.node.serve()
    assert oracle.rows("SELECT count(*) FROM record_version")[0][0] == 1
    assert town.write("title-2").version == 1
    oracle.await_anchored()
    assert oracle.judge().leaves == 2


def test_after_the_leaf_commit_and_before_the_answer_a_repeat_writes_nothing_twice(
    town: Town, oracle: Oracle
) -> None:
    town.node.serve("after-commit:record_version:2")
    town.write("title-1")
    with pytest.raises(NodeUnreachableError):
        town.write("title-2", idempotency_key="once")
    town.node.await_death()

    town.node.serve()
    assert oracle.rows("SELECT count(*) FROM record_version")[0][0] == 2
    assert town.write("title-2", idempotency_key="once").version == 1
    oracle.await_anchored()
    assert oracle.judge().leaves == 2

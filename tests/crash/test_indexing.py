"""Killed while the index follows: no event is applied by half, none twice, none left out."""

from __future__ import annotations

import pytest

from crash.backlog import leave_backlog
from crash.oracle import Oracle
from crash.town import Town

pytestmark = [pytest.mark.chain, pytest.mark.slow]


def test_indexer_killed_mid_block_reads_the_block_again(town: Town, oracle: Oracle) -> None:
    leave_backlog(town)
    town.node.die_at("statement:idx_batch")
    (batch,) = town.chain.anchored(town.ledger)
    cursor = oracle.rows("SELECT max(number) FROM block")[0][0]
    assert cursor < batch.block, "effects and cursor come together"
    assert oracle.rows("SELECT count(*) FROM idx_batch")[0][0] == 0

    town.node.serve()
    oracle.await_anchored()
    oracle.judge()

"""Anybody may send ``anchor`` and name another's log; the ledger then reports that it skipped the item."""

from __future__ import annotations

import pytest

from cityledger.chain.contracts.record_ledger import Skipped, SkipReason
from cityledger.store.index.queries import find_cursor
from cityledger.types import LogId
from support.chain.anchoring_node import Anchoring


@pytest.mark.parametrize("reason", list(SkipReason))
def test_a_strangers_skipped_item_halts_nobodys_log(anchoring: Anchoring, reason: SkipReason) -> None:
    anchoring.chain.mine(Skipped(LogId(1), 0, 0, reason))
    anchoring.write(1, 2)

    anchoring.step()

    assert anchoring.halted(1) is None
    assert anchoring.anchored(1) == [(0, 2)]


@pytest.mark.parametrize(("log", "first"), [(1, 2**64 - 1), (2**64 - 1, 0), (2**63, 2**63)])
def test_a_skipped_item_beyond_what_sql_holds_does_not_stop_the_index(
    anchoring: Anchoring, log: int, first: int
) -> None:
    head = anchoring.chain.mine(Skipped(LogId(log), first, 0, SkipReason.UNKNOWN_LOG))

    anchoring.catch_up()

    with anchoring.database.reading() as connection:
        assert find_cursor(connection) == head

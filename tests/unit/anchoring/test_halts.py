from __future__ import annotations

import pytest

from cityledger.anchoring.halts import list_unresolved, next_step, next_step_of
from cityledger.store.anchoring.logs import LogHead, is_continued
from cityledger.types import AgencyId, HaltCause, LeafHash, LogId, LogKind


def head(log: int, halted: HaltCause | None = None, kind: LogKind = LogKind.RECORDS) -> LogHead:
    return LogHead(LogId(log), AgencyId(7), kind, 0, LeafHash(bytes(32)), halted, None, 0)


@pytest.mark.parametrize("cause", list(HaltCause))
def test_every_cause_has_a_next_step_that_names_a_command(cause: HaltCause) -> None:
    step = next_step_of(cause, LogId(3), "HEALTH")
    assert "`cityledger node " in step
    assert ("HEALTH" in step) or (" 3" in step)


def test_next_step_of_a_log_that_is_not_halted_is_empty() -> None:
    assert next_step(head(1), "HEALTH") == ""


def test_list_standing_leaves_out_what_a_newer_log_continues() -> None:
    old, new = head(1, HaltCause.CHAIN_AHEAD), head(3)
    other = head(2, HaltCause.REFUSED_CLOSED, LogKind.RECEIPTS)
    assert is_continued(old, [old, other, new])
    assert list_unresolved([old, other, new]) == [other]

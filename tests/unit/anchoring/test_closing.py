from __future__ import annotations

import pytest

from cityledger.anchoring import anchorer, closing
from cityledger.anchoring.closing import BatchLimits, close_due, round_robin
from cityledger.store.anchoring import batches, logs
from cityledger.store.anchoring.batches import Batch
from cityledger.types import AgencyId, HaltCause, LogId, LogKind
from support.chain.anchoring_node import Anchoring

LONG = 1_000.0


def close(anchoring: Anchoring, max_age: float, max_leaves: int, now: int = 0) -> list[tuple[int, int]]:
    """(first, count) of the batches of log 1 that are closed then."""
    close_due(anchoring.database, anchoring.journal, [AgencyId(1)], BatchLimits(max_age, max_leaves), now)
    with anchoring.database.reading() as connection:
        pending = batches.list_pending(connection, LogId(1), 0)
    return [(one.first, one.count) for one in pending]


def test_close_due_closes_what_is_full_and_leaves_the_rest_open(anchoring: Anchoring) -> None:
    anchoring.write(1, 7)
    assert close(anchoring, LONG, 3) == [(0, 3), (3, 3)]


@pytest.mark.parametrize(("now", "closed"), [(59, []), (60, [(0, 2)])])
def test_close_due_closes_by_the_age_of_the_oldest(
    anchoring: Anchoring, now: int, closed: list[tuple[int, int]]
) -> None:
    anchoring.write(1, 2)  # at 0
    assert close(anchoring, 60.0, 65_536, now) == closed


def test_close_due_closes_nothing_of_a_halted_log(anchoring: Anchoring) -> None:
    anchoring.write(1, 2)
    with anchoring.database.writing() as connection:
        logs.halt(connection, LogId(1), HaltCause.OTHER_ROOT, "for a test")
    assert close(anchoring, 0, 4) == []


def test_close_due_twice_closes_once(anchoring: Anchoring) -> None:
    anchoring.write(1, 2)
    assert close(anchoring, 0, 4) == close(anchoring, 0, 4) == [(0, 2)]


def test_insert_closed_leaves_it_to_who_was_quicker(anchoring: Anchoring) -> None:
    anchoring.write(1, 2)
    close(anchoring, 0, 4)
    late = Batch(LogId(1), 0, 1, bytes(32), 0)
    assert not anchoring.journal.run(lambda connection: batches.insert_closed(connection, late))


def test_close_due_rests_and_says_that_there_is_more(
    anchoring: Anchoring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(closing, "LEAVES_AT_ONCE", 4)
    anchoring.write(1, 6)
    limits = BatchLimits(0, 2)
    assert close_due(anchoring.database, anchoring.journal, [AgencyId(1)], limits, 0)
    assert close(anchoring, LONG, 2) == [(0, 2), (2, 2), (4, 2)]
    assert not close_due(anchoring.database, anchoring.journal, [AgencyId(1)], limits, 0)


def test_no_log_waits_for_all_of_another() -> None:
    assert list(round_robin([["a1", "a2", "a3"], [], ["c1"]])) == ["a1", "c1", "a2", "a3"]
    assert list(round_robin([])) == []


def test_53_agencies_with_two_logs_each_take_one_transaction(anchoring: Anchoring) -> None:
    for log in range(3, 107):
        anchoring.ledger.open_log(log, 1, LogKind.RECORDS)
    anchoring.step()
    for log in range(1, 107):
        anchoring.write(log)

    anchoring.step()

    assert all(anchoring.anchored(log) == [(0, 1)] for log in range(1, 107))
    assert len(anchoring.ledger.mined_at) == 1


def test_more_batches_than_a_transaction_holds_take_several(
    anchoring: Anchoring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(anchorer, "ITEMS_PER_TRANSACTION", 2)
    for log in (3, 4, 5):
        anchoring.ledger.open_log(log, 1, LogKind.RECORDS)
    anchoring.step()
    anchoring.write(1, 12)  # three batches
    for log in (2, 3, 4, 5):
        anchoring.write(log)

    anchoring.step()
    assert [anchoring.anchored(1), anchoring.anchored(2)] == [[(0, 4)], [(0, 1)]], "each log in its turn"
    for _ in range(3):
        anchoring.step()

    assert anchoring.anchored(1) == [(0, 4), (4, 4), (8, 4)]
    assert anchoring.anchored(5) == [(0, 1)]
    assert len(anchoring.ledger.mined_at) == 4

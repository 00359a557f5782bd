from __future__ import annotations

from cityledger.anchoring.overview import LogOverview, overview_of
from cityledger.store.anchoring.batches import Tally
from cityledger.types import HaltCause, LogKind
from support.chain.anchoring_node import Anchoring


def overview(anchoring: Anchoring, log: int = 1) -> LogOverview:
    with anchoring.database.reading() as connection:
        return next(one for one in overview_of(connection) if one.head.log == log)


def test_overview_counts_batches_by_state(anchoring: Anchoring) -> None:
    anchoring.write(1, 2)
    anchoring.step()
    for _ in range(anchoring.chain.final_depth):
        anchoring.chain.mine()
    anchoring.write(1, 2)
    anchoring.step()
    anchoring.write(1, 2)
    anchoring.anchorer.tick()  # signs, and nothing is mined
    anchoring.write(1, 3)
    anchoring.anchorer.tick()  # closes only
    anchoring.write(1, 1)

    found = overview(anchoring)

    assert found.tally == Tally(closed=1, signed=1, mined=1, final=1)
    assert (found.open_leaves, found.head.next_seq, found.unanchored_since) == (1, 10, 0)


def test_overview_of_a_log_that_the_chain_holds_whole_has_no_oldest_leaf(anchoring: Anchoring) -> None:
    assert overview(anchoring).unanchored_since is None
    anchoring.write(1)
    anchoring.step()
    assert overview(anchoring).unanchored_since is None


def test_overview_names_the_next_step_of_a_halted_log(anchoring: Anchoring) -> None:
    anchoring.ledger.close_log(1)
    anchoring.step()

    found = overview(anchoring)

    assert found.head.halted is HaltCause.REFUSED_CLOSED
    assert "cityledger node link 1" in found.next_step
    assert overview(anchoring, 2).next_step == ""


def test_overview_of_a_halted_log_whose_place_is_taken_asks_for_nothing(anchoring: Anchoring) -> None:
    anchoring.ledger.close_log(1)
    anchoring.step()
    anchoring.ledger.open_log(3, 1, LogKind.RECORDS)
    anchoring.step()

    found = overview(anchoring)

    assert found.is_continued
    assert found.next_step == ""

"""An endpoint left out one of two events of a kind, which no bloom filter shows. The log's batch was signed
again and again, and skipped each time, because the chain had it.
"""

from __future__ import annotations

from cityledger.chain.contracts.record_ledger import BatchAnchored
from cityledger.types import HaltCause
from support.chain.anchoring_node import Anchoring


def test_log_halts_when_the_chain_waits_for_more_than_the_index_knows(anchoring: Anchoring) -> None:
    anchoring.write(1, 2)
    anchoring.write(2, 3)
    anchoring.catch_up()
    anchoring.anchorer.tick()
    anchoring.ledger.mine()
    events = anchoring.chain.blocks[-1].events
    events.remove(next(one for one in events if isinstance(one.event, BatchAnchored) and one.event.log == 2))
    anchoring.catch_up()

    for _ in range(5):
        anchoring.step()

    assert anchoring.attempts() == [(0, 0), (1, 0)], "once more, so that it is reported"
    assert anchoring.halted(2) is HaltCause.REFUSED_OTHER
    assert anchoring.halt_detail(2) == "the chain waits for number 3, the index believes that it waits for 0"
    assert anchoring.halted(1) is None

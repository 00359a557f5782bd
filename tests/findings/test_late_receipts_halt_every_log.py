"""Three checks within one block, as moves of heads that wait make them, were enough to halt every log of a
node for a receipt that its endpoint was late with.
"""

from __future__ import annotations

import pytest

from cityledger.types import HaltCause
from support.chain.anchoring_node import Anchoring


def test_receipts_that_come_late_halt_nothing(anchoring: Anchoring, monkeypatch: pytest.MonkeyPatch) -> None:
    anchoring.write(1)
    anchoring.step()
    anchoring.write(1)
    with monkeypatch.context() as late:
        late.setattr(anchoring.ledger, "receipt", lambda _transaction: None)
        for _ in range(5):
            anchoring.anchorer.account.find_position()
        anchoring.chain.mine()
        anchoring.catch_up()
        anchoring.anchorer.tick()

    anchoring.step()

    assert [anchoring.halted(1), anchoring.halted(2)] == [None, None]
    assert anchoring.anchored(1) == [(0, 1), (1, 1)]


def test_receipts_that_never_come_halt(anchoring: Anchoring, monkeypatch: pytest.MonkeyPatch) -> None:
    anchoring.write(1)
    anchoring.step()
    monkeypatch.setattr(anchoring.ledger, "receipt", lambda _transaction: None)
    for _ in range(3):
        anchoring.chain.mine()
        anchoring.catch_up()
        anchoring.anchorer.tick()

    assert anchoring.halted(1) is HaltCause.ACCOUNT_USED_ELSEWHERE

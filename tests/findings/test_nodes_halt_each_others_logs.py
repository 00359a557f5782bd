"""Two nodes with agencies and accounts of their own shared a database, and each halted the other's logs."""

from __future__ import annotations

import pytest

from cityledger.store.anchoring import batches, logs
from cityledger.types import Address, AgencyId, HaltCause, LogId, LogKind
from support.chain.anchoring_node import Anchoring, _leaf

OTHERS_LOG, OTHERS_AGENCY, OTHERS_ACCOUNT = LogId(7), AgencyId(2), Address("0x" + "77" * 20)


@pytest.fixture
def shared(anchoring: Anchoring) -> Anchoring:
    """Its database is also that of a node that hosts agency 2 and has written two leaves in log 7."""
    anchoring.ledger.open_log(OTHERS_LOG, OTHERS_AGENCY, LogKind.RECORDS)
    anchoring.ledger.rotate_operator(OTHERS_LOG, OTHERS_ACCOUNT)
    anchoring.catch_up()
    with anchoring.database.writing() as connection:
        logs.open_head(connection, OTHERS_LOG, OTHERS_AGENCY, LogKind.RECORDS)
        for _ in range(2):
            logs.append(connection, OTHERS_LOG, 0, _leaf(OTHERS_LOG))
    return anchoring


def test_anchorer_leaves_logs_of_another_node_alone(shared: Anchoring) -> None:
    shared.write(1, 2)
    shared.step()
    shared.step()

    assert shared.anchored(1) == [(0, 2)]
    assert shared.halted(OTHERS_LOG) is None
    with shared.database.reading() as connection:
        assert batches.batched_end(connection, OTHERS_LOG) == 0, "nor does it close their batches"


def test_halted_account_halts_the_logs_of_its_own_node_only(shared: Anchoring) -> None:
    shared.ledger.use_nonce()
    for _ in range(3):
        shared.chain.mine()
        shared.step()

    assert shared.halted(1) is HaltCause.ACCOUNT_USED_ELSEWHERE
    assert shared.halted(OTHERS_LOG) is None

"""Of two batches of a log in one transaction the first came too late: another operator had anchored its own.
The second was accepted, only the last batch was compared, and the leaves of the first were neither anchored
nor their log halted.
"""

from __future__ import annotations

from cityledger.anchoring.halts import Halt
from cityledger.anchoring.resuming import LogResumer
from cityledger.chain.contracts.record_ledger import BatchAnchored
from cityledger.store.index.tables import idx_batch
from cityledger.types import Address, HaltCause, LogId
from support.chain.anchoring_node import Anchoring
from support.chain.memory_ledger import OPERATOR
from support.node.node_fixture import TestNode
from support.node.sample_records import TREATMENT_RECORD

OTHER = Address("0x" + "44" * 20)


def _two_batches_on_their_way(anchoring: Anchoring) -> None:
    """[0, 4) and [4, 6) of log 1, signed and sent; of log 2, one."""
    anchoring.write(1, 6)
    anchoring.write(2)
    anchoring.catch_up()
    anchoring.anchorer.tick()


def test_log_halts_where_another_batch_stands_beneath_its_last(anchoring: Anchoring) -> None:
    _two_batches_on_their_way(anchoring)
    ledger, log = anchoring.ledger, LogId(1)
    ledger.rotate_operator(log, OTHER)
    ledger.logs[log].next = 4
    anchoring.chain.mine(BatchAnchored(log, 0, 4, b"\x77" * 32))
    ledger.rotate_operator(log, OPERATOR)
    ledger.mine()

    anchoring.step()

    assert anchoring.anchored(1) == [(0, 4), (4, 2)]
    assert anchoring.halted(1) is HaltCause.OTHER_ROOT
    assert anchoring.halt_detail(1) == "the chain holds another batch at 0"
    assert anchoring.halted(2) is None
    resumer = LogResumer(anchoring.database, ledger, ledger, OPERATOR)  # type: ignore[arg-type]
    assert resumer.resume(log).halt == Halt(HaltCause.OTHER_ROOT, "the chain holds another batch at 0")


def test_log_goes_on_where_what_was_skipped_was_its_own(anchoring: Anchoring) -> None:
    _two_batches_on_their_way(anchoring)
    ledger, log = anchoring.ledger, LogId(1)
    ledger.rotate_operator(log, OTHER)
    ledger.mine()
    ledger.rotate_operator(log, OPERATOR)
    for _ in range(3):
        anchoring.step()
    anchoring.write(1)
    anchoring.step()

    assert anchoring.anchored(1) == [(0, 4), (4, 2), (6, 1)]
    assert anchoring.halted(1) is None


def test_no_proof_is_made_of_a_batch_that_the_chain_does_not_hold(node: TestNode) -> None:
    node.put(node.health, "visit", TREATMENT_RECORD)
    node.anchor_all()
    url, asking = node.url(node.health, "visit", "/proof"), node.headers("HEALTH", "reader")
    assert node.client.get(url, headers=asking).status_code == 200

    node.execute(idx_batch.update().where(idx_batch.c.log == 1).values(root=b"\x77" * 32))

    refused = node.client.get(url, headers=asking)
    assert (refused.status_code, refused.json()["code"]) == (503, "not-anchored")

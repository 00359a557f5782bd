"""An endpoint that is merely behind was taken for a reorg, and the index went back with it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cityledger.chain.contracts.data_catalog import PurposeSet
from cityledger.chain.follower import Tip
from cityledger.errors import StaleIndexError
from cityledger.exchange import gate
from cityledger.exchange.access import Access, Intent, Target
from cityledger.exchange.decisions import Ruling, rule
from cityledger.exchange.gate import pass_gate
from cityledger.sealing.record_ids import record_id
from cityledger.store.index.queries import find_cursor, is_purpose_known
from cityledger.types import Action, AgencyId, purpose_from_name
from support.chain.anchoring_node import Anchoring
from support.node.node_fixture import TestNode
from support.node.sample_records import TREATMENT_RECORD

TREATMENT = purpose_from_name("TREATMENT")


def test_index_keeps_what_it_knows_when_the_endpoint_lags(
    anchoring: Anchoring, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = anchoring.chain
    lagging = chain.mine()
    chain.mine(PurposeSet(TREATMENT, is_listed=True))
    head = chain.mine()
    anchoring.catch_up()

    monkeypatch.setattr(anchoring.indexer._follower, "tip", lambda _known: Tip(lagging, None))
    assert anchoring.indexer.step() is False

    with anchoring.database.reading() as connection:
        assert find_cursor(connection) == head
        assert is_purpose_known(connection, TREATMENT)


def test_gate_refuses_a_second_decision_at_a_lower_block(
    node: TestNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    node.put(node.health, "visit-1", TREATMENT_RECORD)
    key = node.context.services.keys_of(AgencyId(1)).record_key(node.health)
    target = Target(node.health, record_id(key, "visit-1"), parts=1)
    blocks = [7, 5]

    def rule_at(*arguments: object) -> Ruling:
        ruling = rule(*arguments)  # type: ignore[arg-type]
        return replace(ruling, block=replace(ruling.block, number=blocks.pop(0)))

    monkeypatch.setattr(gate, "rule", rule_at)
    with pytest.raises(StaleIndexError, match="went back"):
        access = Access(node.session("LAND", "reader"), Intent(Action.READ, TREATMENT), target)
        pass_gate(node.context.services, access)

"""A repeated request was answered from memory before the rules were asked."""

from __future__ import annotations

from cityledger.types import AgencyStatus
from support.node.node_fixture import TestNode
from support.node.sample_records import TREATMENT_RECORD


def test_a_suspended_agency_gets_no_old_answer(node: TestNode) -> None:
    def put() -> int:
        headers = {**node.headers("HEALTH", "writer"), "Idempotency-Key": "once"}
        answer = node.client.put(node.url(node.health, "visit-1"), json=TREATMENT_RECORD, headers=headers)
        return answer.status_code

    assert put() == 201
    assert put() == 201
    node.set_agency("HEALTH", status=int(AgencyStatus.SUSPENDED))

    assert put() == 403

"""Once, a provider could erase what was sealed by law: no legal hold."""

from __future__ import annotations

import pytest
from httpx import Response

from cityledger.errors import DeniedError
from cityledger.exchange.access import Access, Intent, Target
from cityledger.exchange.permits import request_permit
from cityledger.exchange.submit import erase
from cityledger.sealing.record_ids import record_id
from cityledger.store.receipts import list_receipts
from cityledger.types import OWN_DUTY, Action, AgencyId, ErasureReason
from support.node.node_fixture import TestNode
from support.node.sample_records import TREATMENT_RECORD

ERASE = Intent(Action.ERASE, OWN_DUTY)


@pytest.fixture
def target(node: TestNode) -> Target:
    node.put(node.health, "visit-1", TREATMENT_RECORD)
    key = node.context.services.keys_of(AgencyId(1)).record_key(node.health)
    return Target(node.health, record_id(key, "visit-1"))


def codes(node: TestNode) -> list[tuple[int, int]]:
    """Action and code of each receipt in the provider's log."""
    with node.context.services.database.reading() as connection:
        stored = list_receipts(connection, node.agency("HEALTH"), [node.agency("HEALTH")])
    return [(one.receipt.action, one.receipt.code) for one in stored]


def read(node: TestNode, query: str = "") -> Response:
    return node.client.get(node.url(node.health, "visit-1") + query, headers=node.headers("HEALTH", "reader"))


@pytest.mark.parametrize("reason", ["duty", "subject-request", "law", "written-in-error"])
def test_an_erasure_is_denied_and_named(node: TestNode, target: Target, reason: str) -> None:
    node.seal(target.dataset, target.record)
    url = node.url(node.health, "visit-1") + f"?reason={reason}"
    answer = node.client.delete(url, headers=node.headers("HEALTH", "writer"))
    assert (answer.status_code, answer.json()["code"], answer.json()["ruleCode"]) == (403, "denied", 41)
    assert "sealed by law" in answer.json()["detail"]
    assert read(node).is_success
    assert (Action.ERASE, 41) in codes(node)


def test_a_seal_that_comes_in_the_middle_of_an_erasure_keeps_the_keys(node: TestNode, target: Target) -> None:
    """The first decision permits; the one in the transaction that destroys the keys must not."""
    services = node.context.services
    permit = request_permit(services, Access(node.session("HEALTH", "writer"), ERASE, target))
    node.seal(target.dataset, target.record)
    with pytest.raises(DeniedError) as caught:
        erase(services, permit, ErasureReason.DUTY)
    assert caught.value.code == 41
    assert read(node).is_success
    assert (Action.ERASE, 41) in codes(node)


def test_a_permit_to_write_does_not_erase(node: TestNode, target: Target) -> None:
    node.seal(target.dataset, target.record)
    services, write = node.context.services, Intent(Action.WRITE, OWN_DUTY)
    permit = request_permit(services, Access(node.session("HEALTH", "writer"), write, target))
    with pytest.raises(ValueError, match="permit for WRITE does not permit ERASE"):
        erase(services, permit, ErasureReason.DUTY)


def test_a_sealed_record_is_still_written_and_withdrawn_which_destroys_nothing(
    node: TestNode, target: Target
) -> None:
    node.seal(target.dataset, target.record)
    node.put(node.health, "visit-1", TREATMENT_RECORD)
    withdrawn = node.client.post(
        node.url(node.health, "visit-1", "/withdraw"), headers=node.headers("HEALTH", "writer")
    )
    assert withdrawn.status_code == 200
    assert read(node, "?version=1").is_success, "a version that went before can no longer be opened"


def test_others_are_not_told_of_the_seal(node: TestNode, target: Target) -> None:
    node.seal(target.dataset, target.record)
    answers = [
        node.client.delete(
            node.url(node.health, name) + "?reason=duty", headers=node.headers("LAND", "writer", "TREATMENT")
        )
        for name in ("visit-1", "absent")
    ]
    assert len({(one.status_code, one.text) for one in answers}) == 1

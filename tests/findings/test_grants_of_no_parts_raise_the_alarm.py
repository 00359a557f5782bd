"""Once, a read under a grant of existence alone was permitted and then failed as for altered bytes."""

from __future__ import annotations

import base64

import pytest

from cityledger.types import purpose_from_name
from support.node.node_fixture import TestNode
from support.node.sample_records import TREATMENT_RECORD

TREATMENT = purpose_from_name("TREATMENT")


@pytest.fixture
def record(node: TestNode) -> str:
    node.put(node.health, "visit-1", TREATMENT_RECORD)
    node.grant(node.health, node.agency("LAND"), TREATMENT, 0)
    return "visit-1"


def test_a_read_is_denied_as_no_part_is_covered(node: TestNode, record: str) -> None:
    headers = node.headers("LAND", "reader", "TREATMENT")
    sealing_key = node.context.services.keys_of(node.agency("LAND")).sealing_key
    public = base64.urlsafe_b64encode(sealing_key.public_bytes).rstrip(b"=").decode()
    key = {"kem": int(sealing_key.kem), "sealingKey": public}
    answers = [
        node.client.get(node.url(node.health, record), headers=headers),
        node.client.get(node.url(node.health, record) + "?parts=summary", headers=headers),
        node.client.get(node.url(node.health, "absent"), headers=headers),
        node.client.post(node.url(node.health, record, "/release"), json=key, headers=headers),
    ]
    assert [(answer.status_code, answer.json()["ruleCode"]) for answer in answers] == [(403, 81)] * 4


def test_existence_is_told(node: TestNode, record: str) -> None:
    headers = node.headers("LAND", "reader", "TREATMENT")
    checked = node.client.post(node.url(node.health, "check"), json={"id": record}, headers=headers)
    history = node.client.get(node.url(node.health, record, "/history"), headers=headers)
    assert (checked.status_code, history.status_code) == (200, 200)

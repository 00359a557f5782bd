"""Conditions and keys of writes that do not hold: refused, and not one row written."""

from __future__ import annotations

import pytest

from support.node.node_fixture import TestNode
from support.node.refusals import GOOD, put_bytes, verify_refused
from support.node.sample_records import TREATMENT_RECORD


def test_stale_if_match_is_refused(node: TestNode) -> None:
    node.put(node.health, "visit", TREATMENT_RECORD)
    node.put(node.health, "visit", TREATMENT_RECORD)
    before = node.row_counts()
    verify_refused(put_bytes(node, GOOD, **{"If-Match": '"v1"'}), 412, "stale-version")
    assert node.row_counts() == before
    assert put_bytes(node, GOOD, **{"If-Match": '"v2"'}).headers["etag"] == '"v3"'


def test_if_none_match_refuses_what_exists(node: TestNode) -> None:
    assert put_bytes(node, GOOD, **{"If-None-Match": "*"}).status_code == 201
    before = node.row_counts()
    verify_refused(put_bytes(node, GOOD, **{"If-None-Match": "*"}), 412, "stale-version")
    assert node.row_counts() == before


CONDITIONS = {
    "weak": ({"If-Match": 'W/"v1"'}, "If-Match"),
    "any": ({"If-Match": "*"}, "If-Match"),
    "several": ({"If-Match": '"v1", "v2"'}, "If-Match"),
    "a tag": ({"If-None-Match": '"v1"'}, "If-None-Match"),
    "both": ({"If-None-Match": "*", "If-Match": '"v1"'}, "If-None-Match"),
}


@pytest.mark.parametrize(("sent", "field"), CONDITIONS.values(), ids=CONDITIONS)
def test_conditions_that_are_not_understood_are_refused(
    node: TestNode, sent: dict[str, str], field: str
) -> None:
    before = node.row_counts()
    verify_refused(put_bytes(node, GOOD, **sent), 422, "invalid-field", field)
    assert node.row_counts() == before


def test_idempotency_key_with_another_body_is_refused(node: TestNode) -> None:
    first = put_bytes(node, GOOD, **{"Idempotency-Key": "k-1"})
    before = node.row_counts()
    verify_refused(put_bytes(node, GOOD + b" ", **{"Idempotency-Key": "k-1"}), 422, "idempotency-key-reused")
    verify_refused(
        put_bytes(node, GOOD, "other", **{"Idempotency-Key": "k-1"}), 422, "idempotency-key-reused"
    )
    again = put_bytes(node, GOOD, **{"Idempotency-Key": "k-1"})
    assert (again.status_code, again.json(), again.headers["etag"]) == (201, first.json(), '"v1"')
    assert node.row_counts() == before

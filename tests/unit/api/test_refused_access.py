"""Requests without a valid token or the right to them: a clear 401 or 403, and no version written."""

from __future__ import annotations

import pytest

from cityledger.types import AgencyStatus
from support.node.node_fixture import TestNode
from support.node.refusals import GOOD, JSON, verify_refused
from support.node.sample_records import TREATMENT_RECORD

TOKENS = {
    "none": (None, "unauthenticated"),
    "another scheme": ("Basic YTpi", "unauthenticated"),
    "unknown": ("Bearer " + "ab" * 32, "token-refused"),
    "empty": ("Bearer ", "token-refused"),
}


@pytest.mark.parametrize(("sent", "code"), TOKENS.values(), ids=TOKENS)
def test_token_is_required(node: TestNode, sent: str | None, code: str) -> None:
    before = node.row_counts()
    headers = {"Cityledger-Purpose": "OWN_DUTY", **JSON, **({} if sent is None else {"Authorization": sent})}
    answer = node.client.put(node.url(node.health, "visit"), content=GOOD, headers=headers)
    verify_refused(answer, 401, code)
    assert answer.headers["www-authenticate"].startswith('Bearer realm="cityledger"')
    assert node.row_counts() == before


def test_expired_token_is_refused(node: TestNode) -> None:
    headers = {**node.headers("HEALTH", "writer"), **JSON}
    node.pass_time(901)
    before = node.row_counts()
    answer = node.client.put(node.url(node.health, "visit"), content=GOOD, headers=headers)
    verify_refused(answer, 401, "token-refused")
    assert node.row_counts() == before


def test_altered_token_is_refused(node: TestNode) -> None:
    token = node.token("HEALTH", "writer")
    altered = token[:-1] + ("0" if token[-1] != "0" else "1")
    answer = node.client.get("/v1/whoami", headers={"Authorization": f"Bearer {altered}"})
    verify_refused(answer, 401, "token-refused")
    assert altered not in answer.text


def test_foreign_agencys_writer_is_denied_with_a_receipt(node: TestNode) -> None:
    before = node.row_counts()
    headers = {**node.headers("LAND", "writer", "TREATMENT"), **JSON}
    answer = node.client.put(node.url(node.health, "visit"), content=GOOD, headers=headers)
    verify_refused(answer, 403, "denied")
    assert answer.json()["ruleCode"] == 32
    after = node.row_counts()
    assert after["receipt"] == before["receipt"] + 1
    assert (after["record_version"], after["record_part"]) == (0, 0)


def test_reader_may_not_write(node: TestNode) -> None:
    headers = {**node.headers("HEALTH", "reader"), **JSON}
    answer = node.client.put(node.url(node.health, "visit"), content=GOOD, headers=headers)
    verify_refused(answer, 403, "denied")
    assert answer.json()["ruleCode"] == 21
    assert node.row_counts()["record_version"] == 0


def test_suspended_agency_is_denied_by_rule_1_with_a_receipt(node: TestNode) -> None:
    node.put(node.health, "visit", TREATMENT_RECORD)
    node.set_agency("LAND", status=int(AgencyStatus.SUSPENDED))
    before = node.row_counts()["receipt"]
    answer = node.client.get(
        node.url(node.health, "visit"), headers=node.headers("LAND", "reader", "TREATMENT")
    )
    verify_refused(answer, 403, "denied")
    assert answer.json()["ruleCode"] == 11
    assert node.row_counts()["receipt"] == before + 1


def test_stale_index_stops_reads(node: TestNode) -> None:
    node.put(node.health, "visit", TREATMENT_RECORD)
    headers = node.headers("LAND", "reader", "TREATMENT")
    node.time.now += 16
    answer = node.client.get(node.url(node.health, "visit"), headers=headers)
    verify_refused(answer, 503, "index-stale")
    assert answer.headers["retry-after"] == "5"

"""After an erasure at the subject's request a consumer got the record's history and proof, with the subject's
pseudonym, while the record itself was not found.
"""

from __future__ import annotations

import pytest
from httpx import Response

from support.node.node_fixture import TestNode
from support.node.sample_records import TREATMENT_RECORD

TAILS = ("", "?version=1", "/history", "/proof", "/proof?version=1", "/proof?openings=true", "/tombstone")


def _write_and_erase(node: TestNode, reason: str) -> None:
    node.put(node.health, "visit", TREATMENT_RECORD)
    node.anchor_all()
    url = node.url(node.health, "visit") + f"?reason={reason}"
    assert node.client.delete(url, headers=node.headers("HEALTH", "writer")).status_code == 200
    node.anchor_all()


def _get(node: TestNode, code: str, role: str, name: str, tail: str) -> Response:
    purpose = "OWN_DUTY" if code == "HEALTH" else "TREATMENT"
    answer: Response = node.client.get(
        node.url(node.health, name, tail), headers=node.headers(code, role, purpose)
    )
    return answer


@pytest.mark.parametrize("role", ["reader", "steward", "auditor"])
@pytest.mark.parametrize("tail", TAILS)
def test_a_consumer_gets_the_answer_of_an_absent_record(node: TestNode, role: str, tail: str) -> None:
    _write_and_erase(node, "subject-request")
    erased, absent = (_get(node, "LAND", role, name, tail) for name in ("visit", "absent"))

    assert (erased.status_code, erased.text) == (absent.status_code, absent.text)
    assert erased.status_code in (403, 404)
    assert erased.headers.keys() == absent.headers.keys()


@pytest.mark.parametrize("role", ["reader", "auditor"])
def test_the_provider_still_has_history_and_proof(node: TestNode, role: str) -> None:
    _write_and_erase(node, "subject-request")

    (version,) = _get(node, "HEALTH", role, "visit", "/history").json()["versions"]
    assert (version["version"], version["erased"]) == (1, True)
    proof = _get(node, "HEALTH", role, "visit", "/proof").json()
    assert proof["leaf"]["subjects"] == TREATMENT_RECORD["subjects"]


def test_a_later_version_is_shown_without_the_erased_ones(node: TestNode) -> None:
    _write_and_erase(node, "subject-request")
    node.put(node.health, "visit", TREATMENT_RECORD)
    node.anchor_all()

    shown = {
        code: [one["version"] for one in _get(node, code, "reader", "visit", "/history").json()["versions"]]
        for code in ("LAND", "HEALTH")
    }
    assert shown == {"LAND": [2], "HEALTH": [1, 2]}
    assert _get(node, "LAND", "reader", "visit", "/proof").json()["leaf"]["version"] == 2
    assert _get(node, "LAND", "reader", "visit", "/proof?version=1").status_code == 404


def test_an_erasure_for_another_reason_is_still_shown(node: TestNode) -> None:
    """The consumer learns that what it once read is gone."""
    _write_and_erase(node, "written-in-error")

    (version,) = _get(node, "LAND", "reader", "visit", "/history").json()["versions"]
    assert version["erased"] is True


def test_an_erased_head_is_the_providers_alone(node: TestNode) -> None:
    node.put(node.health, "visit", TREATMENT_RECORD)
    node.anchor_all()
    writer = node.headers("HEALTH", "writer")
    assert (
        node.client.post(node.url(node.health, "visit", "/head"), json={}, headers=writer).status_code == 200
    )
    _write_and_erase(node, "subject-request")
    node.put(node.health, "visit", TREATMENT_RECORD)

    heads = {
        code: _get(node, code, "reader", "visit", "/history").json()["head"] for code in ("LAND", "HEALTH")
    }
    assert heads["LAND"] is None
    assert heads["HEALTH"]["version"] == 1

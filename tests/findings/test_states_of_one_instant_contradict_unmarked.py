"""A state 200 ns older than the newest one was accepted, and of two states of one instant the second replaced
the first without a mark.
"""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from cityledger.exchange.imports.outcomes import SAME_INSTANT
from cityledger.profiles.ngsi import key_values
from cityledger.store.imports import Verdict
from support.imports.import_fixture import ImportDesk, ndjson, outcomes
from support.node.node_fixture import TestNode

ASCENDING = [
    "2026-03-01T00:14:59.9999999Z",
    "2026-03-01T00:15:00Z",
    "2026-03-01T00:15:00.000000001Z",
    "2026-03-01T08:15:00.0000002+08:00",
    "2026-03-01T00:15:00.000001Z",
    "2026-02-28T19:15:00.1-05:00",
    "2026-03-01T00:15:00.11Z",
]


def state(at: str, free: int, **more: Any) -> dict[str, Any]:
    entity = {"id": "urn:ngsi-ld:OffStreetParking:a", "type": "OffStreetParking", "totalSpotNumber": 9}
    return {"id": "a", "parts": {"state": {**entity, "availableSpotNumber": free, "observedAt": at, **more}}}


@pytest.fixture
def desk(node: TestNode) -> ImportDesk:
    return ImportDesk.of(node, node.parking)


def put(node: TestNode, row: dict[str, Any]) -> tuple[int, str]:
    answer = node.client.put(
        node.url(node.parking, row["id"]),
        json={"parts": row["parts"]},
        headers=node.headers("PARKING", "writer"),
    )
    return answer.status_code, answer.json().get("code", "")


def test_times_ascend_at_full_precision(desk: ImportDesk) -> None:
    rows = [state(at, free % 9) for free, at in enumerate(ASCENDING)]
    assert outcomes(desk.import_(ndjson(rows))) == {"accepted": len(ASCENDING)}


@pytest.mark.parametrize(("older", "newer"), [*itertools.pairwise(ASCENDING)])
def test_an_older_state_is_refused_however_small_the_difference(
    node: TestNode, older: str, newer: str
) -> None:
    assert put(node, state(newer, 5))[0] == 201
    assert put(node, state(older, 4)) == (409, "conflict")


def test_the_api_refuses_a_second_state_of_an_instant(node: TestNode) -> None:
    assert put(node, state("2026-03-01T00:15:01Z", 5))[0] == 201
    assert put(node, state("2026-03-01T00:15:01Z", 4)) == (409, "state-contradicted")
    assert put(node, state("2026-03-01T08:15:01.000+08:00", 4)) == (409, "state-contradicted")
    assert put(node, state("2026-03-01T08:15:01+08:00", 5))[0] == 201  # the same, in another offset
    assert put(node, state("2026-03-01T00:15:01.1Z", 4))[0] == 200


def test_another_part_of_the_record_is_no_contradiction(node: TestNode) -> None:
    first = state("2026-03-01T00:15:01Z", 5)
    place = {"id": "urn:ngsi-ld:OffStreetParking:a", "type": "OffStreetParking", "name": "A"}
    assert put(node, first)[0] == 201
    assert put(node, {"id": "a", "parts": {**first["parts"], "place": place}})[0] == 200


def test_a_state_that_was_wrong_is_withdrawn_first(node: TestNode) -> None:
    assert put(node, state("2026-03-01T00:15:01Z", 5))[0] == 201
    url, headers = node.url(node.parking, "a"), node.headers("PARKING", "writer") | {"If-Match": '"v1"'}
    assert node.client.post(url + "/withdraw", headers=headers).status_code == 200
    assert put(node, state("2026-03-01T00:15:01Z", 4))[0] in (200, 201)


def test_a_file_keeps_the_second_state_and_flags_it(desk: ImportDesk) -> None:
    rows = [
        state("2026-03-01T00:15:01Z", 5),
        state("2026-03-01T00:15:01Z", 4),
        state("2026-03-01T00:15:01Z", 4),
    ]
    job = desk.import_(ndjson(rows))

    assert outcomes(job) == {"accepted": 2, "duplicate": 1}
    assert [(row.row_no, row.reason) for row in desk.rows(job, Verdict.FLAGGED)] == [(2, SAME_INSTANT)]


def test_the_latest_of_several_properties_is_the_entitys_time() -> None:
    entity: Any = {
        "type": "OffStreetParking",
        "a": {"type": "Property", "value": 1, "observedAt": "2026-03-01T00:15:00.0000002Z"},
        "b": {"type": "Property", "value": 1, "observedAt": "2026-03-01T00:15:00.0000001Z"},
    }
    plain: Any = key_values(entity)
    assert plain["observedAt"] == "2026-03-01T00:15:00.0000002Z"

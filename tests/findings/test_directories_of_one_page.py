"""``/v1/catalog``, agencies and grants were one page each: a thousand datasets with titles of 40 kB made
41 MB a request, without sign-in (audit 18).
"""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from cityledger.api.directory import queries
from cityledger.store.index import tables as t
from cityledger.store.index import versions as history
from cityledger.types import AgencyId, purpose_from_name
from support.node.chain_facts import dataset_id
from support.node.index_rows import put_dataset
from support.node.node_fixture import TestNode
from support.node.sample_records import TREATMENT_RECORD

TITLE = "字" * 40_000
MANY = 450


@pytest.fixture
def full(node: TestNode) -> TestNode:
    """A node whose index has many datasets of LAND, each with a long title."""
    with node.next_block() as (connection, _block):
        for number in range(MANY):
            made = dataset_id(2, f"land/many/{number:04}")
            put_dataset(connection, made, 2, f"land/many/{number:04}", "property", 1, "CREDIT")
            history.put(connection, t.idx_dataset, 1, {"dataset": made}, title=TITLE, local_title=TITLE)
        connection.execute(sa.update(t.idx_dataset).values(valid_from=1))
    return node


def pages(node: TestNode, path: str, list_: str, headers: dict[str, str] | None = None) -> list[list[Any]]:
    found, after = [], ""
    while True:
        answer = node.client.get(path + after, headers=headers or {})
        assert answer.status_code == 200, answer.text
        assert len(answer.content) < 2_500_000
        page = answer.json()
        found.append(page[list_])
        if page["next"] is None:
            return found
        after = ("&" if "?" in path else "?") + "after=" + page["next"]


def test_the_catalog_comes_in_pages_each_dataset_once(full: TestNode) -> None:
    found = pages(full, "/v1/catalog", "datasets")
    paths = [one["path"] for page in found for one in page]

    assert [len(page) for page in found[:4]] == [100] * 4
    assert paths == sorted(set(paths))
    assert len(paths) == MANY + 3


def test_a_long_title_is_cut(full: TestNode) -> None:
    made = dataset_id(2, "land/many/0007")
    whole = full.client.get(f"/v1/datasets/0x{made.hex()}").json()
    (listed,) = [
        one
        for page in pages(full, "/v1/catalog?limit=200", "datasets")
        for one in page
        if one["path"] == "land/many/0007"
    ]

    assert len(whole["title"]) == 1_024
    assert whole["title"].endswith("字…")
    assert listed == whole


def test_a_search_looks_through_a_bounded_number_of_datasets(
    full: TestNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "SEARCHED_ROWS", 50)
    found = pages(full, "/v1/catalog?q=many/0440", "datasets")

    assert [one["path"] for page in found for one in page] == ["land/many/0440"]
    assert len(found) >= 9


def test_agencies_come_in_pages(node: TestNode) -> None:
    found = pages(node, "/v1/agencies?limit=2", "agencies")

    assert [[one["code"] for one in page] for page in found] == [["HEALTH", "LAND"], ["PARKING"]]


def test_grants_come_in_pages_of_the_caller_alone(node: TestNode) -> None:
    purposes = [purpose_from_name(f"P{number}") for number in range(5)]
    for purpose in purposes:
        node.grant(node.health, AgencyId(2), purpose, 1)
        node.grant(node.health, AgencyId(3), purpose, 1)
    headers = node.headers("LAND", "steward")
    found = pages(node, "/v1/grants?limit=2", "grants", headers)
    grants = [(one["consumer"], one["purpose"]) for page in found for one in page]

    assert grants == sorted(set(grants))
    assert {consumer for consumer, _ in grants} == {2}
    assert len(grants) == len(purposes) + 1
    assert (
        sum(len(page) for page in pages(node, "/v1/grants", "grants", node.headers("HEALTH", "steward")))
        == 11
    )


@pytest.mark.parametrize("path", ["/v1/catalog", "/v1/agencies", "/v1/grants"])
@pytest.mark.parametrize("cursor", ["", "x", "AAAA" * 30, "%00", "*" * 43])
def test_a_cursor_of_another_form_is_refused(node: TestNode, path: str, cursor: str) -> None:
    answer = node.client.get(f"{path}?after={cursor}", headers=node.headers("LAND", "steward"))

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-field")
    assert answer.json()["field"] == "after"


def test_a_history_comes_in_pages_each_version_once(node: TestNode) -> None:
    for _ in range(5):
        node.put(node.health, "visit-1", TREATMENT_RECORD)
    headers = node.headers("HEALTH", "reader")
    found = pages(node, node.url(node.health, "visit-1", "/history?limit=2"), "versions", headers)

    assert [[one["version"] for one in page] for page in found] == [[1, 2], [3, 4], [5]]
    refused = node.client.get(node.url(node.health, "visit-1", "/history?after=x"), headers=headers)
    assert (refused.status_code, refused.json()["field"]) == (422, "after")

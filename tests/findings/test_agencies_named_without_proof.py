"""A caller could name any agency as the one that it acts for, and the signed receipt said so."""

from __future__ import annotations

import dataclasses

import pytest

from cityledger.client import AccessContext
from support.node.node_fixture import TestNode
from support.node.sample_records import TITLE_RECORD


@pytest.mark.parametrize("value", ["3", "0", "", "LAND"])
def test_no_agency_may_be_named(node: TestNode, value: str) -> None:
    node.put(node.land, "title-1", TITLE_RECORD)
    before = node.row_counts()

    headers = node.headers("LAND", "reader", **{"Cityledger-Represents": value})
    answer = node.client.get(node.url(node.land, "title-1"), headers=headers)

    assert (answer.status_code, answer.json()["field"]) == (422, "Cityledger-Represents")
    assert "delegation" in answer.json()["detail"]
    assert node.row_counts() == before


def test_the_sdk_has_no_word_for_it() -> None:
    assert {field.name for field in dataclasses.fields(AccessContext)} == {"purpose", "case"}

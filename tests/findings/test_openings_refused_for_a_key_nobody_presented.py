"""Where the registry named another sealing key than the node's, proofs with openings and plain reads answered
409 about a key "presented", though the caller presented none, after a receipt of the proof was stored."""

from __future__ import annotations

import pytest

from support.node.node_fixture import TestNode
from support.node.sample_records import TITLE_RECORD


@pytest.fixture
def apart(node: TestNode) -> TestNode:
    """A node with one anchored title, whose agency has registered another sealing key since."""
    node.put(node.land, "title-1", TITLE_RECORD)
    node.anchor_all()
    node.set_agency("LAND", sealing_key_digest=b"k" * 32)
    return node


@pytest.mark.parametrize("tail", ["", "/proof?openings=true", "/parts/title"])
def test_the_answer_says_whose_key_it_is(apart: TestNode, tail: str) -> None:
    before = apart.row_counts()["receipt"]

    answer = apart.client.get(apart.url(apart.land, "title-1", tail), headers=apart.headers("LAND", "reader"))

    assert (answer.status_code, answer.json()["code"]) == (421, "misdirected"), answer.text
    assert "the registry names another sealing key" in answer.json()["detail"]
    assert apart.row_counts()["receipt"] == before


def test_a_proof_without_openings_needs_no_key(apart: TestNode) -> None:
    headers = apart.headers("LAND", "reader")
    assert apart.client.get(apart.url(apart.land, "title-1", "/proof"), headers=headers).status_code == 200

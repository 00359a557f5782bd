"""Two nodes on one database have an object store each: a list that one node took was never written to the
other's store, so that a restore from there brought a revoked officer back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cityledger.exchange.revocations import keep_missing_lists
from cityledger.store.objects import Objects
from support.node.node_fixture import TestNode, make_node
from support.node.revocation_lists import back_up, list_objects, put, restore, sign_in, signed


@pytest.fixture
def node(tmp_path: Path) -> Iterator[TestNode]:
    (tmp_path / "node").mkdir()
    made = make_node(tmp_path / "node")
    yield made
    made.close()


def test_list_that_another_node_took_reaches_this_ones_store(node: TestNode, tmp_path: Path) -> None:
    own = Objects.open((tmp_path / "own").as_uri())
    this_node = replace(node.context.services, objects=own)
    put(node, signed(node, 5))
    keep_missing_lists(this_node)
    back_up(node, tmp_path / "backup")
    put(node, signed(node, 6, ("dr.li", None)))

    assert keep_missing_lists(this_node) == 1
    assert list_objects(own) == list_objects(node.context.services.objects)

    made = restore(node, tmp_path / "backup", tmp_path / "restored", own, None)
    assert made.restored.awaited == ()
    assert sign_in(node, made.client, officer="dr.li").status_code == 401
    made.close()

"""Nodes for findings: each file is named for the flaw that it once showed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cityledger.store.engine.database import Database
from support.chain.anchoring_node import Anchoring, running_anchoring
from support.node.node_fixture import TestNode, make_node
from support.store.databases import fresh_database_url


@pytest.fixture
def anchoring(tmp_path: Path) -> Iterator[Anchoring]:
    with running_anchoring(tmp_path) as made:
        yield made


@pytest.fixture
def node(tmp_path: Path) -> Iterator[TestNode]:
    made = make_node(tmp_path)
    yield made
    made.close()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(fresh_database_url(tmp_path))
    yield opened
    opened.close()

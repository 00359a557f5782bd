"""The honest node of ``node_fixture``, used below its HTTP edge."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.node.node_fixture import TestNode, make_node


@pytest.fixture
def node(tmp_path: Path) -> Iterator[TestNode]:
    made = make_node(tmp_path)
    yield made
    made.close()

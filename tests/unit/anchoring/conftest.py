"""An anchorer whose node writes two logs of one agency."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.chain.anchoring_node import Anchoring, running_anchoring


@pytest.fixture
def anchoring(tmp_path: Path) -> Iterator[Anchoring]:
    with running_anchoring(tmp_path) as made:
        yield made

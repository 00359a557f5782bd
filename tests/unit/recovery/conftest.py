"""A chain in memory, and indexes of it in databases of their own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.chain.memory_chain import MemoryChain
from support.chain.memory_index import Index, MakeIndex, index_of


@pytest.fixture
def chain() -> MemoryChain:
    made = MemoryChain()
    made.mine()
    return made


@pytest.fixture
def make_index(chain: MemoryChain, tmp_path: Path) -> Iterator[MakeIndex]:
    """Each call gives another, empty index of ``chain``."""
    with ExitStack() as stack:

        def make() -> Index:
            return stack.enter_context(index_of(chain, tmp_path))

        yield make

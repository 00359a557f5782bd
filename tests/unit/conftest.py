"""The rule that holds for every unit test: no socket of a network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.socket_guard import guarded_sockets

HERE = Path(__file__).parent


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Guards the fixtures of a module as well, which a fixture of each test would not.

    pytest calls this hook for the tests of every folder of a run, whichever conftest declares it.
    """
    if not item.path.is_relative_to(HERE):
        return (yield)
    with guarded_sockets(allows_loopback=item.get_closest_marker("loopback") is not None):
        return (yield)

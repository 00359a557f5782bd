"""What holds for every test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """Databases go back with the module that asked for them; thousands of them would fill a disk."""
    yield
    if nextitem is None or nextitem.path != item.path:
        from support.store import databases

        databases.take_back_databases()

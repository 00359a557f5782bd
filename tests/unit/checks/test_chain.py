"""Looks at endpoints that are not there, and at clocks that disagree."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cityledger.checks.chain import observe_clocks, observe_endpoints, observe_fresh_head
from cityledger.errors import CheckFailedError
from cityledger.store.engine.database import Database
from support.store.databases import fresh_database_url

NOBODY = "http://user:secret@127.0.0.1:1/key, http://127.0.0.1:1"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(fresh_database_url(tmp_path))
    yield made
    made.close()


@pytest.mark.loopback(reason="no server answers at the endpoints")
def test_endpoints_that_do_not_answer_are_counted_for_all_and_named_for_the_operator() -> None:
    with pytest.raises(CheckFailedError) as raised:
        observe_endpoints(NOBODY, 31_337)
    assert (raised.value.disclosed, raised.value.vital) == ("0 of 2 answer", True)
    assert "http://127.0.0.1:1" in raised.value.detail
    assert "secret" not in raised.value.detail and "key" not in raised.value.detail


def test_head_that_is_ahead_of_this_machine_is_told(database: Database) -> None:
    assert "agree" in observe_clocks(1_000, 1_003.0, database)
    with pytest.raises(CheckFailedError, match="10 s ahead"):
        observe_clocks(1_010, 1_000.0, database)


def test_head_that_is_old_is_told() -> None:
    assert observe_fresh_head(1_000, 1_015.0, 15) == "the chain's head is 15 s old"
    with pytest.raises(CheckFailedError, match="16 s old"):
        observe_fresh_head(1_000, 1_016.0, 15)

"""Index rows against the simplest model: a copy of the whole state for each block."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from cityledger.store.engine.database import Database
from cityledger.store.index.tables import idx_officer
from cityledger.store.index.versions import find, put, remove, undo
from cityledger.store.schema import metadata

KEYS = st.builds(
    lambda agency, account: {"agency": agency, "account": account}, st.integers(1, 2), st.sampled_from("ab")
)
VALUES = st.fixed_dictionaries(
    {"role": st.integers(3, 5), "until": st.integers(0, 9), "epoch": st.integers(1, 3)}
)


class IndexRows(RuleBasedStateMachine):
    """Random puts, removes, new blocks and reorgs; the model keeps one dictionary a block."""

    @initialize()
    def open(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.database = Database(f"sqlite:///{Path(self.folder.name) / 'index.db'}")
        metadata.create_all(self.database.engine)
        self.states: list[dict[tuple[int, str], dict[str, Any]]] = [{}]

    @rule()
    def next_block(self) -> None:
        self.states.append(dict(self.states[-1]))

    @rule(key=KEYS, values=VALUES)
    def put(self, key: dict[str, Any], values: dict[str, int]) -> None:
        with self.database.writing() as connection:
            put(connection, idx_officer, len(self.states), key, **values)
        self.states[-1][key["agency"], key["account"]] = values

    @rule(key=KEYS)
    def put_one_column(self, key: dict[str, Any]) -> None:
        known = (key["agency"], key["account"])
        if known not in self.states[-1]:
            return
        with self.database.writing() as connection:
            put(connection, idx_officer, len(self.states), key, until=99)
        self.states[-1][known] = {**self.states[-1][known], "until": 99}

    @rule(key=KEYS)
    def remove(self, key: dict[str, Any]) -> None:
        with self.database.writing() as connection:
            remove(connection, idx_officer, len(self.states), key)
        self.states[-1].pop((key["agency"], key["account"]), None)

    @rule(depth=st.integers(1, 4))
    def reorg(self, depth: int) -> None:
        remaining = max(1, len(self.states) - depth)
        with self.database.writing() as connection:
            undo(connection, remaining)
        del self.states[remaining:]

    @invariant()
    def rows_equal_the_model(self) -> None:
        if not hasattr(self, "database"):
            return
        with self.database.reading() as connection:
            for agency in (1, 2):
                for account in "ab":
                    row = find(connection, idx_officer, {"agency": agency, "account": account})
                    stored = (
                        None if row is None else {"role": row.role, "until": row.until, "epoch": row.epoch}
                    )
                    assert stored == self.states[-1].get((agency, account))
            ranges = connection.execute(sa.select(idx_officer.c.valid_from, idx_officer.c.valid_to))
            assert all(end is None or start < end for start, end in ranges)

    def teardown(self) -> None:
        if hasattr(self, "database"):
            self.database.close()
            self.folder.cleanup()


IndexRows.TestCase.settings = settings(max_examples=20, stateful_step_count=25, deadline=None)
TestIndexRows = IndexRows.TestCase

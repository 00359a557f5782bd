"""Random histories with reorgs, lag, refusals and incomplete answers: the index ends equal to a fresh one."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from cityledger.chain.clock import ChainClock
from cityledger.chain.contracts import Event
from cityledger.chain.contracts.data_catalog import PurposeSet
from cityledger.chain.contracts.decoding import LoggedEvent
from cityledger.chain.follower import Header
from cityledger.errors import ChainError, ChainUnavailableError
from cityledger.indexer.indexer import Indexer
from cityledger.store.engine.database import Database
from cityledger.store.engine.journal import Journal
from cityledger.store.index.queries import find_cursor
from cityledger.store.index.tables import INDEX_TABLES, block
from cityledger.types import BlockRef, Purpose
from support.chain.memory_chain import MemoryChain, MemoryFollower
from support.store.databases import fresh_database_url

REORG_LIMIT = 6


class FaultyFollower(MemoryFollower):
    """As an endpoint on bad days. ``pending`` holds the faults that the next requests have."""

    def __init__(self, chain: MemoryChain) -> None:
        super().__init__(chain)
        self.lag = 0
        self.pending: list[str] = []

    def head(self, acted_on: int = 0) -> BlockRef:
        self._fail("head")
        return self.chain.blocks[max(0, len(self.chain.blocks) - 1 - self.lag)].ref

    def headers(self, first: int, last: int, head: BlockRef) -> list[Header]:
        if self._draws("changed"):
            return []
        return super().headers(first, last, head)

    def events(self, headers: Sequence[Header]) -> dict[bytes, list[LoggedEvent]]:
        self._fail("events")
        if len(headers) > 1 and self._draws("range"):
            raise ChainError("query exceeds max block range")
        return super().events(headers)

    def _fail(self, what: str) -> None:
        if self._draws(what):
            raise ChainUnavailableError("no endpoint answers")

    def _draws(self, fault: str) -> bool:
        if fault in self.pending:
            self.pending.remove(fault)
            return True
        return False


class Histories(RuleBasedStateMachine):
    """One chain, two processes that index it into one database, and a reader that compares in the end."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.chain = MemoryChain(final_depth=12)
        self.chain.mine()
        self.turn = 0
        self.database = Database(fresh_database_url(Path(self.folder.name)))
        self.journal = Journal(self.database)
        self.followers = [FaultyFollower(self.chain) for _ in range(2)]
        self.clocks = [ChainClock() for _ in range(2)]
        self.indexers = [
            Indexer(
                follower,  # type: ignore[arg-type]
                self.database,
                self.journal,
                clock,
                first_block=0,
                reorg_limit_blocks=REORG_LIMIT,
            )
            for follower, clock in zip(self.followers, self.clocks, strict=True)
        ]

    @rule(blocks=st.lists(st.integers(0, 2), min_size=1, max_size=9))
    def mine(self, blocks: list[int]) -> None:
        """That many events in each block."""
        for count in blocks:
            self.chain.mine(*(self._event() for _ in range(count)))

    @rule(depth=st.integers(1, REORG_LIMIT))
    def reorg(self, depth: int) -> None:
        depth = min(depth, len(self.chain.blocks) - 1, self._above_indexed_final())
        if depth > 0:
            self.chain.reorg(depth)
            for _ in range(depth + 1):
                self.chain.mine(self._event())

    @rule(who=st.integers(0, 1), lag=st.integers(0, 4))
    def lag(self, who: int, lag: int) -> None:
        self.followers[who].lag = lag

    @rule(
        who=st.integers(0, 1),
        fault=st.sampled_from(["head", "events", "range", "changed"]),
    )
    def fault(self, who: int, fault: str) -> None:
        self.followers[who].pending.append(fault)

    @rule(who=st.integers(0, 1))
    def step(self, who: int) -> None:
        with suppress(ChainUnavailableError):
            self.indexers[who].step()

    @rule(who=st.integers(0, 1))
    def follow(self, who: int) -> None:
        self.indexers[who].follow_store()

    @invariant()
    def the_cursor_has_a_parent_on_its_chain(self) -> None:
        with self.database.reading() as connection:
            rows = connection.execute(sa.select(block).order_by(block.c.number.desc()).limit(2)).all()
        if len(rows) == 2 and rows[0].number == rows[1].number + 1:
            assert rows[0].parent == rows[1].hash

    def teardown(self) -> None:
        if not hasattr(self, "database"):
            return
        for follower in self.followers:
            follower.lag, follower.pending = 0, []
        while self.indexers[0].step():
            pass
        self._assert_equal_to_fresh()
        self.journal.close()
        self.database.close()
        self.folder.cleanup()

    def _assert_equal_to_fresh(self) -> None:
        fresh = Database(fresh_database_url(Path(self.folder.name)))
        journal = Journal(fresh)
        indexer = Indexer(
            MemoryFollower(self.chain),  # type: ignore[arg-type]
            fresh,
            journal,
            ChainClock(),
            first_block=0,
            reorg_limit_blocks=REORG_LIMIT,
        )
        while indexer.step():
            pass
        assert dump(self.database) == dump(fresh)
        journal.close()
        fresh.close()

    def _event(self) -> Event:
        self.turn += 1
        return PurposeSet(Purpose(bytes([self.turn % 5]) * 32), is_listed=self.turn % 3 > 0)

    def _above_indexed_final(self) -> int:
        """The greatest depth of a reorg that undoes nothing final."""
        return len(self.chain.blocks) - 1 - self.chain.finalized().number


def dump(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    with database.reading() as connection:
        tables = {
            table.name: sorted(map(tuple, connection.execute(sa.select(table))), key=repr)
            for table in INDEX_TABLES
        }
        cursor = find_cursor(connection)
    return {**tables, "cursor": [] if cursor is None else [(cursor.number, cursor.hash)]}


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=15, stateful_step_count=30, deadline=None)

"""What a test may do to the chain: changes of a node's index, each in a block of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from cityledger.api.context import NodeContext
from cityledger.store.anchoring import batches, logs
from cityledger.store.anchoring.batches import Batch
from cityledger.store.index import tables as t
from cityledger.store.index import versions as history
from cityledger.types import NO_END, AgencyId, BlockRef, DatasetId, Purpose, RecordId
from support.node.chain_facts import CODES, START
from support.node.index_rows import add_block, block_hash, put_batch, put_grant


class TestTime:
    """The one clock of a node: wall, monotonic and sign-in."""

    __test__ = False

    def __init__(self) -> None:
        self.now = START

    def seconds(self) -> int:
        return self.now


@dataclass(kw_only=True)
class ChainChanges:
    """The chain of one node, as far as the node's index holds it."""

    context: NodeContext
    time: TestTime
    block: int = 1

    def agency(self, code: str) -> AgencyId:
        return AgencyId(CODES.index(code) + 1)

    @contextmanager
    def next_block(self) -> Iterator[tuple[sa.Connection, int]]:
        """A transaction in which a new block takes effect; the clock is set to it after the commit."""
        number = self.block + 1
        with self.context.services.database.writing() as connection:
            add_block(connection, number, self.time.now)
            yield connection, number
        self.block = number
        self.context.services.clock.head_arrived(BlockRef(number, block_hash(number), self.time.now))

    def pass_time(self, seconds: int) -> None:
        """Moves the clock, and adds a block at the new time."""
        self.time.now += seconds
        with self.next_block():
            pass

    def grant(
        self,
        dataset: DatasetId,
        consumer: AgencyId,
        purpose: Purpose,
        parts: int,
        *,
        since: int = 0,
        until: int = NO_END,
    ) -> None:
        with self.next_block() as (connection, block):
            put_grant(connection, block, dataset, consumer, purpose, parts, since, until)

    def revoke(self, dataset: DatasetId, consumer: AgencyId, purpose: Purpose) -> None:
        with self.next_block() as (connection, block):
            key = {"dataset": dataset, "consumer": consumer, "purpose": purpose}
            history.remove(connection, t.idx_grant, block, key)

    def restrict(
        self, dataset: DatasetId, record: RecordId, consumer: AgencyId, *, is_restricted: bool = True
    ) -> None:
        change = history.put if is_restricted else history.remove
        with self.next_block() as (connection, block):
            key = {"dataset": dataset, "record": record, "consumer": consumer}
            change(connection, t.idx_restriction, block, key)

    def seal(self, dataset: DatasetId, record: RecordId) -> None:
        with self.next_block() as (connection, block):
            history.put(connection, t.idx_seal, block, {"dataset": dataset, "record": record})

    def set_agency(self, code: str, **values: Any) -> None:
        """E.g. ``status=AgencyStatus.SUSPENDED`` or ``epoch=2``."""
        with self.next_block() as (connection, block):
            history.put(connection, t.idx_agency, block, {"agency": self.agency(code)}, **values)

    def anchor_all(self) -> None:
        """Closes the tail of every log and anchors it."""
        with self.next_block() as (connection, block):
            for head in logs.list_heads(connection):
                for due in batches.list_due(connection, head, self.time.now, max_age=0, max_leaves=65_536):
                    root = batches.root_of(connection, due)
                    closed = Batch(due.log, due.first, due.count, root, self.time.now)
                    batches.insert_closed(connection, closed)
                    put_batch(connection, block, closed.log, closed.first, closed.count, closed.root)

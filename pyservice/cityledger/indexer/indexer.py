"""The loop that reads blocks. A restart is a no-op: the cursor moves in the transaction of the effects."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa

from cityledger.chain.clock import ChainClock
from cityledger.chain.events import LoggedEvent
from cityledger.chain.follower import Follower
from cityledger.errors import ChainError
from cityledger.indexer.effects import apply_event
from cityledger.store import history, node_state
from cityledger.store.database import Database
from cityledger.store.index import find_block, find_cursor
from cityledger.store.index_tables import block as block_table
from cityledger.store.journal import Journal
from cityledger.types import BlockRef

log = logging.getLogger(__name__)
RANGE = 64
"""Blocks in one transaction while catching up."""


@dataclass(frozen=True, slots=True)
class _ReadBlock:
    block: BlockRef
    parent: bytes
    events: list[LoggedEvent]


class Indexer:
    """Keeps the index at the head. ``step`` does one piece of the way; ``run`` does steps until told to stop.

    ``advanced`` is called after each commit, with the cursor: the anchoring loop waits on it.
    """

    def __init__(
        self,
        follower: Follower,
        database: Database,
        journal: Journal,
        clock: ChainClock,
        *,
        first_block: int,
        advanced: Callable[[BlockRef], None] = lambda _block: None,
    ) -> None:
        self._follower = follower
        self._database = database
        self._journal = journal
        self._clock = clock
        self._first_block = first_block
        self._advanced = advanced

    def run(self, stop: threading.Event, poll_seconds: float) -> None:
        """Follows until ``stop`` is set. A failure stops the cursor, is logged, and is tried again: nothing
        is ever skipped.

        While it fails the index grows stale, and reads stop by themselves.
        """
        told = ""
        while not stop.is_set():
            try:
                is_behind = self.step()
                told = ""
            except Exception as error:
                is_behind = False
                if str(error) != told:
                    log.error("indexer stopped error=%s reason=%s", type(error).__name__, error)
                told = str(error)
            if not is_behind:
                stop.wait(poll_seconds)

    def step(self) -> bool:
        """Reads up to ``RANGE`` blocks, or undoes orphaned ones. True while the head is not reached.

        Raises:
            ChainError: an event without a reaction, or a reorg deeper than the chain's own finality.
        """
        head = self._follower.head()
        with self._database.reading() as connection:
            cursor = find_cursor(connection)
        if cursor is not None and self._lags(cursor, head):
            return False
        if cursor is not None and self._is_orphaned(cursor, head):
            self._undo_to(self._fork_point(cursor))
            return True
        first = self._first_block if cursor is None else cursor.number + 1
        if first > head.number:
            self._clock.head_arrived(cursor or head)
            return False
        return self._read(first, min(head.number, first + RANGE - 1), cursor) < head.number

    def _read(self, first: int, last: int, cursor: BlockRef | None) -> int:
        blocks = [
            _ReadBlock(block, parent, self._follower.events_of(block.hash))
            for block, parent in self._follower.blocks(first, last)
        ]
        before = None if cursor is None else cursor.hash
        for one in blocks:
            if before is not None and one.parent != before:
                return first  # a reorg between two requests: the next step finds the fork
            before = one.block.hash
        final = min(self._follower.finalized().number, last)
        self._journal.run(lambda connection: _store(connection, blocks, final))
        self._clock.head_arrived(blocks[-1].block)
        self._advanced(blocks[-1].block)
        return last

    def _lags(self, cursor: BlockRef, head: BlockRef) -> bool:
        """Whether the endpoint is merely behind: its head is a block of ours below the cursor. To undo then
        would bring revoked grants back to life.
        """
        if head.number >= cursor.number:
            return False
        with self._database.reading() as connection:
            held = find_block(connection, head.number)
        return held is not None and held.hash == head.hash

    def _is_orphaned(self, cursor: BlockRef, head: BlockRef) -> bool:
        if head.number < cursor.number:
            return True
        return self._follower.block(cursor.number)[0].hash != cursor.hash

    def _fork_point(self, cursor: BlockRef) -> int:
        """The highest indexed block that is still on the chain."""
        with self._database.reading() as connection:
            final = node_state.final_block(connection)
            head = self._follower.head().number
            number = min(cursor.number, head)
            while number >= self._first_block:
                held = find_block(connection, number)
                if held is not None and self._follower.block(number)[0].hash == held.hash:
                    return number
                if number <= final:
                    raise ChainError(
                        f"block {number} was final and is not on the chain any more: another chain or a reset"
                    )
                number -= 1
        raise ChainError("no indexed block is on the chain: another chain, or one that was reset")

    def _undo_to(self, number: int) -> None:
        log.warning("reorg undone to block=%d", number)
        self._journal.run(lambda connection: _undo(connection, number))


def _store(connection: sa.Connection, blocks: list[_ReadBlock], final: int) -> None:
    for one in blocks:
        for logged in one.events:
            apply_event(connection, logged)
        held = {
            "number": one.block.number,
            "hash": one.block.hash,
            "parent": one.parent,
            "time": one.block.time,
        }
        connection.execute(block_table.insert().values(held))
    if final > node_state.final_block(connection):
        node_state.put_value(connection, node_state.FINAL_BLOCK, str(final))


def _undo(connection: sa.Connection, number: int) -> None:
    history.undo(connection, number)
    connection.execute(block_table.delete().where(block_table.c.number > number))

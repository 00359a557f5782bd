"""The loop that reads blocks. A restart is a no-op: the cursor moves in the transaction of the effects."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from cityledger.chain.clock import ChainClock
from cityledger.chain.follower import Follower, Tip
from cityledger.errors import ChainError
from cityledger.indexer import blocks
from cityledger.indexer.blocks import OvertakenError
from cityledger.indexer.reading import RangeReader
from cityledger.store import node_state
from cityledger.store.engine.database import Database
from cityledger.store.engine.journal import Journal
from cityledger.store.index.queries import find_block, find_cursor
from cityledger.types import BlockRef

log = logging.getLogger(__name__)
REORG_LIMIT_BLOCKS = 128
ANNOUNCED_POLL_SECONDS = 2.0
"""Interval of polling for a head while new ones are announced."""
_PATIENCE = 3
"""After this many changes of the chain in a row while it is read, that is reported."""


class Indexer:
    """Keeps the index at the head, range by range: ``step`` does one, ``run`` does them until ``stop`` is
    set.

    ``on_commit`` is called after each commit, with the cursor: the anchoring loop waits for it.
    ``are_heads_announced`` says whether ``wake`` is called for new heads, so that polling may be slow.
    """

    def __init__(
        self,
        follower: Follower,
        database: Database,
        journal: Journal,
        clock: ChainClock,
        *,
        first_block: int,
        on_commit: Callable[[BlockRef], None] = lambda _block: None,
        reorg_limit_blocks: int = REORG_LIMIT_BLOCKS,
        are_heads_announced: Callable[[], bool] = lambda: False,
    ) -> None:
        self._follower = follower
        self._reader = RangeReader(follower)
        self._database = database
        self._journal = journal
        self._clock = clock
        self._first_block = first_block
        self._on_commit = on_commit
        self._reorg_limit = reorg_limit_blocks
        self._are_heads_announced = are_heads_announced
        self._wake = threading.Event()
        self._changed_in_a_row = 0

    def run(
        self, stop: threading.Event, poll_seconds: float, is_leader: Callable[[], bool] = lambda: True
    ) -> None:
        """Follows until ``stop`` is set. A failure stops the cursor, is logged, and is tried again: nothing
        is ever skipped. Indexes only while this process is the one of the database that does:
        ``is_leader()``; otherwise it reads the cursor from there.

        While it fails the index becomes stale, so that reads are refused.
        """
        last_failure = ""
        while not stop.is_set():
            self._wake.clear()
            pause = poll_seconds
            try:
                is_behind = self.step() if is_leader() else self.follow_store()
                last_failure = ""
                if self._are_heads_announced():
                    pause = max(poll_seconds, ANNOUNCED_POLL_SECONDS)
            except Exception as error:
                is_behind = False
                if str(error) != last_failure:
                    log.error("indexer stopped error=%s reason=%s", type(error).__name__, error)
                last_failure = str(error)
            if not is_behind and not stop.is_set():
                self._wake.wait(pause)

    def wake(self) -> None:
        """Ends the pause of ``run``: there is a new head, or ``stop`` is set."""
        self._wake.set()

    def step(self) -> bool:
        """Reads one range of blocks, or undoes orphaned ones. True while the head is not reached.

        Raises:
            ChainError: an event without an effect or one that the tables refuse, or the index was stopped
                permanently: by a reorg deeper than final or than the limit, or another chain.
            ChainUnavailableError: no endpoint answers, or they do not agree.
        """
        cursor = self._cursor()
        tip = self._follower.tip(0 if cursor is None else cursor.number)
        try:
            return self._approach(cursor, tip)
        except OvertakenError:
            return self.follow_store()
        except IntegrityError as error:
            if self._cursor() == cursor:  # no other process was first: it is the blocks themselves
                raise ChainError(
                    f"the database refuses the effects of the blocks above {_shown(cursor)}"
                ) from error
            return self.follow_store()

    def follow_store(self) -> bool:
        """Reads the cursor that another process has written. Always False: there is nothing to catch up.

        Raises:
            ChainError: the index was stopped permanently.
        """
        cursor = self._cursor()
        if cursor is not None:
            self._clock.head_arrived(cursor)
        return False

    def _cursor(self) -> BlockRef | None:
        with self._database.reading() as connection:
            halted = node_state.find_value(connection, node_state.INDEX_HALTED)
            cursor = find_cursor(connection)
        if halted is not None:
            self._clock.stop(halted)
            raise ChainError(f"the index was stopped: {halted}; next: cityledger node rebuild")
        self._clock.resume()  # it may have been rebuilt from the folder of another node of the database
        return cursor

    def _approach(self, cursor: BlockRef | None, tip: Tip) -> bool:
        head = tip.head
        if cursor is not None and self._lags(cursor, head):
            return False
        if cursor is not None and head.number <= cursor.number and head != cursor:
            self._undo(cursor, self._fork_point(cursor, head))
            return True
        first = self._first_block if cursor is None else cursor.number + 1
        if first > head.number:
            self._clock.head_arrived(cursor or head)
            return False
        return self._read(first, tip, cursor) < head.number

    def _read(self, first: int, tip: Tip, cursor: BlockRef | None) -> int:
        """The number of the new cursor."""
        read = self._reader.read(first, tip.head, None if cursor is None else cursor.hash)
        if not read:
            return self._changed(first, tip.head, cursor)
        self._changed_in_a_row = 0
        newest = read[-1].header.block
        # All that was read is below the tip, so it is of the chain that is final up to there.
        final = -1 if tip.final is None else min(tip.final, newest.number)
        self._journal.run(lambda connection: blocks.store(connection, cursor, read, final, self._reorg_limit))
        self._clock.head_arrived(newest)
        self._on_commit(newest)
        return newest.number

    def _changed(self, first: int, head: BlockRef, cursor: BlockRef | None) -> int:
        """Undoes a reorg of what is indexed. Otherwise the chain changed between two requests; if that
        continues, it is not a reorg.
        """
        if cursor is not None and self._follower.block(cursor.number)[0].hash != cursor.hash:
            number = self._fork_point(cursor, head)
            self._undo(cursor, number)
            return number
        self._changed_in_a_row += 1
        if self._changed_in_a_row % _PATIENCE == 0:
            raise ChainError(f"the blocks from {first} on do not follow each other, or not the indexed ones")
        return first - 1

    def _lags(self, cursor: BlockRef, head: BlockRef) -> bool:
        """Whether the endpoint is merely behind: its head is a block of ours below the cursor. To undo then
        would bring revoked grants back to life.
        """
        if head.number >= cursor.number:
            return False
        with self._database.reading() as connection:
            indexed = find_block(connection, head.number)
            final = node_state.final_block(connection)
        return head.number < final if indexed is None else indexed.hash == head.hash

    def _fork_point(self, cursor: BlockRef, head: BlockRef) -> int:
        """The highest indexed block that is still on the chain. Searches twice before it reports that there
        is none, the second time below a head that the endpoints agree on: one wrong answer must not stop the
        index.
        """
        with self._database.reading() as connection:
            final = node_state.final_block(connection)
        lowest = max(final, cursor.number - self._reorg_limit, self._first_block)
        common = self._find_common(min(cursor.number, head.number), lowest)
        if common is None:
            head = self._follower.head()
            common = self._find_common(min(cursor.number, head.number), lowest)
        if common is not None:
            return common
        if lowest == final:
            raise self._halted(
                f"block {final} was final and is no longer on the chain: another chain or a reset"
            )
        if lowest == self._first_block:
            raise self._halted("no indexed block is on the chain: another chain, or one that was reset")
        raise self._halted(f"a reorg of more than {self._reorg_limit} blocks (reorg_limit_blocks)")

    def _find_common(self, highest: int, lowest: int) -> int | None:
        for number in range(highest, lowest - 1, -1):
            with self._database.reading() as connection:
                indexed = find_block(connection, number)
            if indexed is not None and self._follower.block(number)[0].hash == indexed.hash:
                return number
        return None

    def _halted(self, reason: str) -> ChainError:
        """Stops the index permanently; only a rebuild lets it continue.

        Raises:
            WrongChainError: the endpoint serves another chain id; that may pass.
        """
        self._follower.verify_chain()
        self._journal.run(lambda connection: _halt(connection, reason))
        self._clock.stop(reason)
        return ChainError(f"the index was stopped: {reason}; next: cityledger node rebuild")

    def _undo(self, cursor: BlockRef, number: int) -> None:
        self._journal.run(lambda connection: blocks.undo(connection, cursor, number))
        log.warning("reorg undone blocks=%d to block=%d", cursor.number - number, number)


def _shown(cursor: BlockRef | None) -> str:
    return "nothing" if cursor is None else str(cursor.number)


def _halt(connection: sa.Connection, reason: str) -> None:
    node_state.put_value(connection, node_state.INDEX_HALTED, reason)

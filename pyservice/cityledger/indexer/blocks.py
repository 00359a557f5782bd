"""Writes of the index: a range of blocks with its effects, the undoing of orphaned ones, and the halt.

Each checks first that the cursor is still where its caller saw it: another process may index the same
database, and the second of them must do nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from cityledger.indexer.effects import apply_event
from cityledger.indexer.reading import ReadBlock
from cityledger.store import node_state
from cityledger.store.index import versions as history
from cityledger.store.index.queries import find_cursor
from cityledger.store.index.tables import INDEX_TABLES
from cityledger.store.index.tables import block as table
from cityledger.types import BlockRef


class OvertakenError(Exception):
    """Another process has moved the cursor; nothing was written."""


def store(
    connection: sa.Connection, cursor: BlockRef | None, blocks: Sequence[ReadBlock], final: int, keep: int
) -> None:
    """Applies the events of ``blocks`` and moves the cursor to the last of them.

    Of blocks more than ``keep`` below final, only those with events stay: the others are no longer
    read, and a chain makes one a second.

    Raises:
        OvertakenError: the cursor is not ``cursor``.
        ChainError: an event has no effect here.
    """
    _verify_cursor(connection, cursor)
    before = node_state.final_block(connection)
    final = max(final, before)
    rows = [_row(one) for one in blocks if one.events or one.header.block.number >= final - keep]
    for one in blocks:
        for logged in one.events:
            apply_event(connection, logged)
    if rows:
        connection.execute(table.insert(), rows)
    if final > before:
        node_state.put_value(connection, node_state.FINAL_BLOCK, str(final))
        _prune(connection, before - keep, final - keep)


def undo(connection: sa.Connection, cursor: BlockRef, number: int) -> None:
    """Deletes the blocks above ``number`` and all their effects.

    Raises:
        OvertakenError: the cursor is not ``cursor``.
    """
    _verify_cursor(connection, cursor)
    history.undo(connection, number)
    connection.execute(table.delete().where(table.c.number > number))


def _verify_cursor(connection: sa.Connection, seen: BlockRef | None) -> None:
    if find_cursor(connection) != seen:
        raise OvertakenError


def _row(one: ReadBlock) -> dict[str, object]:
    block = one.header.block
    return {"number": block.number, "hash": block.hash, "parent": one.header.parent, "time": block.time}


def _prune(connection: sa.Connection, first: int, end: int) -> None:
    """Only blocks that newly came below ``end`` are examined, so the cost does not grow with the chain."""
    is_old = (table.c.number >= first) & (table.c.number < end)
    is_named = [
        sa.exists().where(indexed.c.valid_from == table.c.number).correlate(table) for indexed in INDEX_TABLES
    ]
    connection.execute(table.delete().where(is_old, ~sa.or_(*is_named)))

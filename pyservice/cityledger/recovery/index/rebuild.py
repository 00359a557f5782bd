"""Compares the index with one that was read again from the chain, and replaces it by the new one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import sqlalchemy as sa

from cityledger.recovery.index.rows import PAGE, Row, key_of, rows_at
from cityledger.recovery.progress import OnProgress, counting, silent
from cityledger.store import node_state
from cityledger.store.index.queries import find_block, find_cursor
from cityledger.store.index.tables import INDEX_TABLES
from cityledger.store.index.tables import block as block_table
from cityledger.store.tables import attempt
from cityledger.store.tables import node_state as node_state_table
from cityledger.types import BlockRef

SHOWN = 3
"""Maximum number of differences that are reported per table."""
INDEX_HALTED = "index_halted"
"""Key of ``node_state``: the reason why the index stopped permanently; a rebuilt one may continue."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A row that differs. ``key`` names it; None for an index that lacks the row."""

    table: str
    key: str
    live: str | None
    rebuilt: str | None


@dataclass(frozen=True, slots=True)
class TableComparison:
    table: str
    rows: int
    different: int
    first: tuple[Difference, ...]


def carry_attempts(live: sa.Connection, scratch: sa.Connection) -> None:
    """Copies this node's transactions, without their bytes, to an index that is read again: skipped batches
    are indexed of its own transactions only.
    """
    rows = live.execute(sa.select(attempt).execution_options(yield_per=PAGE))
    for page in _pages({**row._mapping, "raw": b""} for row in rows):
        scratch.execute(attempt.insert(), page)


def common_block(live: sa.Connection, scratch: sa.Connection) -> BlockRef | None:
    """The newest block that both have indexed; None if there is none, for example if one of them is empty."""
    cursors = [find_cursor(live), find_cursor(scratch)]
    number = min((-1 if one is None else one.number) for one in cursors)
    while number >= 0:
        block = find_block(live, number)
        if block is None:
            return None
        if block == find_block(scratch, number):
            return block
        number -= 1
    return None


def compare(live: sa.Connection, scratch: sa.Connection, block: int) -> list[TableComparison]:
    """Compares both row by row at ``block``, in constant memory."""
    return [_compare_table(live, scratch, table, block) for table in INDEX_TABLES]


def replace(live: sa.Connection, scratch: sa.Connection, on_progress: OnProgress = silent) -> None:
    """Replaces the index of ``live`` by that of ``scratch``, including the cursor, in the caller's
    transaction; an index that had stopped permanently may continue.
    """
    tables = (*INDEX_TABLES, block_table)
    add = counting(on_progress, "rows", sum(_count(scratch, table) for table in tables))
    for table in tables:
        live.execute(table.delete())
        rows = scratch.execute(sa.select(table).execution_options(yield_per=PAGE))
        for page in _pages(dict(row._mapping) for row in rows):
            live.execute(table.insert(), page)
            add(len(page))
    node_state.put_value(live, node_state.FINAL_BLOCK, str(node_state.final_block(scratch)))
    is_halt = node_state_table.c.key == INDEX_HALTED
    live.execute(node_state_table.delete().where(is_halt))


def _count(connection: sa.Connection, table: sa.Table) -> int:
    return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


def _compare_table(
    live: sa.Connection, scratch: sa.Connection, table: sa.Table, block: int
) -> TableComparison:
    rows, different = 0, 0
    first: list[Difference] = []
    for one, other in _side_by_side(table, rows_at(live, table, block), rows_at(scratch, table, block)):
        rows += 1
        if one == other:
            continue
        different += 1
        if len(first) < SHOWN:
            first.append(_difference(table, one, other))
    return TableComparison(table.name, rows, different, tuple(first))


def _side_by_side(
    table: sa.Table, ones: Iterator[Row], others: Iterator[Row]
) -> Iterator[tuple[Row | None, Row | None]]:
    """Both ordered streams merged by their keys; None if one of them lacks the row."""
    one, other = next(ones, None), next(others, None)
    while one is not None or other is not None:
        here = None if one is None else key_of(table, one)
        there = None if other is None else key_of(table, other)
        has_one = there is None or (here is not None and here <= there)
        has_other = here is None or (there is not None and there <= here)
        yield (one if has_one else None), (other if has_other else None)
        one = next(ones, None) if has_one else one
        other = next(others, None) if has_other else other


def _difference(table: sa.Table, live: Row | None, rebuilt: Row | None) -> Difference:
    present = live if live is not None else rebuilt
    assert present is not None
    keys = [column.name for column in table.c if column.primary_key]
    values = dict(zip((column.name for column in table.c), present, strict=True))
    key = ", ".join(f"{name} {_shown(values[name])}" for name in keys)
    changed = [
        column.name
        for at, column in enumerate(table.c)
        if live is None or rebuilt is None or live[at] != rebuilt[at]
    ]
    return Difference(table.name, key, _described(table, live, changed), _described(table, rebuilt, changed))


def _described(table: sa.Table, row: Row | None, names: list[str]) -> str | None:
    if row is None:
        return None
    pairs = zip(table.c, row, strict=True)
    return ", ".join(f"{column.name} {_shown(value)}" for column, value in pairs if column.name in names)


def _shown(value: object) -> str:
    return f"0x{value.hex()}" if isinstance(value, bytes) else str(value)


def _pages(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while page := list(islice(rows, PAGE)):
        yield page

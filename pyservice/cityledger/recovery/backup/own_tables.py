"""The tables that the chain cannot restore, and their copying between databases of any kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import sqlalchemy as sa

from cityledger.store.index.tables import INDEX_TABLES, block
from cityledger.store.schema import metadata
from cityledger.store.tables import commit_mark, node_state, operator_account, record_part, token

_LEFT_OUT = frozenset({*INDEX_TABLES, block, commit_mark, token})
"""The index is read from the chain; holders of access tokens sign in again; commit marks are obsolete."""
RESTORED_FROM = "restored_from"
"""Key of ``node_state``: the backup that the database was filled from."""
_LEFT_OUT_KEYS = ("final_block", "index_halted", "scrub", "purge_due", RESTORED_FROM)
"""Facts of ``node_state`` that each database determines itself."""
OWN_TABLES = tuple(table for table in metadata.sorted_tables if table not in _LEFT_OUT)
"""The tables in an order in which rows may be written: referenced tables come first."""
RESTORED_TABLES = tuple(table for table in OWN_TABLES if table is not operator_account)
"""A restored database counts the account's nonces again: it lacks those that were used since."""
_ROWS, _LONG_ROWS = 500, 16
"""Rows in memory at a time; a row of ``record_part`` may hold 256 KiB."""


def copy_rows(
    source: sa.Connection, target: sa.Connection, table: sa.Table, on_copied: Callable[[int], None]
) -> None:
    """Copies every row of ``table`` into the target's empty one, in constant memory; ``on_copied`` is called
    with the number of rows of each page.
    """
    size = _LONG_ROWS if table is record_part else _ROWS
    rows = source.execute(_copied(table).execution_options(yield_per=size))
    for page in _pages((dict(row._mapping) for row in rows), size):
        target.execute(table.insert(), page)
        on_copied(len(page))
    _count_on(target, table)


def _count_on(target: sa.Connection, table: sa.Table) -> None:
    """Advances PostgreSQL's sequences past the copied numbers; SQLite derives them from the rows."""
    column = table.autoincrement_column
    if column is None or target.dialect.name != "postgresql":
        return
    highest = target.execute(sa.select(sa.func.max(column))).scalar()
    if highest is not None:
        sequence = sa.func.pg_get_serial_sequence(table.name, column.name)
        target.execute(sa.select(sa.func.setval(sequence, highest)))


def count_rows(connection: sa.Connection, tables: tuple[sa.Table, ...] = OWN_TABLES) -> int:
    """The number of rows of these tables that ``copy_rows`` copies."""
    counts = (sa.select(sa.func.count()).select_from(_copied(table).subquery()) for table in tables)
    return sum(connection.execute(query).scalar_one() for query in counts)


def _copied(table: sa.Table) -> sa.Select[Any]:
    query = sa.select(table)
    return query.where(table.c.key.not_in(_LEFT_OUT_KEYS)) if table is node_state else query


def _pages(rows: Iterator[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    while page := list(islice(rows, size)):
        yield page

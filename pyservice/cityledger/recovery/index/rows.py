"""Rows of the index as of a block, in an order and a form that are the same in every database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

Row = tuple[Any, ...]
PAGE = 1_000
"""Number of rows in memory at a time."""


def rows_at(connection: sa.Connection, table: sa.Table, block: int) -> Iterator[Row]:
    """Every row of ``table`` that began by ``block``, in the order of its key; columns in the table's order.

    Rows that ended after ``block`` had not ended then: their ``valid_to`` is None.
    """
    ended = sa.case((table.c.valid_to > block, sa.null()), else_=table.c.valid_to).label("valid_to")
    columns = [ended if column.name == "valid_to" else column for column in table.c]
    query = sa.select(*columns).where(table.c.valid_from <= block).order_by(*key_order(connection, table))
    for row in connection.execute(query.execution_options(yield_per=PAGE)):
        yield tuple(_plain(value) for value in row)


def key_of(table: sa.Table, row: Row) -> Row:
    """The primary key of a row, comparable in the order of ``rows_at``."""
    return tuple(
        value.encode() if isinstance(value, str) else value
        for column, value in zip(table.c, row, strict=True)
        if column.primary_key
    )


def key_order(connection: sa.Connection, table: sa.Table) -> list[sa.ColumnElement[Any]]:
    """The primary key's columns, texts by their bytes."""
    # PostgreSQL orders texts by its locale; SQLite by their bytes, as "C" does.
    is_postgresql = connection.dialect.name == "postgresql"
    return [
        sa.collate(column, "C") if is_postgresql and isinstance(column.type, sa.Text) else column
        for column in table.primary_key.columns
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, memoryview | bytearray):
        return bytes(value)
    return int(value) if isinstance(value, bool) else value

"""Writes and reads of index rows that are valid for a range of blocks (see ``tables.py``)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import sqlalchemy as sa

from cityledger.store.index.tables import INDEX_TABLES

Key = Mapping[str, Any]


def put(connection: sa.Connection, table: sa.Table, block: int, key: Key, **values: Any) -> None:
    """Sets the row of ``key`` to ``values`` from ``block`` on; other columns keep their values.

    A row written earlier in the same block is overwritten: only the last state of a block can be queried.
    """
    current = find(connection, table, key)
    unchanged = {} if current is None else _values(table, current, key)
    remove(connection, table, block, key)
    connection.execute(
        table.insert().values({**unchanged, **values, **key, "valid_from": block, "valid_to": None})
    )


def remove(connection: sa.Connection, table: sa.Table, block: int, key: Key) -> None:
    """Ends the row of ``key`` at ``block``."""
    live = _matches(table, key) & table.c.valid_to.is_(None)
    connection.execute(table.delete().where(live & (table.c.valid_from == block)))
    connection.execute(table.update().where(live).values(valid_to=block))


def undo(connection: sa.Connection, last_block: int) -> None:
    """Undoes every effect of the blocks above ``last_block``."""
    for table in INDEX_TABLES:
        connection.execute(table.delete().where(table.c.valid_from > last_block))
        connection.execute(table.update().where(table.c.valid_to > last_block).values(valid_to=None))


def find(connection: sa.Connection, table: sa.Table, key: Key) -> sa.Row[Any] | None:
    """The row of ``key`` at the cursor."""
    return connection.execute(_finder(table, tuple(key)), dict(key)).one_or_none()


@cache
def _finder(table: sa.Table, names: tuple[str, ...]) -> sa.Select[Any]:
    # A decision makes a dozen of these look-ups; building the statement costs as much as running it.
    return select_now(table).where(*(table.c[name] == sa.bindparam(name) for name in names))


def select_now(table: sa.Table) -> sa.Select[Any]:
    """All rows that are valid at the cursor."""
    return sa.select(table).where(table.c.valid_to.is_(None))


def _matches(table: sa.Table, key: Key) -> sa.ColumnElement[bool]:
    return sa.and_(*(table.c[name] == value for name, value in key.items()))


def _values(table: sa.Table, row: sa.Row[Any], key: Key) -> dict[str, Any]:
    skipped = {*key, "valid_from", "valid_to"}
    return {name: value for name, value in row._mapping.items() if name not in skipped and name in table.c}

"""Counts the rows that remain for a scrub to read, for its progress display."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from cityledger.store.tables import attempt, batch, leaf, log_head

STAGES = ("leaves", "batches", "attempts", "heads")
"""The stages in the order in which a scrub reads them."""


def rows_left(connection: sa.Connection, stage: str, log: int, seq: int) -> int:
    """Rows of ``stage`` after the cursor (``log``, ``seq``), and all rows of the stages after it."""
    tables = {"leaves": leaf, "batches": batch, "attempts": attempt, "heads": log_head}
    here, *later = STAGES[STAGES.index(stage) :]
    first = sa.select(sa.func.count()).select_from(tables[here]).where(_is_after(here, log, seq))
    whole = [sa.select(sa.func.count()).select_from(tables[name]) for name in later]
    return sum(connection.execute(query).scalar_one() for query in (first, *whole))


def is_later(table: sa.Table, second: sa.ColumnElement[Any], log: int, seq: int) -> sa.ColumnElement[bool]:
    return (table.c.log > log) | ((table.c.log == log) & (second > seq))


def _is_after(stage: str, log: int, seq: int) -> sa.ColumnElement[bool]:
    match stage:
        case "leaves":
            return is_later(leaf, leaf.c.seq, log, seq)
        case "batches":
            return is_later(batch, batch.c.first, log, seq)
        case "attempts":
            return attempt.c.id > seq
        case _:
            return sa.true()

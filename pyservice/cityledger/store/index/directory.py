"""The indexed directory, read in pages, since other agencies choose its texts and its length."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from cityledger.store.index import queries as index
from cityledger.store.index import tables as t
from cityledger.store.index.queries import Dataset, ListedGrant
from cityledger.store.index.versions import find
from cityledger.types import Agency, AgencyId, DatasetId, Purpose

SHOWN_CHARACTERS = 1_024
"""Of a name or title; the chain sets no limit."""
_CUT = frozenset({"name", "local_name", "title", "local_title"})
_ROWS_AT_ONCE = 200

GrantKey = tuple[bytes, int, bytes]
"""Dataset, consumer and purpose."""


def list_agencies(connection: sa.Connection, after: int, limit: int) -> list[Agency]:
    """Agencies with numbers above ``after``, in order of admission."""
    query = _select_cut(t.idx_agency).where(t.idx_agency.c.agency > after)
    rows = connection.execute(query.order_by(t.idx_agency.c.agency).limit(limit))
    return [index.agency_of_row(row) for row in rows]


def walk_datasets(
    connection: sa.Connection, after: DatasetId | None, profile: str | None, provider: int | None, most: int
) -> Iterator[Dataset]:
    """At most ``most`` datasets by path, those after ``after``, read lazily.

    A dataset that does not exist comes before all others.
    """
    table = t.idx_dataset
    place = None if after is None else find(connection, table, {"dataset": after})
    last: tuple[str, bytes] | None = None if place is None else (place.path, place.dataset)
    while most > 0:
        query = _select_cut(table)
        for column, wanted in ((table.c.profile, profile), (table.c.provider, provider)):
            query = query if wanted is None else query.where(column == wanted)
        if last is not None:
            query = query.where(_is_after((table.c.path, table.c.dataset), last))
        rows = connection.execute(
            query.order_by(table.c.path, table.c.dataset).limit(min(most, _ROWS_AT_ONCE))
        ).all()
        yield from (index.dataset_of_row(row) for row in rows)
        if len(rows) < min(most, _ROWS_AT_ONCE):
            return
        most -= len(rows)
        last = (rows[-1].path, rows[-1].dataset)


def list_grants(
    connection: sa.Connection, agency: AgencyId, dataset: DatasetId | None, after: GrantKey | None, limit: int
) -> list[ListedGrant]:
    """Grants with ``agency`` as provider or consumer, live or not, of one dataset or of all."""
    table, datasets = t.idx_grant, t.idx_dataset
    keys = (table.c.dataset, table.c.consumer, table.c.purpose)
    is_known = (datasets.c.dataset == table.c.dataset) & datasets.c.valid_to.is_(None)
    query = sa.select(table).join(datasets, is_known).where(table.c.valid_to.is_(None))
    query = query.where((datasets.c.provider == agency) | (table.c.consumer == agency))
    if dataset is not None:
        query = query.where(table.c.dataset == dataset)
    if after is not None:
        query = query.where(_is_after(keys, after))
    return [
        ListedGrant(
            DatasetId(row.dataset), AgencyId(row.consumer), Purpose(row.purpose), index.grant_of_row(row)
        )
        for row in connection.execute(query.order_by(*keys).limit(limit))
    ]


def _select_cut(table: sa.Table) -> sa.Select[Any]:
    """As ``select_now``, but long texts are cut in the query, since they may be megabytes."""
    columns = [
        sa.func.substr(column, 1, SHOWN_CHARACTERS + 1).label(column.name) if column.name in _CUT else column
        for column in table.c
    ]
    return sa.select(*columns).where(table.c.valid_to.is_(None))


def _is_after(columns: tuple[sa.Column[Any], ...], place: tuple[Any, ...]) -> sa.ColumnElement[bool]:
    values = (sa.literal(value, column.type) for column, value in zip(columns, place, strict=True))
    return sa.tuple_(*columns) > sa.tuple_(*values)

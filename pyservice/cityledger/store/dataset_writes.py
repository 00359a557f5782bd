"""Counts the versions ever written to each dataset, which shows whether it has changed since."""

from __future__ import annotations

import sqlalchemy as sa

from cityledger.store.tables import dataset_writes as table
from cityledger.types import DatasetId


def count_of(connection: sa.Connection, dataset: DatasetId) -> int:
    """The number of versions of all records of the dataset, with withdrawals. Erasures do not change it."""
    found = connection.execute(sa.select(table.c.versions).where(table.c.dataset == dataset)).scalar()
    return int(found or 0)


def add(connection: sa.Connection, dataset: DatasetId, versions: int) -> None:
    """Adds versions to the count in the transaction that stores them."""
    more = table.update().where(table.c.dataset == dataset).values(versions=table.c.versions + versions)
    if connection.execute(more).rowcount == 0:
        connection.execute(table.insert().values(dataset=dataset, versions=versions))

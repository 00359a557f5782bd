"""What the thief of a database can count without a key: the length of whatever is stored for a version."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping
from typing import Any

import sqlalchemy as sa

from cityledger.store.schema import metadata
from cityledger.types import DatasetId, RecordId
from support.node.node_fixture import TestNode

Measures = dict[RecordId, Hashable]
_WHERE_AND_WHEN = frozenset({"dataset", "record", "version", "log", "seq", "written_at", "erased_at"})
"""Columns of which each row has its own value, whatever the payload is."""


def measure(node: TestNode, dataset: DatasetId) -> Measures:
    """Of the newest version of each record: the rows of every table that names it, values as lengths."""
    measured: defaultdict[RecordId, dict[int, list[Any]]] = defaultdict(lambda: defaultdict(list))
    with node.context.services.database.reading() as connection:
        for table in metadata.sorted_tables:
            if {"dataset", "record", "version"} <= set(table.c.keys()):
                query = sa.select(table).where(table.c.dataset == dataset)
                for row in connection.execute(query):
                    facts = (table.name, *_lengths(row._mapping))
                    measured[RecordId(row.record)][row.version].append(facts)
    return {record: tuple(sorted(rows[max(rows)], key=repr)) for record, rows in measured.items()}


def _lengths(row: Mapping[Any, Any]) -> list[Hashable]:
    return [
        len(value) if isinstance(value, bytes | str) else value
        for column, value in row.items()
        if str(column) not in _WHERE_AND_WHEN
    ]


def guess(measures: Measures, truth: Mapping[RecordId, str]) -> float:
    """The share that a guesser gets right who is given the truth of every second record, and then answers
    with what was commonest at the measures that he sees.
    """
    records = sorted(truth)
    known, unknown = records[::2], records[1::2]
    seen: defaultdict[Hashable, Counter[str]] = defaultdict(Counter)
    for record in known:
        seen[measures[record]][truth[record]] += 1
    overall = Counter(truth[record] for record in known)
    right = sum(
        (seen.get(measures[record]) or overall).most_common(1)[0][0] == truth[record] for record in unknown
    )
    return right / len(unknown)


def chance(truth: Mapping[RecordId, str]) -> float:
    """What always answering with the commonest of the known half gets right of the other half."""
    records = sorted(truth)
    commonest = Counter(truth[record] for record in records[::2]).most_common(1)[0][0]
    return sum(truth[record] == commonest for record in records[1::2]) / len(records[1::2])


def share_in_crowds(measures: Measures, size: int) -> float:
    """The share of records that are like at least ``size`` records, themselves included."""
    crowds = Counter(measures.values())
    return sum(count for count in crowds.values() if count >= size) / len(measures)

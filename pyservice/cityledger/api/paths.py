"""Datasets, records and parts named in a URL or a body, as the ids and masks that ``exchange`` uses."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated

from fastapi import Path, Query

from cityledger.api.context import NodeContext
from cityledger.api.http.shapes import HEX32_PATTERN, bytes_of
from cityledger.errors import FieldError, NotFoundError
from cityledger.exchange.access import Target
from cityledger.profiles.provider_id import verify_provider_id
from cityledger.sealing.record_ids import record_id
from cityledger.store.index import queries as index
from cityledger.types import NO_RECORD, DatasetId, RecordId

_RECORD_ID = re.compile(HEX32_PATTERN)

DatasetInPath = Annotated[str, Path(alias="dataset", pattern=HEX32_PATTERN, examples=["0x" + "d1" * 32])]
RecordInPath = Annotated[
    str,
    Path(
        alias="id", description="The provider's own id, or a record id as 0x and hex", examples=["Xidan-12"]
    ),
]
VersionInQuery = Annotated[int | None, Query(alias="version", ge=1, lt=2**32)]
PartsInQuery = Annotated[
    str | None,
    Query(alias="parts", max_length=520, description="Part names, comma separated", examples=["summary"]),
]


def dataset_of(text: str) -> DatasetId:
    """The id in a text that matched its pattern."""
    return DatasetId(bytes_of(text))


def get_dataset(node: NodeContext, dataset: DatasetId) -> index.Dataset:
    """The dataset as indexed.

    Raises:
        NotFoundError: there is none.
    """
    with node.services.database.reading() as connection:
        found = index.find_dataset(connection, dataset)
    if found is None:
        raise NotFoundError("dataset")
    return found


def target_of(
    node: NodeContext,
    dataset_text: str,
    name: str,
    version: int | None = None,
    parts: Sequence[str] | None = None,
) -> Target:
    """The record that the provider calls ``name``, or that ``name`` gives as 0x and 64 hex digits.

    Raises:
        FieldError: the name is not one that a record may have, or a part is not of this dataset.
        NotFoundError: no such dataset.
        MisdirectedError: the provider's record key, which turns its ids into record ids, is on another node.
    """
    dataset = get_dataset(node, dataset_of(dataset_text))
    mask = None if parts is None else parts_mask(dataset, parts)
    return Target(dataset.dataset, _record_of(node, dataset, name), version=version, parts=mask)


def parts_mask(dataset: index.Dataset, names: Sequence[str]) -> int:
    """The mask of the named parts: the sum of their bits.

    Raises:
        FieldError: none is named, one is named twice, or is not of this dataset.
    """
    unknown = [name for name in names if name not in dataset.part_names]
    if unknown or not names or len(set(names)) != len(names):
        raise FieldError("parts", f"must be one or more of {', '.join(dataset.part_names)}, none twice")
    return sum(1 << dataset.part_names.index(name) for name in names)


def part_names(dataset: index.Dataset, mask: int) -> list[str]:
    """The names of the parts in a mask."""
    return [name for bit, name in enumerate(dataset.part_names) if mask >> bit & 1]


def split_parts(text: str | None) -> list[str] | None:
    return None if text is None else text.split(",")


def _record_of(node: NodeContext, dataset: index.Dataset, name: str) -> RecordId:
    if not _RECORD_ID.fullmatch(name):
        verify_provider_id(name)
        return record_id(node.services.keys_of(dataset.provider).record_key(dataset.dataset), name)
    record = RecordId(bytes_of(name))
    if record == NO_RECORD:
        # For the rules, zero means no particular record; a request must not choose that meaning.
        raise FieldError("id", "must not be zero, which is not a record's id")
    return record

"""Looking things up in the indexed directory."""

from __future__ import annotations

from typing import Any

from cityledger.api.context import NodeContext
from cityledger.errors import NotFoundError
from cityledger.profiles import registry
from cityledger.store import index
from cityledger.types import Agency, AgencyId


def get_agency(node: NodeContext, name: str) -> Agency:
    """An agency by its number or its code.

    Raises:
        NotFoundError: there is none.
    """
    with node.services.database.reading() as connection:
        # A code may consist of digits, so a number that is nobody's is tried as a code.
        number = int(name) if name.isascii() and name.isdigit() and len(name) <= 10 else 0
        found = index.find_agency(connection, AgencyId(number)) if number else None
        found = found or index.find_agency_by_code(connection, name)
    if found is None:
        raise NotFoundError("agency")
    return found


def find_datasets(
    node: NodeContext, words: str | None, profile: str | None, provider: int | None
) -> list[index.Dataset]:
    """The datasets of a profile and provider whose path or titles hold every word, whatever their case."""
    wanted = (words or "").casefold().split()
    with node.services.database.reading() as connection:
        datasets = index.list_datasets(connection)
    return [
        one
        for one in datasets
        if profile in (None, one.profile)
        and provider in (None, one.provider)
        and all(word in f"{one.path} {one.title} {one.local_title}".casefold() for word in wanted)
    ]


def get_schema(dataset: index.Dataset) -> dict[str, Any]:
    """The document whose digest stands in the dataset's leaves.

    Raises:
        NotFoundError: the dataset is published with a schema that this version of the node does not have.
    """
    profile = registry.find(dataset.profile)
    if profile is None or profile.schema_digest != dataset.schema_digest:
        raise NotFoundError("schema")
    return profile.schema

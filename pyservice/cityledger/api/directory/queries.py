"""Queries on the indexed directory."""

from __future__ import annotations

from typing import Any

from cityledger.api.context import NodeContext
from cityledger.api.http.paging import read_key_cursor, write_key_cursor
from cityledger.errors import NotFoundError
from cityledger.profiles import registry
from cityledger.store.index import directory
from cityledger.store.index import queries as index
from cityledger.types import Agency, AgencyId, DatasetId

SEARCHED_ROWS = 2_000


def get_agency(node: NodeContext, name: str) -> Agency:
    """An agency by its number or its code.

    Raises:
        NotFoundError: there is none.
    """
    with node.services.database.reading() as connection:
        # A code may consist of digits, so a number that is not an agency's is tried as a code.
        number = int(name) if name.isascii() and name.isdigit() and len(name) <= 10 else 0
        found = index.find_agency(connection, AgencyId(number)) if number else None
        found = found or index.find_agency_by_code(connection, name)
    if found is None:
        raise NotFoundError("agency")
    return found


def page_of_agencies(node: NodeContext, after: str | None, limit: int) -> tuple[list[Agency], str | None]:
    """Agencies in order of admission, and the cursor of the next page; None at the end.

    Raises:
        FieldError: not a cursor of this node.
    """
    last = int.from_bytes(read_key_cursor(after, 4) or b"")
    with node.services.database.reading() as connection:
        found = directory.list_agencies(connection, last, limit + 1)
    following = write_key_cursor(found[limit - 1].agency.to_bytes(4)) if len(found) > limit else None
    return found[:limit], following


def page_of_datasets(
    node: NodeContext,
    words: str | None,
    profile: str | None,
    provider: int | None,
    after: str | None,
    limit: int,
) -> tuple[list[index.Dataset], str | None]:
    """The datasets of a profile and provider whose path or titles contain every word, in any case, and the
    cursor of the next page. At most ``SEARCHED_ROWS`` are searched for one page, which may therefore have
    fewer than ``limit``.

    Raises:
        FieldError: not a cursor of this node.
    """
    wanted = (words or "").casefold().split()
    key = read_key_cursor(after, 32)
    found: list[index.Dataset] = []
    with node.services.database.reading() as connection:
        last = None if key is None else DatasetId(key)
        walked = directory.walk_datasets(connection, last, profile, provider, SEARCHED_ROWS)
        examined = 0
        for one in walked:
            examined += 1
            if all(word in f"{one.path} {one.title} {one.local_title}".casefold() for word in wanted):
                found.append(one)
            last = one.dataset
            if len(found) == limit:
                break
    is_cut = len(found) == limit or examined == SEARCHED_ROWS
    return found, write_key_cursor(last) if is_cut and last is not None else None


def get_schema(dataset: index.Dataset) -> dict[str, Any]:
    """The document whose digest is in the dataset's leaves.

    Raises:
        NotFoundError: the dataset is published with a schema that this version of the node does not have.
    """
    profile = registry.find(dataset.profile)
    if profile is None or profile.schema_digest != dataset.schema_digest:
        raise NotFoundError("schema")
    return profile.schema

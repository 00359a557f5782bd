"""Separates the objects of a feed that are places from others: the city itself, a notice, a list.

A row's number is the object's number in the feed, so that the sender finds it; its content is not repeated.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from cityledger.errors import FieldError
from cityledger.formats.rows import RejectedRow

CITY = "city"
"""The ``type`` of the object for the city itself, which German feeds have next to its car parks."""


def not_a_place(field: str, why: str) -> FieldError:
    """The refusal of an object that is not a place; ``why`` names what it is, or the missing member."""
    return FieldError(field, f"the object with this row's number in the feed is not a place: {why}")


def places(
    items: Iterable[tuple[int, dict[str, Any]] | RejectedRow], *path: str
) -> Iterator[tuple[int, dict[str, Any]] | RejectedRow]:
    """The objects with the member at ``path``, which identifies a place; others are refused separately."""
    for item in items:
        try:
            if not isinstance(item, RejectedRow):
                verify_place(item[1], *path)
            yield item
        except FieldError as error:
            assert not isinstance(item, RejectedRow)
            yield RejectedRow(item[0], error.field, error.reason)


def verify_place(item: dict[str, Any], *path: str) -> None:
    """
    Raises:
        FieldError: the object is the city itself, or has no member at ``path``; names the first one missing.
    """
    *above, last = path
    holder: dict[str, Any] = item
    for depth, name in enumerate(above, start=1):
        inner, where = holder.get(name), ".".join(path[:depth])
        if not isinstance(inner, dict):
            raise not_a_place(where, f"its {where} is missing or not a JSON object")
        holder = inner
    if holder.get("type") == CITY:
        raise not_a_place(".".join([*above, "type"]), "it is the city itself")
    if last not in holder:
        raise not_a_place(".".join(path), f"it has no member {'.'.join(path)}")

"""Rows from the objects of a feed: ids, marks of implausible numbers, and bytes that keep every digit.

Fields of a source that the data models lack are under ``sourceFields`` by their own names and as written,
also nulls and empty strings, so that empty fields can be distinguished from absent ones.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache, partial
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec

from cityledger.errors import FieldError, FormatError
from cityledger.formats.instants import STALE_AFTER, moment
from cityledger.formats.rows import RejectedRow, Row, row_or_reason
from cityledger.profiles.parking_quality import odd_numbers
from cityledger.profiles.provider_id import verify_provider_id

T = TypeVar("T")

MAX_SNAPSHOT_ROWS = 200_000
"""A snapshot is held until its newest time is known; one of all kerbs of a large city has about 50,000."""
MAX_COUNT = 1_000_000

_ENCODER = msgspec.json.Encoder(decimal_format="number")
_WHOLE = re.compile(r"0|-?[1-9]\d{0,6}", re.ASCII)
_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,14})(?:\.\d{1,30})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Draft:
    """A row before its parts are bytes. ``reported_at`` is the time of the place's last report."""

    row_no: int
    provider_id: str
    parts: Mapping[str, dict[str, Any]]
    flags: tuple[str, ...] = ()
    reported_at: str | None = None

    def row(self, *more_flags: str) -> Row:
        """The row, with its flags and those that follow from its numbers marked in its parts."""
        all_flags = (*self.flags, *more_flags)
        marks = {name: _marks(name, part, all_flags) for name, part in self.parts.items()}
        flags = dict.fromkeys(mark for marked in marks.values() for mark in marked)
        parts = {name: encoded(_marked(part, marks[name])) for name, part in self.parts.items()}
        return Row(self.row_no, self.provider_id, parts, flags=tuple(flags))


def drafts(
    items: Iterable[tuple[int, T] | RejectedRow], read: Callable[[int, T], Draft]
) -> Iterator[Draft | RejectedRow]:
    """Reads each item; one that cannot be read is refused separately, by field and reason."""
    for item in items:
        if isinstance(item, RejectedRow):
            yield item
            continue
        yield row_or_reason(item[0], partial(read, *item))


def history(read: Iterable[Draft | RejectedRow]) -> Iterator[Row | RejectedRow]:
    """The rows of a file of many moments, in their order; old ones are normal in it."""
    for draft in read:
        yield draft if isinstance(draft, RejectedRow) else row_or_reason(draft.row_no, draft.row)


def snapshot(read: Iterable[Draft | RejectedRow]) -> Iterator[Row | RejectedRow]:
    """The rows of a file of one moment; a place last reported ``STALE_AFTER`` before the newest is stale."""
    drafts: list[Draft | RejectedRow] = []
    for draft in read:
        drafts.append(draft)
        if len(drafts) > MAX_SNAPSHOT_ROWS:
            raise FormatError(
                "", f"has more than {MAX_SNAPSHOT_ROWS} rows, too many for a snapshot of a city"
            )
    times = [moment(draft.reported_at) for draft in drafts if isinstance(draft, Draft) and draft.reported_at]
    newest = max(times, default=None)
    for draft in drafts:
        if isinstance(draft, RejectedRow):
            yield draft
        elif newest and draft.reported_at and newest - moment(draft.reported_at) > STALE_AFTER:
            yield row_or_reason(draft.row_no, partial(draft.row, "stale"))
        else:
            yield row_or_reason(draft.row_no, draft.row)


def _marks(name: str, part: Mapping[str, Any], flags: tuple[str, ...]) -> tuple[str, ...]:
    if name == "restriction":
        return ()
    own = part.get("quality", ())
    return tuple(dict.fromkeys((*own, *(flags if name == "state" else ()), *odd_numbers(part))))


def _marked(part: dict[str, Any], marks: tuple[str, ...]) -> dict[str, Any]:
    return {**part, "quality": list(marks)} if marks else part


def encoded(value: object) -> bytes:
    """JSON in which decimals have all their digits."""
    return _ENCODER.encode(value)


@lru_cache(maxsize=4096)
def place_id(text: str, field: str) -> str:
    """The source's own id as a provider id; ``/`` and ``%`` as ``%2F`` and ``%25``, so that no two ids of
    the source become one.

    Raises:
        FieldError: of ``field``: it cannot be an id here.
    """
    safe = text.replace("%", "%25").replace("/", "%2F")
    try:
        verify_provider_id(safe)
    except FieldError as error:
        raise FieldError(field, error.reason) from None
    return safe


@lru_cache(maxsize=4096)
def urn(kind: str, text: str, field: str) -> str:
    """``urn:ngsi-ld:<kind>:<text>``, what is not plain ASCII percent-encoded (RFC 8141 §2).

    Raises:
        FieldError: of ``field``: too long.
    """
    name = f"urn:ngsi-ld:{kind}:{quote(text, safe='')}"
    if len(name) > 256:
        raise FieldError(field, "is too long for the id of an entity")
    return name


def cell_count(cells: Mapping[str, str], column: str) -> int:
    """A count in its one decimal form, so that the cell can be written again from it.

    Raises:
        FieldError: any other text.
    """
    if not _WHOLE.fullmatch(cells[column]):
        raise FieldError(column, "must be an integer")
    return _within_reason(int(cells[column]), column)


def cell_number(text: str, column: str) -> Decimal:
    """A number with its digits as written.

    Raises:
        FieldError: anything else.
    """
    if not _NUMBER.fullmatch(text):
        raise FieldError(column, "must be a number")
    return Decimal(text)


def count_of(value: object, field: str) -> int | None:
    """A count of a JSON feed, ``930`` or ``930.0``; None if the feed has null.

    Raises:
        FieldError: anything else.
    """
    match value:
        case None:
            return None
        case bool():
            raise FieldError(field, "must be an integer")
        case int() | Decimal() if value == int(value):
            return _within_reason(int(value), field)
        case _:
            raise FieldError(field, "must be an integer")


def _within_reason(count: int, field: str) -> int:
    if abs(count) > MAX_COUNT:
        raise FieldError(field, f"must be at most {MAX_COUNT}")
    return count


def present(**members: object) -> dict[str, Any]:
    """The members that the source has: its nulls are omitted here, and stored under ``sourceFields``."""
    return {name: value for name, value in members.items() if value is not None}


def rest(fields: Mapping[str, Any], used: Container[str]) -> dict[str, Any]:
    """The fields that the model lacks, and those that are null, as written."""
    return {name: value for name, value in fields.items() if name not in used or value is None}


def with_rest(entity: dict[str, Any], unplaced: Mapping[str, Any]) -> dict[str, Any]:
    return {**entity, "sourceFields": dict(unplaced)} if unplaced else entity

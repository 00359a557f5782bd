"""Rows that every format yields: a record to be written, or the reason of a refusal."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import BinaryIO, Protocol, TypeVar

from cityledger.errors import FormatError, InputError, places_of
from cityledger.formats.options import ImportOptions
from cityledger.types import SubjectId

T = TypeVar("T")
ROW_FAILED = "the node failed on this row and wrote nothing of it; its log has more. Send the file again"
"""The reason of a row that is refused because of a fault of the program. A file with such a row is imported
again when it is sent again."""

log = logging.getLogger(__name__)


class Act(StrEnum):
    """The effect of a row on the record that it names."""

    PUT = "put"
    """Writes it, new or not."""
    ADD = "add"
    """Writes a record that does not exist."""
    CHANGE = "change"
    """Writes the next version of a record that exists."""
    DELETE = "delete"
    """Withdraws a record that exists; its history remains."""


@dataclass(frozen=True, slots=True)
class Identifier:
    """A business identifier of a person or thing: ``system`` is the kind of ``value``. Never stored."""

    system: str
    value: str


@dataclass(frozen=True, slots=True)
class Row:
    """One record of a file. ``row_no`` counts from 1: lines, CSV records or Bundle entries of the source.

    ``parts`` holds the exact bytes of each part, empty for a DELETE. ``subjects`` are pseudonyms, or
    identifiers that the provider's node turns into pseudonyms. ``flags`` name implausible values that are
    stored, in kebab-case (``over-capacity``); they are counted and listed.
    """

    row_no: int
    provider_id: str
    parts: Mapping[str, bytes]
    act: Act = Act.PUT
    subjects: tuple[SubjectId | Identifier, ...] = ()
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A refused row; it changes nothing, and the rows after it are still read.

    ``field`` is a column or JSON path, "" for the whole row. ``reason`` repeats no value of the row, so
    that it can be shown, logged and counted.
    """

    row_no: int
    field: str
    reason: str


def row_or_reason(row_no: int, read: Callable[[], T]) -> T | RejectedRow:
    """The row of ``read()``, or its refusal; the rows after it are still read.

    Raises:
        FormatError: the whole file is unreadable.
    """
    try:
        return read()
    except FormatError:
        raise
    except InputError as error:
        return RejectedRow(row_no, error.field, error.reason)
    except Exception as error:
        return failed_row(row_no, error)


def failed_row(row_no: int, error: Exception) -> RejectedRow:
    """The refusal of a row on which the program failed. Logs the position, and nothing of the row."""
    log.error("row failed row=%d error=%s at=%s", row_no, type(error).__name__, places_of(error))
    return RejectedRow(row_no, "", ROW_FAILED)


@dataclass(frozen=True)
class Format:
    """A format of files with records of one profile (``profile`` None: of any).

    ``read(stream, options)`` yields rows as it goes, in constant memory where the format allows it. It
    raises FormatError if the whole file is unreadable: a missing column, an unknown encoding. Options outside
    of ``supported_options`` are refused, not ignored.
    """

    name: str
    title: str
    profile: str | None
    read: Reader
    supported_options: frozenset[str] = field(default_factory=frozenset)


class Reader(Protocol):
    def __call__(self, stream: BinaryIO, options: ImportOptions) -> Iterator[Row | RejectedRow]: ...

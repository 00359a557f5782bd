"""Functions that the formats of reported sales share: strict reading of cells, and the parts of a sale."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import partial
from hashlib import blake2b
from typing import TYPE_CHECKING, Protocol, TypeVar

import msgspec

from cityledger.errors import FieldError
from cityledger.formats.rows import RejectedRow, Row, row_or_reason

if TYPE_CHECKING:
    from collections.abc import Iterable

T = TypeVar("T")
Cells = Mapping[str, str]
"""A row by the layout's names of its columns, each cell as written."""

ZERO_PRICE = "zero-price"
"""The flag of a sale for 0: correct between relatives, possibly a mistake otherwise."""
_NUMBER = re.compile(r"\d{1,15}(\.\d{1,20})?", re.ASCII)
# Decimals are written with all their digits; a float would change 105.46.
_encode = msgspec.json.Encoder(decimal_format="number").encode


class RowReader(Protocol):
    def __call__(self, row_no: int, cells: Cells) -> Row:
        """Raises FieldError that names the column."""


def read_rows(
    table: Iterable[tuple[int, dict[str, str]] | RejectedRow], read: RowReader
) -> Iterator[Row | RejectedRow]:
    """Each row of a table, converted by ``read``; its refusal becomes a rejected row of that column."""
    for item in table:
        if isinstance(item, RejectedRow):
            yield item
            continue
        yield row_or_reason(item[0], partial(read, *item))


def sale(
    format_name: str, cells: Cells, renamed: Mapping[str, str], said: Mapping[str, object]
) -> dict[str, bytes]:
    """The parts of a reported sale: the row in the profile's terms, and the row itself.

    ``renamed`` has the file's own names, by which the source's columns are stored. Members of ``said`` that
    are None, and those of an address that are "", were not given and are omitted.
    """
    own = {renamed.get(name, name): cell for name, cell in cells.items()}
    given = {name: value for name, value in said.items() if value not in (None, "", [])}
    source = {"format": format_name, "columns": own}
    return {"transaction": _encode({"type": "sale", **given, "source": source})}


def address(country: str, **lines: str) -> dict[str, str] | None:
    """An address of the lines that are not empty; None if all are empty."""
    given = {name: line for name, line in lines.items() if line}
    return {"country": country, **given} if given else None


def price(cells: Cells, column: str, currency: str) -> dict[str, object]:
    """The price paid; 0 is stored as written, and flagged by ``price_flags``."""
    return {"value": number(cells, column), "currency": currency}


def price_flags(cells: Cells, column: str) -> tuple[str, ...]:
    return () if number(cells, column) else (ZERO_PRICE,)


def areas(cells: Cells, columns: Mapping[str, str]) -> list[dict[str, object]]:
    """Areas in square metres by what they measure; an empty cell and 0 mean that none was transferred."""
    read = {of: number(cells, column) for of, column in columns.items() if cells.get(column)}
    return [{"of": of, "value": value, "unit": "m2"} for of, value in read.items() if value]


def number(cells: Cells, column: str) -> Decimal:
    """A number of plain digits, exactly as written.

    Raises:
        FieldError: of the column.
    """
    if not _NUMBER.fullmatch(cells[column]):
        raise FieldError(column, "must be a number in plain digits")
    return Decimal(cells[column])


def code(cells: Cells, column: str, meanings: Mapping[str, T]) -> T:
    """The meaning of a coded cell.

    Raises:
        FieldError: of the column; names the accepted codes.
    """
    if cells[column] not in meanings:
        raise FieldError(column, f"must be one of {', '.join(meanings)}")
    return meanings[cells[column]]


class Occurrences:
    """Counts the occurrences of values in a file. Holds a digest of 16 bytes for each, not the value."""

    def __init__(self) -> None:
        self._seen: Counter[bytes] = Counter()

    def of(self, text: str) -> int:
        """The number of occurrences, including this one."""
        digest = blake2b(text.encode(), digest_size=16).digest()
        self._seen[digest] += 1
        return self._seen[digest]

"""``hmlr-price-paid``: monthly change files of HM Land Registry's Price Paid Data (England and Wales).

No header and 16 columns, named below after the publisher's description. The last is the act of a row: A adds
a sale, C changes one and D deletes one, so months are applied in order. The key is the GUID of the first
column; a record's id is that GUID in upper case without its braces. A D row holds only its key.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import BinaryIO

from cityledger.errors import FieldError
from cityledger.formats.land_sale import Cells, address, code, price, price_flags, read_rows, sale
from cityledger.formats.options import ImportOptions
from cityledger.formats.rows import Act, Format, RejectedRow, Row
from cityledger.formats.table import Layout, read_table

NAME = "hmlr-price-paid"
COLUMNS = (
    "id",
    "price",
    "date",
    "postcode",
    "type",
    "new",
    "tenure",
    "paon",
    "saon",
    "street",
    "locality",
    "town",
    "district",
    "county",
    "category",
    "status",
)
"""In the file's order. paon and saon are the primary and secondary addressable object: house, then flat."""

_ACTS = {"A": Act.ADD, "C": Act.CHANGE, "D": Act.DELETE}
_TYPES = {"D": "detached", "S": "semi-detached", "T": "terraced", "F": "flat", "O": "other"}
_TENURES = {"F": "freehold", "L": "leasehold", "U": None}
"""U means that the register does not state it."""
_CATEGORIES = {"A": "standard", "B": "additional"}
_NEW = {"Y": True, "N": False}
_GUID = re.compile(r"\{?([0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12})\}?", re.ASCII | re.IGNORECASE)
_DAY = re.compile(r"(\d{4}-\d{2}-\d{2})( 00:00)?", re.ASCII)


def read(stream: BinaryIO, options: ImportOptions) -> Iterator[Row | RejectedRow]:
    return read_rows(read_table(stream, Layout(COLUMNS, header_rows=0), {}), _row)


def _row(row_no: int, cells: Cells) -> Row:
    if cells["status"] not in _ACTS:
        raise FieldError("status", f"must be one of {', '.join(_ACTS)}")
    act = _ACTS[cells["status"]]
    if act is Act.DELETE:
        return Row(row_no, _key(cells), {}, act)
    return Row(row_no, _key(cells), _parts(cells), act, flags=price_flags(cells, "price"))


def _key(cells: Cells) -> str:
    match = _GUID.fullmatch(cells["id"])
    if match is None:
        raise FieldError("id", "must be a GUID")
    return match[1].upper()


def _parts(cells: Cells) -> dict[str, bytes]:
    said = {
        "date": _day(cells),
        "price": price(cells, "price", "GBP"),
        "address": address(
            "GB",
            region=cells["county"],
            district=cells["district"],
            town=cells["town"],
            locality=cells["locality"],
            street=cells["street"],
            building=cells["paon"],
            unit=cells["saon"],
            postcode=cells["postcode"],
        ),
        "tenure": code(cells, "tenure", _TENURES),
        "unitType": code(cells, "type", _TYPES),
        "category": code(cells, "category", _CATEGORIES),
        "newBuild": code(cells, "new", _NEW),
    }
    return sale(NAME, cells, {}, said)


def _day(cells: Cells) -> str:
    match = _DAY.fullmatch(cells["date"])
    if match is None:
        raise FieldError("date", "must be YYYY-MM-DD, with or without 00:00")
    try:
        return date.fromisoformat(match[1]).isoformat()
    except ValueError:
        raise FieldError("date", "must be a day of the calendar") from None


FORMATS = {
    NAME: Format(
        NAME, "HM Land Registry Price Paid Data, monthly change file", "property", read, frozenset({"upsert"})
    )
}

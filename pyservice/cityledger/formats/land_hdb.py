"""``hdb-resale``: resale flat prices of Singapore's Housing and Development Board.

The file has no key. A record's id is ``hdb-`` with 32 hex digits of SHA-256 over the row's cells, and the
number of occurrences of that row in the file up to it: ``hdb-…-1``. So a file sent again, or a later one that
holds the same rows, adds nothing, and two equal sales in one file are two records. Two limits: equal sales in
two files are one record, and a corrected row is a new one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import partial
from hashlib import sha256
from typing import BinaryIO

from cityledger.errors import FieldError
from cityledger.formats.land_sale import (
    Cells,
    Occurrences,
    address,
    areas,
    price,
    price_flags,
    read_rows,
    sale,
)
from cityledger.formats.options import ImportOptions
from cityledger.formats.rows import Format, RejectedRow, Row
from cityledger.formats.table import COLUMN_OPTIONS, Layout, read_table

NAME = "hdb-resale"
LAYOUT = Layout(
    required=(
        "month",
        "town",
        "flat_type",
        "block",
        "street_name",
        "storey_range",
        "floor_area_sqm",
        "flat_model",
        "lease_commence_date",
        "resale_price",
    ),
    optional=("remaining_lease",),  # absent before 2015
)
_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])", re.ASCII)


def read(stream: BinaryIO, options: ImportOptions) -> Iterator[Row | RejectedRow]:
    row = partial(_row, options=options, seen=Occurrences())
    return read_rows(read_table(stream, LAYOUT, options.columns, options.skip_columns), row)


def _row(row_no: int, cells: Cells, *, options: ImportOptions, seen: Occurrences) -> Row:
    digest = row_digest(cells)
    occurrence = seen.of(digest)  # also for a refused row, so that no other gets its number
    parts = _parts(cells, options)
    return Row(row_no, f"hdb-{digest}-{occurrence}", parts, flags=price_flags(cells, "resale_price"))


def row_digest(cells: Cells) -> str:
    """32 hex digits that do not depend on the order or the file's own names of the columns."""
    named = [(name, cells[name]) for name in LAYOUT.required + LAYOUT.optional if name in cells]
    return sha256(json.dumps(named, ensure_ascii=False).encode()).hexdigest()[:32]


def _parts(cells: Cells, options: ImportOptions) -> dict[str, bytes]:
    if not _MONTH.fullmatch(cells["month"]):
        raise FieldError("month", "must be YYYY-MM")
    said = {
        "date": cells["month"],
        "price": price(cells, "resale_price", "SGD"),
        "address": address("SG", town=cells["town"], street=cells["street_name"], building=cells["block"]),
        "areas": areas(cells, {"building": "floor_area_sqm"}),
        "tenure": "leasehold",  # every flat of the board is leasehold, and the file has its beginning
        "unitType": cells["flat_type"],
    }
    return sale(NAME, cells, options.columns, said)


FORMATS = {NAME: Format(NAME, "Singapore HDB resale flat prices", "property", read, COLUMN_OPTIONS)}

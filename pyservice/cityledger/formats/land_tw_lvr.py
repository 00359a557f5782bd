"""``tw-lvr``: sales of Taiwan's actual-price registration (不動產成交案件實際資訊, file ``*_lvr_land_a``).

UTF-8 with a byte-order mark, a Chinese header row and then an English one. Dates count years of the Republic:
1080630 is 2019-06-30. The key is the case number 編號; a second row with one is flagged ``repeated-key`` and
is the next version of its record, so that neither is lost. Counts of floors and lots, completion dates and
remarks have no fields in the profile, and are stored as written among the source's columns.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from functools import partial
from typing import BinaryIO

from cityledger.errors import FieldError, FormatError
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
from cityledger.profiles.provider_id import verify_provider_id

NAME = "tw-lvr"
REPEATED_KEY = "repeated-key"
PARKING_AREAS = ("車位移轉總面積平方公尺", "車位移轉總面積(平方公尺)")
"""The same column as spelt in the files of 2019 and of 2020; a file has one of them."""
LAYOUT = Layout(
    required=(
        "鄉鎮市區",
        "交易標的",
        "土地區段位置建物區段門牌",
        "土地移轉總面積平方公尺",
        "都市土地使用分區",
        "非都市土地使用分區",
        "非都市土地使用編定",
        "交易年月日",
        "交易筆棟數",
        "移轉層次",
        "總樓層數",
        "建物型態",
        "主要用途",
        "主要建材",
        "建築完成年月",
        "建物移轉總面積平方公尺",
        "建物現況格局-房",
        "建物現況格局-廳",
        "建物現況格局-衛",
        "建物現況格局-隔間",
        "有無管理組織",
        "總價元",
        "單價元平方公尺",
        "車位類別",
        "車位總價元",
        "備註",
        "編號",
    ),
    optional=(*PARKING_AREAS, "主建物面積", "附屬建物面積", "陽台面積", "電梯"),
    header_rows=2,
)
_REPUBLIC = 1911
"""Year 1 of the Republic is 1912."""
_DAY = re.compile(r"(\d{2,3})(\d{2})(\d{2})", re.ASCII)


def read(stream: BinaryIO, options: ImportOptions) -> Iterator[Row | RejectedRow]:
    row = partial(_row, options=options, seen=Occurrences())
    return read_rows(read_table(stream, LAYOUT, options.columns, options.skip_columns), row)


def _row(row_no: int, cells: Cells, *, options: ImportOptions, seen: Occurrences) -> Row:
    parking = _parking_area(cells)
    key = _key(cells)
    flags: tuple[str, ...] = (REPEATED_KEY,) if seen.of(key) > 1 else ()
    said = {
        "date": _day(cells, "交易年月日"),
        "price": price(cells, "總價元", "TWD"),
        "address": address("TW", district=cells["鄉鎮市區"], street=cells["土地區段位置建物區段門牌"]),
        "areas": areas(
            cells,
            {"land": "土地移轉總面積平方公尺", "building": "建物移轉總面積平方公尺", "parking": parking},
        ),
        "unitType": cells["建物型態"],
        "usage": cells["主要用途"],
        "category": cells["交易標的"],
    }
    flags = (*flags, *price_flags(cells, "總價元"))
    return Row(row_no, key, sale(NAME, cells, options.columns, said), flags=flags)


def _parking_area(cells: Cells) -> str:
    present = [name for name in PARKING_AREAS if name in cells]
    if len(present) != 1:
        raise FormatError("header", f"must have one column of {' and '.join(map(repr, PARKING_AREAS))}")
    return present[0]


def _key(cells: Cells) -> str:
    try:
        verify_provider_id(cells["編號"])
    except FieldError as error:
        raise FieldError("編號", error.reason) from None
    return cells["編號"]


def _day(cells: Cells, column: str) -> str:
    match = _DAY.fullmatch(cells[column])
    if match is None:
        raise FieldError(column, "must be a date in years of the Republic, six or seven digits")
    year, month, day = (int(digits) for digits in match.groups())
    try:
        return date(year + _REPUBLIC, month, day).isoformat()
    except ValueError:
        raise FieldError(column, "must be a day of the calendar") from None


FORMATS = {
    NAME: Format(
        NAME,
        "Taiwan actual-price registration, sales",
        "property",
        read,
        COLUMN_OPTIONS,
    )
}

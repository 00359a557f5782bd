from collections import Counter
from decimal import Decimal

import pytest

from cityledger.errors import FormatError
from cityledger.formats.land_tw_lvr import LAYOUT, PARKING_AREAS
from cityledger.formats.options import ImportOptions
from cityledger.formats.rows import RejectedRow, Row
from support.imports.land_files import accepted, as_csv, columns, raw_rows, read, transaction
from support.imports.public_data import public_data

HEADER = [*LAYOUT.required, PARKING_AREAS[0]]
SALE = dict.fromkeys(HEADER, "") | {
    "鄉鎮市區": "中正區",
    "交易標的": "房地(土地+建物)",
    "土地區段位置建物區段門牌": "臺北市中正區汀州路三段211~240號",
    "土地移轉總面積平方公尺": "6.01",
    "交易年月日": "1080630",
    "建物型態": "套房(1房1廳1衛)",
    "主要用途": "住家用",
    "建築完成年月": "0701119",
    "建物移轉總面積平方公尺": "105.46000000000001",
    "總價元": "7490000",
    "備註": "含增建或未登記建物。;",
    "編號": "RPOOMLMJQHOFFAA57CA",
    PARKING_AREAS[0]: "0.0",
}


def rows_of(*rows: dict[str, str], renamed: dict[str, str] | None = None) -> list[Row | RejectedRow]:
    own = [(renamed or {}).get(name, name) for name in rows[0]]
    data = as_csv([own, ["english"] * len(own), *(list(row.values()) for row in rows)])
    return read("tw-lvr", b"\xef\xbb\xbf" + data, ImportOptions(columns=renamed or {}))


def test_row_becomes_a_sale_with_a_date_of_the_common_era() -> None:
    (row,) = accepted(rows_of(SALE))
    said = transaction(row)
    assert row.provider_id == "RPOOMLMJQHOFFAA57CA"
    assert said.pop("source") == {"format": "tw-lvr", "columns": SALE}
    assert said == {
        "type": "sale",
        "date": "2019-06-30",
        "price": {"value": 7490000, "currency": "TWD"},
        "address": {"country": "TW", "district": "中正區", "street": "臺北市中正區汀州路三段211~240號"},
        "areas": [
            {"of": "land", "value": Decimal("6.01"), "unit": "m2"},
            {"of": "building", "value": Decimal("105.46000000000001"), "unit": "m2"},
        ],
        "unitType": "套房(1房1廳1衛)",
        "usage": "住家用",
        "category": "房地(土地+建物)",
    }


@pytest.mark.parametrize(
    ("written", "day"), [("0990105", "2010-01-05"), ("990105", "2010-01-05"), ("1090229", "2020-02-29")]
)
def test_years_of_the_republic_become_years_of_the_common_era(written: str, day: str) -> None:
    (row,) = accepted(rows_of(SALE | {"交易年月日": written}))
    assert transaction(row)["date"] == day


@pytest.mark.parametrize(
    ("column", "cell", "reason"),
    [
        ("交易年月日", "1080631", "must be a day of the calendar"),
        ("交易年月日", "1080229", "must be a day of the calendar"),
        ("交易年月日", "20190630", "must be a date in years of the Republic, six or seven digits"),
        ("交易年月日", "108/06/30", "must be a date in years of the Republic, six or seven digits"),
        ("交易年月日", "", "must be a date in years of the Republic, six or seven digits"),
        ("總價元", "七百萬", "must be a number in plain digits"),
        ("土地移轉總面積平方公尺", "6,01", "must be a number in plain digits"),
        (PARKING_AREAS[0], "?", "must be a number in plain digits"),
        ("編號", "", "must be 1 to 128 characters long"),
        ("編號", "R/1", "must be one segment of a URL: no '/', and not '.' or '..'"),
    ],
)
def test_wrong_cell_is_refused_by_its_column(column: str, cell: str, reason: str) -> None:
    assert rows_of(SALE | {column: cell}) == [RejectedRow(1, column, reason)]


def test_second_row_of_a_case_number_is_flagged_and_kept() -> None:
    first, other, second = accepted(rows_of(SALE, SALE | {"編號": "R1"}, SALE | {"總價元": "7500000"}))
    assert [first.flags, other.flags, second.flags] == [(), (), ("repeated-key",)]
    assert first.provider_id == second.provider_id
    assert transaction(second)["price"]["value"] == 7500000


def test_source_keeps_the_name_that_the_file_gives_a_column() -> None:
    (row,) = accepted(rows_of(SALE, renamed={"總價元": "總價"}))
    assert columns(row)["總價"] == "7490000"
    assert "總價元" not in columns(row)


def test_area_of_parking_has_one_of_two_spellings() -> None:
    newer = {PARKING_AREAS[1] if name == PARKING_AREAS[0] else name: cell for name, cell in SALE.items()}
    (row,) = accepted(rows_of(newer | {PARKING_AREAS[1]: "40.7"}))
    assert transaction(row)["areas"][2] == {"of": "parking", "value": Decimal("40.7"), "unit": "m2"}
    neither = {name: cell for name, cell in SALE.items() if name != PARKING_AREAS[0]}
    with pytest.raises(FormatError, match="must have one column of"):
        rows_of(neither)
    with pytest.raises(FormatError, match="must have one column of"):
        rows_of(SALE | {PARKING_AREAS[1]: "40.7"})


def test_file_with_one_header_row_loses_a_row_to_the_second_and_is_told_by_its_columns() -> None:
    with pytest.raises(FormatError, match="has none of the columns"):
        read("tw-lvr", as_csv([["serial number"], ["編號"]]))


@pytest.mark.parametrize(("year", "count", "width"), [(2019, 289, 28), (2020, 1200, 32)])
def test_every_row_of_a_file_is_read_and_keeps_its_cells(year: int, count: int, width: int) -> None:
    path = public_data(f"realestate/tw-lvr-taipei-{year}.csv")
    header, raw = raw_rows(path, header_rows=2)
    rows = accepted(read("tw-lvr", path))

    assert (len(raw), len(header)) == (count, width)
    assert Counter(row.flags for row in rows) == {(): count}
    assert [row.provider_id for row in rows] == [cells[header.index("編號")] for cells in raw]
    for row, cells in zip(rows, raw, strict=True):
        assert list(columns(row).items()) == list(zip(header, cells, strict=True))
        assert transaction(row)["price"]["value"] == int(cells[header.index("總價元")])
        roc = cells[header.index("交易年月日")]
        assert transaction(row)["date"] == f"{int(roc[:3]) + 1911}-{roc[3:5]}-{roc[5:]}"

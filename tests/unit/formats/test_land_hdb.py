from collections import Counter
from decimal import Decimal

import pytest

from cityledger.errors import FormatError
from cityledger.formats.land_hdb import LAYOUT
from cityledger.formats.options import ImportOptions
from cityledger.formats.rows import RejectedRow, Row
from support.imports.land_files import accepted, as_csv, columns, raw_rows, read, transaction
from support.imports.public_data import public_data

FILE = "realestate/hdb-resale-2015-2016.csv"
HEADER = [
    "month",
    "town",
    "flat_type",
    "block",
    "street_name",
    "storey_range",
    "floor_area_sqm",
    "flat_model",
    "lease_commence_date",
    "remaining_lease",
    "resale_price",
]
SALE = [
    "2015-01",
    "ANG MO KIO",
    "3 ROOM",
    "174",
    "ANG MO KIO AVE 4",
    "07 TO 09",
    "60.30",
    "Improved",
    "1986",
    "70",
    "255000",
]


def rows_of(
    *rows: list[str], header: list[str] = HEADER, **options: dict[str, str]
) -> list[Row | RejectedRow]:
    return read("hdb-resale", as_csv([header, *rows]), ImportOptions(columns=options.get("columns", {})))


def test_row_becomes_a_sale_with_its_month_and_no_invented_day() -> None:
    (row,) = accepted(rows_of(SALE))
    said = transaction(row)
    assert said.pop("source") == {"format": "hdb-resale", "columns": dict(zip(HEADER, SALE, strict=True))}
    assert said == {
        "type": "sale",
        "date": "2015-01",
        "price": {"value": 255000, "currency": "SGD"},
        "address": {"country": "SG", "town": "ANG MO KIO", "street": "ANG MO KIO AVE 4", "building": "174"},
        "areas": [{"of": "building", "value": Decimal("60.30"), "unit": "m2"}],
        "tenure": "leasehold",
        "unitType": "3 ROOM",
    }
    assert b'"value":60.30,' in row.parts["transaction"]


def test_equal_rows_are_numbered_and_a_replay_gives_the_same_ids() -> None:
    other = [*SALE[:-1], "260000"]
    first = [row.provider_id for row in accepted(rows_of(SALE, other, SALE))]
    again = [row.provider_id for row in accepted(rows_of(SALE, other, SALE))]
    assert first == again
    assert len(set(first)) == 3
    assert first[0].removesuffix("-1") == first[2].removesuffix("-2")


def test_id_does_not_depend_on_the_order_or_names_of_columns() -> None:
    (plain,) = accepted(rows_of(SALE))
    (turned,) = accepted(rows_of(SALE[::-1], header=HEADER[::-1]))
    header = ["price" if name == "resale_price" else name for name in HEADER]
    (renamed,) = accepted(rows_of(SALE, header=header, columns={"resale_price": "price"}))
    assert plain.provider_id == turned.provider_id == renamed.provider_id
    assert columns(renamed) == dict(zip(header, SALE, strict=True))


def test_refused_row_keeps_its_place_among_equal_rows() -> None:
    bad = [*SALE[:-1], "n/a"]
    refused, taken = rows_of(bad, SALE)
    assert refused == RejectedRow(1, "resale_price", "must be a number in plain digits")
    assert accepted([taken])[0].provider_id.endswith("-1")


@pytest.mark.parametrize(
    ("column", "cell", "reason"),
    [
        ("month", "2015-13", "must be YYYY-MM"),
        ("month", "Jan 2015", "must be YYYY-MM"),
        ("floor_area_sqm", "-60", "must be a number in plain digits"),
    ],
)
def test_wrong_cell_is_refused_by_its_column(column: str, cell: str, reason: str) -> None:
    cells = [cell if name == column else old for name, old in zip(HEADER, SALE, strict=True)]
    assert rows_of(cells) == [RejectedRow(1, column, reason)]


def test_files_without_the_remaining_lease_are_read_and_others_tell_what_is_missing() -> None:
    left = [name for name in HEADER if name != "remaining_lease"]
    cells = [cell for name, cell in zip(HEADER, SALE, strict=True) if name != "remaining_lease"]
    (row,) = accepted(rows_of(cells, header=left))
    assert columns(row) == dict(zip(left, cells, strict=True))
    with pytest.raises(FormatError, match="missing column 'resale_price'; unknown column 'price'"):
        rows_of(SALE, header=[*HEADER[:-1], "price"])


def test_every_row_of_the_file_is_read_and_keeps_its_cells() -> None:
    header, raw = raw_rows(public_data(FILE), header_rows=1)
    rows = accepted(read("hdb-resale", public_data(FILE)))

    assert sorted(header) == sorted(LAYOUT.required + LAYOUT.optional)
    assert len(raw) == len(rows) == 2500
    assert len({row.provider_id for row in rows}) == 2500
    assert Counter(row.flags for row in rows) == {(): 2500}
    for row, cells in zip(rows, raw, strict=True):
        assert list(columns(row).items()) == list(zip(header, cells, strict=True))
        assert transaction(row)["price"]["value"] == Decimal(cells[-1])

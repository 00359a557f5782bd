from collections import Counter

import pytest

from cityledger.formats import registry
from cityledger.formats.land_hmlr import COLUMNS
from cityledger.formats.rows import Act, RejectedRow, Row
from support.imports.land_files import HMLR_MONTHS, accepted, as_csv, columns, raw_rows, read, transaction
from support.imports.public_data import public_data

SALE = dict(
    zip(
        COLUMNS,
        [
            "{712A5468-653F-43F9-B663-A8084DB37AD0}",
            "67000",
            "2002-11-19 00:00",
            "PO33 2EQ",
            "F",
            "N",
            "L",
            "36B",
            "FLAT 2",
            "CASTLE STREET",
            "",
            "RYDE",
            "ISLE OF WIGHT",
            "ISLE OF WIGHT",
            "A",
            "A",
        ],
        strict=True,
    )
)


def one(**changes: str) -> Row | RejectedRow:
    (item,) = read("hmlr-price-paid", as_csv([list({**SALE, **changes}.values())]))
    return item


def test_row_becomes_a_sale_in_the_words_of_the_profile() -> None:
    (row,) = accepted([one()])
    said = transaction(row)
    assert said.pop("source") == {"format": "hmlr-price-paid", "columns": SALE}
    assert said == {
        "type": "sale",
        "date": "2002-11-19",
        "price": {"value": 67000, "currency": "GBP"},
        "address": {
            "country": "GB",
            "region": "ISLE OF WIGHT",
            "district": "ISLE OF WIGHT",
            "town": "RYDE",
            "street": "CASTLE STREET",
            "building": "36B",
            "unit": "FLAT 2",
            "postcode": "PO33 2EQ",
        },
        "tenure": "leasehold",
        "unitType": "flat",
        "category": "standard",
        "newBuild": False,
    }


@pytest.mark.parametrize("key", ["{712a5468-653f-43f9-b663-a8084db37ad0}", SALE["id"].strip("{}")])
def test_id_is_the_guid_in_upper_case_without_braces(key: str) -> None:
    item = one(id=key)
    assert isinstance(item, Row)
    assert item.provider_id == "712A5468-653F-43F9-B663-A8084DB37AD0"


@pytest.mark.parametrize(("status", "act"), [("A", Act.ADD), ("C", Act.CHANGE), ("D", Act.DELETE)])
def test_status_is_the_act(status: str, act: Act) -> None:
    item = one(status=status)
    assert isinstance(item, Row)
    assert item.act is act
    assert bool(item.parts) is (act is not Act.DELETE)


def test_deletion_needs_nothing_but_its_key() -> None:
    blank = dict.fromkeys(COLUMNS, "")
    assert isinstance(one(**{**blank, "id": SALE["id"], "status": "D"}), Row)


def test_tenure_that_the_register_does_not_tell_is_left_out() -> None:
    (row,) = accepted([one(tenure="U")])
    assert "tenure" not in transaction(row)
    assert columns(row)["tenure"] == "U"


@pytest.mark.parametrize(
    ("column", "cell", "reason"),
    [
        ("id", "712A5468", "must be a GUID"),
        ("price", "", "must be a number in plain digits"),
        ("price", "-1", "must be a number in plain digits"),
        ("price", "1e5", "must be a number in plain digits"),
        ("price", "６７０", "must be a number in plain digits"),
        ("date", "19/11/2002", "must be YYYY-MM-DD, with or without 00:00"),
        ("date", "2002-11-19 09:30", "must be YYYY-MM-DD, with or without 00:00"),
        ("date", "2002-02-30 00:00", "must be a day of the calendar"),
        ("type", "X", "must be one of D, S, T, F, O"),
        ("new", "", "must be one of Y, N"),
        ("tenure", "f", "must be one of F, L, U"),
        ("category", "C", "must be one of A, B"),
        ("status", "R", "must be one of A, C, D"),
    ],
)
def test_wrong_cell_is_refused_by_its_column(column: str, cell: str, reason: str) -> None:
    assert one(**{column: cell}) == RejectedRow(1, column, reason)


def test_row_of_another_width_is_refused_and_the_next_is_read() -> None:
    short, whole = read("hmlr-price-paid", as_csv([["x"] * 15, list(SALE.values())]))
    assert short == RejectedRow(1, "", "has 15 cells, the file's columns are 16")
    assert isinstance(whole, Row)
    assert whole.row_no == 2


def test_format_takes_upsert_and_no_column_names_as_the_file_has_none() -> None:
    assert registry.get("hmlr-price-paid").supported_options == {"upsert"}


# Months of 2025, Isle of Wight, by status; counted with csv.reader alone.
COUNTS = {
    "04": {"A": 248, "C": 14, "D": 3},
    "05": {"A": 250, "C": 22, "D": 8},
    "06": {"A": 233, "C": 23, "D": 11},
    "07": {"A": 227, "C": 18, "D": 7},
    "08": {"A": 243, "C": 15, "D": 1},
    "09": {"A": 279, "C": 12, "D": 2},
    "10": {"A": 246, "C": 46, "D": 7},
}


@pytest.mark.parametrize("month", HMLR_MONTHS)
def test_every_row_of_a_month_is_read_and_keeps_its_cells(month: str) -> None:
    path = public_data(month)
    _, raw = raw_rows(path, header_rows=0)
    rows = accepted(read("hmlr-price-paid", path))

    assert Counter(cells[15] for cells in raw) == COUNTS[path.stem[-2:]]
    assert [row.act.value[0].upper() for row in rows] == [cells[15] for cells in raw]
    assert [row.row_no for row in rows] == list(range(1, len(raw) + 1))
    assert [f"{{{row.provider_id}}}" for row in rows] == [cells[0] for cells in raw]
    written = [(row, cells) for row, cells in zip(rows, raw, strict=True) if cells[15] != "D"]
    for row, cells in written:
        assert list(columns(row).items()) == list(zip(COLUMNS, cells, strict=True))
        assert transaction(row)["price"]["value"] == int(cells[1])
        assert transaction(row)["date"] == cells[2][:10]

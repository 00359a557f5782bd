from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityledger.errors import PayloadError
from cityledger.formats import land_hdb, land_hmlr, land_tw_lvr
from cityledger.formats.land_sale import Occurrences, address, areas, number, sale
from cityledger.formats.rows import RejectedRow, Row
from cityledger.profiles.property import PROPERTY
from support.imports.land_files import as_csv, columns, read

LAYOUTS = {
    "hmlr-price-paid": (list(land_hmlr.COLUMNS), 0),
    "hdb-resale": (list(land_hdb.LAYOUT.required), 1),
    "tw-lvr": ([*land_tw_lvr.LAYOUT.required, land_tw_lvr.PARKING_AREAS[0]], 2),
}
CELLS = st.one_of(
    st.sampled_from(["", "A", "C", "D", "F", "N", "1", "0", "1080630", "2015-01", "2015-01-01", "6.10"]),
    st.sampled_from(["712A5468-653F-43F9-B663-A8084DB37AD0", " ", "\u202e", "\n", '"', "=1+1"]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=300),
)


@pytest.mark.parametrize("name", LAYOUTS)
@given(data=st.data())
def test_any_cells_become_a_row_that_keeps_them_or_a_refusal_of_a_column(
    name: str, data: st.DataObject
) -> None:
    header, header_rows = LAYOUTS[name]
    cells = data.draw(st.lists(CELLS, min_size=len(header), max_size=len(header)))
    for item in read(name, as_csv([*[header] * header_rows, cells])):
        if isinstance(item, RejectedRow):
            assert item.field in header
            continue
        assert isinstance(item, Row)
        if not item.parts:
            continue
        try:
            PROPERTY.validate(item.parts)
        except PayloadError as error:  # too long for the profile, which says where
            assert error.field.startswith("parts.transaction.")
        assert columns(item) == dict(zip(header, cells, strict=True))


def test_number_keeps_every_digit() -> None:
    (part,) = sale("f", {"n": "6.10"}, {}, {"price": {"value": number({"n": "6.10"}, "n")}}).values()
    assert b'"value":6.10}' in part


def test_sale_leaves_out_what_was_not_told_and_keeps_what_is_false() -> None:
    said: dict[str, object] = {"address": None, "usage": "", "areas": [], "newBuild": False}
    assert sale("f", {"a": ""}, {}, said)["transaction"] == (
        b'{"type":"sale","newBuild":false,"source":{"format":"f","columns":{"a":""}}}'
    )


def test_address_of_no_lines_is_none() -> None:
    assert address("GB", street="", town="") is None
    assert address("GB", street="X", town="") == {"country": "GB", "street": "X"}


def test_areas_leave_out_what_did_not_change_hands() -> None:
    cells = {"l": "0.0", "b": "", "p": "1.50"}
    given = areas(cells, {"land": "l", "building": "b", "parking": "p"})
    assert given == [{"of": "parking", "value": Decimal("1.50"), "unit": "m2"}]


def test_occurrences_count_each_thing_apart() -> None:
    seen = Occurrences()
    assert [seen.of(text) for text in ("a", "b", "a", "a")] == [1, 1, 2, 3]

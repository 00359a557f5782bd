"""Two files of 14,016 quarter hours each, in order and without repeats, all from 0 to 100 percent. They go
through the night of 27 March 2016 without a gap: on Dresden's clock four of their times never were, which are
refused; declared in a zone without summer time, every row is taken. Of 61 features of the lots the first is
the city itself, and 22 of the 60 car parks do not say how many spaces they have."""

import csv
import io
import json
from decimal import Decimal
from typing import Any

import pytest

from cityledger.errors import FormatError
from cityledger.formats.options import ImportOptions
from cityledger.formats.rows import RejectedRow, Row
from cityledger.strict_json import parse
from support.imports.local_times import local_text
from support.imports.memory_import import apply, one_refusal, one_row, read_rows
from support.imports.public_data import public_data

OCCUPANCY = {
    "Altmarkt": "parking/dresden-altmarkt-2016-01-01_2016-05-25.csv",
    "City Center": "parking/dresden-citycenter-2016-01-01_2016-05-25.csv",
}
LOTS = "parking/dresden-lots.geojson"
BERLIN = "Europe/Berlin"


def options(**more: Any) -> ImportOptions:
    return ImportOptions(**{"timezone": BERLIN, "place": "Altmarkt", **more})


@pytest.mark.parametrize(
    ("percent", "share"), [(b"15", "0.15"), (b"0", "0.00"), (b"100", "1.00"), (b"12.5", "0.125")]
)
def test_percent_becomes_an_exact_share_and_no_count_is_invented(percent: bytes, share: str) -> None:
    row = one_row("dresden-occupancy", b"2016-01-01T00:00:00,%s" % percent, options())
    assert row.provider_id == "Altmarkt"
    assert row.parts["state"].decode() == (
        '{"id":"urn:ngsi-ld:OffStreetParking:Altmarkt","type":"OffStreetParking",'
        f'"occupancy":{share},"observedAt":"2016-01-01T00:00:00+01:00"}}'
    )


@pytest.mark.parametrize(("percent", "occupied"), [(b"15", 60), (b"7", 28), (b"0", 0), (b"99", 396)])
def test_spaces_are_counted_once_the_capacity_is_told(percent: bytes, occupied: int) -> None:
    row = one_row("dresden-occupancy", b"2016-01-01T00:00:00,%s" % percent, options(capacity=400))
    state = json.loads(row.parts["state"])
    assert (state["totalSpotNumber"], state["occupiedSpotNumber"]) == (400, occupied)


@pytest.mark.parametrize(("percent", "flag"), [(b"-3", "negative"), (b"104", "over-capacity")])
def test_percent_beyond_its_range_is_kept_and_marked(percent: bytes, flag: str) -> None:
    row = one_row("dresden-occupancy", b"2016-01-01T00:00:00,%s" % percent, options(capacity=400))
    assert row.flags == (flag,)
    assert apply([row]).accepted == 1


@pytest.mark.parametrize(
    ("line", "field"),
    [
        (b"2016-03-27T02:15:00,45", "timestamp"),
        (b"2016-01-01 00:00:00,45", "timestamp"),
        (b"2016-01-01T00:00:00,", "percent"),
        (b"2016-01-01T00:00:00,1e2", "percent"),
        (b"2016-01-01T00:00:00,10001", "percent"),
        (b"2016-01-01T00:00:00,1,2", ""),
    ],
)
def test_row_that_cannot_be_read_is_refused_by_its_column(line: bytes, field: str) -> None:
    assert one_refusal("dresden-occupancy", line, options())[0] == field


@pytest.mark.parametrize(
    ("missing", "field"),
    [({"timezone": None}, "timezone"), ({"place": None}, "place"), ({"capacity": 0}, "capacity")],
)
def test_file_is_refused_without_what_it_does_not_say(missing: dict[str, Any], field: str) -> None:
    with pytest.raises(FormatError, match=rf"^{field}: "):
        read_rows("dresden-occupancy", b"", options(**missing))


@pytest.mark.parametrize("place", OCCUPANCY)
def test_whole_file_goes_in_but_for_four_times_that_never_were(place: str) -> None:
    rows = read_rows("dresden-occupancy", public_data(OCCUPANCY[place]), options(place=place))
    outcome = apply(rows)
    assert outcome.accepted == 14_012
    assert (outcome.duplicates, outcome.older, dict(outcome.flags)) == (0, 0, {})
    refused = [row for row in rows if isinstance(row, RejectedRow)]
    assert {row.field for row in refused} == {"timestamp"}
    assert [cells(place)[row.row_no - 1][0] for row in refused] == [
        f"2016-03-27T02:{minute:02}:00" for minute in (0, 15, 30, 45)
    ]


@pytest.mark.parametrize("place", OCCUPANCY)
def test_every_row_can_be_read_back_if_the_clock_had_no_summer_time(place: str) -> None:
    rows = read_rows("dresden-occupancy", public_data(OCCUPANCY[place]), options(timezone="Etc/GMT-1"))
    assert [cells_of(row) for row in rows] == cells(place)
    assert apply(rows).accepted == 14_016


def cells(place: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(public_data(OCCUPANCY[place]).read_text("utf-8"))))


def cells_of(row: object) -> list[str]:
    state = part_of(row, "state")
    return [local_text(state["observedAt"], "T"), str(state["occupancy"].scaleb(2))]


def part_of(row: object, name: str) -> dict[str, Any]:
    assert isinstance(row, Row)
    part = parse(row.parts[name], max_bytes=100_000)
    assert isinstance(part, dict)
    return part


def test_all_lots_go_in_but_the_city() -> None:
    rows = read_rows("dresden-lots", public_data(LOTS))
    outcome = apply(rows)
    assert outcome.accepted == len(outcome.newest) == 60
    reason = "the object with this row's number in the feed is not a place: it is the city itself"
    assert outcome.rejected == {("properties.type", reason): 1}
    without_total = [row for row in rows[1:] if "totalSpotNumber" not in part_of(row, "place")]
    assert len(without_total) == sum("total" not in lot["properties"] for lot in features()[1:]) == 22


def test_lots_whose_names_differ_by_a_slash_are_two() -> None:
    """Were the slash replaced by a dash, the one would be a version of the other."""
    ids = {row.provider_id for row in read_rows("dresden-lots", public_data(LOTS)) if isinstance(row, Row)}
    assert {"lot-Wöhrl %2F Florentinum", "lot-Wöhrl - Florentinum"} <= ids


def test_every_field_of_every_lot_can_be_read_back() -> None:
    rows = [row for row in read_rows("dresden-lots", public_data(LOTS)) if isinstance(row, Row)]
    for row, feature in zip(rows, features()[1:], strict=True):
        place = part_of(row, "place")
        kinds = {"parkingGarage": "Parkhaus", "underground": "Tiefgarage", "parkingLot": "Parkplatz"}
        source: dict[str, Any] = {"name": place["name"], "type": kinds[place["category"][0]]}
        source |= {"total": place["totalSpotNumber"]} if "totalSpotNumber" in place else {}
        source |= {"address": place["address"]["streetAddress"]} if "address" in place else {}
        source |= place.get("sourceFields", {})
        assert source == feature["properties"]
        assert place["location"] == feature["geometry"]


def features() -> list[dict[str, Any]]:
    read: list[dict[str, Any]] = json.loads(public_data(LOTS).read_bytes(), parse_float=Decimal)["features"]
    return read


def test_lot_in_a_national_grid_is_converted_and_keeps_its_own_coordinates() -> None:
    lot = b"""{"features": [{"geometry": {"type": "Point", "coordinates": [411500.5, 5655700]},
               "properties": {"name": "A", "type": "Parkplatz"}}]}"""
    row = one_row("dresden-lots", lot, ImportOptions(crs="EPSG:25833"))
    place = part_of(row, "place")
    longitude, latitude = place["location"]["coordinates"]
    assert (round(longitude, 1), round(latitude, 1)) == (Decimal("13.7"), Decimal("51.0"))
    assert place["sourceFields"]["geometry"]["coordinates"] == [Decimal("411500.5"), 5655700]


@pytest.mark.parametrize("data", [b"", b"[]", b'{"features": {}}', b'{"features": [', b'{"a": 1, "a": 2}'])
def test_file_that_is_no_collection_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        read_rows("dresden-lots", data)

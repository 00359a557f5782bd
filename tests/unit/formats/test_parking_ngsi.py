import json
from typing import Any

import pytest

from cityledger.errors import FormatError
from cityledger.formats.options import ImportOptions
from cityledger.formats.rows import RejectedRow, Row
from support.imports.memory_import import apply, one_refusal, one_row, read_rows
from support.imports.public_data import public_data

ENTITY: dict[str, Any] = {
    "id": "urn:ngsi-ld:OffStreetParking:1",
    "type": "OffStreetParking",
    "totalSpotNumber": 10,
    "availableSpotNumber": 4,
    "observedAt": "2026-03-01T08:15:00+08:00",
}
NORMALIZED: dict[str, Any] = {
    "id": ENTITY["id"],
    "type": ENTITY["type"],
    "totalSpotNumber": {"type": "Property", "value": 10, "observedAt": ENTITY["observedAt"]},
    "availableSpotNumber": {"type": "Property", "value": 4},
    "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [116.384047, 39.913345]}},
}


def data(*entities: object) -> bytes:
    return "\n".join(json.dumps(entity) for entity in entities).encode()


def test_entity_with_a_time_is_a_state_with_its_exact_bytes() -> None:
    written = (
        b'{ "id":"a", "type":"OffStreetParking", "occupancy": 0.60, "observedAt":"2026-03-01T08:15:00Z" }'
    )
    row = one_row("ngsi-ld", written)
    assert (row.provider_id, row.parts) == ("a", {"state": written})


def test_entity_without_a_time_is_a_place() -> None:
    timeless = {name: value for name, value in ENTITY.items() if name != "observedAt"}
    assert set(one_row("ngsi-ld", data(timeless)).parts) == {"place"}
    assert set(one_row("ngsi-ld", data({"id": "a", "type": "ParkingAccess"})).parts) == {"place"}


@pytest.mark.parametrize(
    "written",
    [
        data(ENTITY, NORMALIZED),
        data(ENTITY, NORMALIZED) + b"\r\n\n",
        b"\xef\xbb\xbf" + data(ENTITY, NORMALIZED),
        json.dumps([ENTITY, NORMALIZED]).encode(),
        json.dumps([ENTITY, NORMALIZED], indent=1).encode(),
    ],
)
def test_lines_and_arrays_give_the_same_rows(written: bytes) -> None:
    rows = read_rows("ngsi-ld", written)
    assert [row.row_no for row in rows] == [1, 2]
    parts = [json.loads(row.parts["state"]) for row in rows if isinstance(row, Row)]
    assert parts == [ENTITY, NORMALIZED]


def test_entity_over_several_lines_is_one() -> None:
    assert one_row("ngsi-ld", json.dumps(ENTITY, indent=2).encode()).row_no == 1


def test_bad_line_is_refused_alone() -> None:
    rows = read_rows("ngsi-ld", data(ENTITY) + b'\n{"a":\n' + data(ENTITY))
    assert [type(row) for row in rows] == [Row, RejectedRow, Row]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"id": 5}, "id"),
        ({"type": "Weather"}, "type"),
        ({"type": None}, "type"),
        ({"id": "110101199003077715"}, "id"),
    ],
)
def test_entity_is_refused_by_its_field(changes: dict[str, object], field: str) -> None:
    assert one_refusal("ngsi-ld", data(ENTITY | changes))[0] == field


@pytest.mark.parametrize("written", [b"", b"5", b'"a"', b"[1, 2", b'{"id": '])
def test_file_that_holds_no_entities_is_refused(written: bytes) -> None:
    with pytest.raises(FormatError):
        read_rows("ngsi-ld", written)


@pytest.mark.parametrize("entity", [ENTITY, NORMALIZED])
def test_odd_number_is_marked_beside_the_marks_that_are_there(entity: dict[str, Any]) -> None:
    odd = entity | {"availableSpotNumber": -1, "quality": ["stale"]}
    row = one_row("ngsi-ld", data(odd))
    assert row.flags == ("stale", "negative")
    assert json.loads(row.parts["state"])["quality"] == ["stale", "negative"]
    assert apply([row]).accepted == 1


def test_marked_number_is_flagged_and_its_bytes_are_kept() -> None:
    written = data(ENTITY | {"availableSpotNumber": 11, "quality": ["over-capacity"]})
    row = one_row("ngsi-ld", written)
    assert (row.flags, row.parts) == (("over-capacity",), {"state": written})


@pytest.mark.parametrize("wrong", ["4", None, True, [4], {"value": 4}])
def test_count_of_a_wrong_type_is_left_to_the_profile(wrong: object) -> None:
    assert one_row("ngsi-ld", data(ENTITY | {"availableSpotNumber": wrong})).flags == ()


def test_location_in_a_chinese_system_is_moved_and_kept() -> None:
    row = one_row("ngsi-ld", data(NORMALIZED), ImportOptions(crs="GCJ-02"))
    state = json.loads(row.parts["state"])
    assert state["location"]["type"] == "GeoProperty"
    assert state["location"]["value"]["coordinates"] == pytest.approx([116.37782, 39.91195], abs=1e-5)
    assert state["sourceFields"] == {"location": NORMALIZED["location"]["value"], "crs": "GCJ-02"}
    assert apply([row]).accepted == 1


def test_polygon_is_moved_as_a_whole() -> None:
    ring = [[116.39, 39.90], [116.40, 39.90], [116.40, 39.91], [116.39, 39.90]]
    place = {"id": "a", "type": "OnStreetParking", "location": {"type": "Polygon", "coordinates": [ring]}}
    row = one_row("ngsi-ld", data(place), ImportOptions(crs="BD-09"))
    assert apply([row]).accepted == 1
    (moved,) = json.loads(row.parts["place"])["location"]["coordinates"]
    assert len(moved) == 4
    assert all(new != old for new, old in zip(moved, ring, strict=True))


@pytest.mark.parametrize("location", [5, {"type": "Point"}, {"type": "Point", "coordinates": ["a", "b"]}])
def test_location_that_is_none_is_refused_when_it_must_be_moved(location: object) -> None:
    field, _reason = one_refusal(
        "ngsi-ld", data(ENTITY | {"location": location}), ImportOptions(crs="GCJ-02")
    )
    assert field.startswith("location")


def test_official_examples_go_in() -> None:
    paths = sorted(public_data("parking/ngsi-examples").iterdir())
    outcome = apply(row for path in paths for row in read_rows("ngsi-ld", path))
    assert not outcome.rejected
    assert not outcome.flags
    # The two forms of the entrance have one id, and differ in their context: two versions of one record.
    assert (outcome.accepted, outcome.duplicates, len(outcome.newest)) == (len(paths), 0, 8) == (9, 0, 8)

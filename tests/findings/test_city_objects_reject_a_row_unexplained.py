"""A feed's object for the city itself, or one without a place's members, was refused without saying that."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cityledger.formats.options import ImportOptions
from cityledger.formats.rows import RejectedRow, Row
from support.imports.memory_import import read_rows

POINT = {"type": "Point", "coordinates": [7.85, 47.99]}
PLACES: dict[str, tuple[dict[str, Any], ImportOptions]] = {
    "freiburg": (
        {
            "properties": {
                "obs_parkid": "13",
                "obs_max": "105",
                "obs_free": "56",
                "obs_ts": "2024-06-10 10:20:00",
                "park_name": "A",
            },
            "geometry": None,
        },
        ImportOptions(timezone="Europe/Berlin"),
    ),
    "konstanz": (
        {
            "attributes": {"id": 4, "name": "A", "updated": 1_723_876_205_000, "real_fcap": 3},
            "geometry": {"x": 9.17, "y": 47.66},
        },
        ImportOptions(crs="EPSG:4326"),
    ),
    "vrn": (
        {"properties": {"original_uid": "1", "name": "A", "capacity": 9}, "geometry": POINT},
        ImportOptions(),
    ),
    "dresden-lots": ({"properties": {"name": "A", "total": 9}, "geometry": POINT}, ImportOptions()),
    "ulm-sites": (
        {"id": "1", "timestamp": "2026-03-01T00:15:00Z", "maxcarparkfull": 9},
        ImportOptions(),
    ),
    "ulm-spots": ({"id": "1", "timestamp": "2026-03-01T00:15:00Z", "occupied": True}, ImportOptions()),
    "pbw": (
        {"dynamisch": {"kurzparker_frei": 3}},
        ImportOptions(observed_at="2026-03-01T00:15:00Z"),
    ),
    "ngsi-ld": (
        {"id": "urn:ngsi-ld:OffStreetParking:a", "type": "OffStreetParking", "totalSpotNumber": 9},
        ImportOptions(),
    ),
    "cds": ({"curb_zone_id": "a", "geometry": POINT}, ImportOptions()),
}
INNER = {
    "freiburg": "properties",
    "konstanz": "attributes",
    "vrn": "properties",
    "dresden-lots": "properties",
}
IDS = {
    "freiburg": "properties.obs_parkid",
    "konstanz": "attributes.id",
    "vrn": "properties.original_uid",
    "dresden-lots": "properties.name",
    "ulm-sites": "id",
    "ulm-spots": "id",
    "pbw": "dynamisch",
    "ngsi-ld": "id",
}
LEAD = "the object with this row's number in the feed is not a place: "


def document(format_: str, *items: object) -> bytes:
    match format_:
        case "pbw":
            value: object = {str(number): item for number, item in enumerate(items, start=7)}
        case "cds":
            value = {"data": {"zones": list(items)}}
        case "ulm-sites" | "ulm-spots" | "ngsi-ld":
            value = list(items)
        case _:
            value = {"features": list(items)}
    return json.dumps(value).encode()


def second(format_: str, item: object) -> RejectedRow:
    """The refusal of ``item`` behind a place, which is read nevertheless."""
    place, options = PLACES[format_]
    first, refused = read_rows(format_, document(format_, place, item), options)
    assert isinstance(first, Row), first
    assert isinstance(refused, RejectedRow), refused
    assert refused.row_no == 2
    return refused


@pytest.mark.parametrize("format_", PLACES)
@pytest.mark.parametrize("item", [7, None, [], "Freiburg"])
def test_what_is_not_an_object_is_not_a_place(format_: str, item: object) -> None:
    assert second(format_, item).reason.startswith(LEAD)


@pytest.mark.parametrize("format_", IDS)
def test_an_object_without_the_member_that_identifies_a_place_says_which(format_: str) -> None:
    city = {"name": "Stadt"} if format_ != "dresden-lots" else {"title": "Stadt"}
    item = {INNER[format_]: city, "geometry": POINT} if format_ in INNER else city
    refused = second(format_, item)
    assert (refused.field, refused.reason) == (IDS[format_], f"{LEAD}it has no member {IDS[format_]}")
    assert "Stadt" not in refused.reason


@pytest.mark.parametrize("format_", INNER)
def test_an_object_without_properties_is_not_a_place(format_: str) -> None:
    refused = second(format_, {"last_updated": "2026-03-01T00:15:00Z"})
    inner = INNER[format_]
    expected = (inner, f"{LEAD}its {inner} is missing or not a JSON object")
    assert (refused.field, refused.reason) == expected


@pytest.mark.parametrize("format_", ["freiburg", "konstanz", "vrn", "dresden-lots", "ulm-sites", "ulm-spots"])
def test_the_city_itself_is_named_as_such(format_: str) -> None:
    """Even where the object has an id as places have."""
    place, _options = PLACES[format_]
    inner = INNER.get(format_)
    city = {**place, inner: {**place[inner], "type": "city"}} if inner else {**place, "type": "city"}
    assert second(format_, city).reason == f"{LEAD}it is the city itself"


def test_entities_that_are_not_of_parking_are_not_places() -> None:
    refused = second("ngsi-ld", {"id": "urn:ngsi-ld:City:ulm", "type": "City"})
    assert refused.field == "type"
    assert refused.reason.startswith(f"{LEAD}its type must be one of OffStreetParking, ")


def test_elements_of_other_kinds_are_not_places() -> None:
    data = json.dumps({"data": {"zones": [], "areas": [{"curb_area_id": "a"}]}}).encode()
    (refused,) = read_rows("cds", data)
    assert isinstance(refused, RejectedRow)
    assert refused.reason == f"{LEAD}it must be among the payload's events, zones, policies"


def test_a_place_without_its_name_is_refused_for_what_is_missing() -> None:
    place, options = PLACES["vrn"]
    properties = {name: value for name, value in place["properties"].items() if name != "name"}
    (refused,) = read_rows("vrn", document("vrn", {**place, "properties": properties}), options)
    assert isinstance(refused, RejectedRow)
    assert (refused.field, refused.reason) == ("name", "is missing; it must be a string that is not empty")

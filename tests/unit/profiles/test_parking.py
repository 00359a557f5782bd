import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityledger.errors import PayloadError
from cityledger.profiles.parking import PARKING
from cityledger.profiles.parking_quality import NUMERIC_MARKS

SQUARE = [[116.39, 39.90], [116.40, 39.90], [116.40, 39.91], [116.39, 39.91], [116.39, 39.90]]


def state(**changes: object) -> dict[str, Any]:
    base = {
        "id": "urn:ngsi-ld:OnStreetParking:beijing:xicheng-0012",
        "type": "OnStreetParking",
        "location": {"type": "Polygon", "coordinates": [SQUARE]},
        "totalSpotNumber": 24,
        "availableSpotNumber": 7,
        "occupancy": 0.71,
        "status": "open",
        "observedAt": "2026-03-01T08:15:00+08:00",
    }
    return {name: value for name, value in {**base, **changes}.items() if value is not ...}


def validate(entity: object) -> None:
    PARKING.validate({"state": json.dumps(entity).encode()})


def point(*coordinates: object) -> dict[str, object]:
    return {"type": "Point", "coordinates": list(coordinates)}


TAKEN = {
    "polygon": {},
    "point": {"location": point(116.4, 39.9)},
    "point with altitude": {"location": point(116.4, 39.9, 50)},
    "far corner": {"location": point(-180, 90)},
    "several states": {"status": ["open", "almostFull"]},
    "no location": {"location": ...},
    "an id as NGSI has it": {"id": "santander:1"},
    "line": {"location": {"type": "LineString", "coordinates": [[116.39, 39.90], [116.40, 39.90]]}},
    "one word for a list of one": {"category": "shortTerm"},
    "fields of the source": {"sourceFields": {"Zone_Number": "", "obs_id": None}},
    "another time": {"observedAt": ..., "dateModified": "2026-03-01T00:15:00Z"},
    "descriptive names": {"name": "西单北大街", "chargeType": ["temporaryFee"], "refParkingGroup": "urn:x"},
}


@pytest.mark.parametrize("changes", TAKEN.values(), ids=TAKEN)
def test_validate_takes(changes: dict[str, object]) -> None:
    validate(state(**changes))


REFUSED = {
    "misspelt name": ({"availableSpotNumbr": 3}, "availableSpotNumbr", "no such field here"),
    "Python name": ({"total_spot_number": 3}, "total_spot_number", "no such field here"),
    "id with a space": ({"id": "Broad Street"}, "id", None),
    "null": ({"name": None}, "name", "must be a string"),
    "unknown word": ({"category": ["shortTerm", "cheap"]}, "category[1]", None),
    "unknown type": ({"type": "ParkingLot"}, "", "is of a type that does not belong here"),
    "an entrance": ({"type": "ParkingAccess"}, "", "is of a type that does not belong here"),
    "type is not the id's": ({"type": "OffStreetParking"}, "type", "is not the type that the id names"),
    "no time": ({"observedAt": ...}, "observedAt", None),
    "time without offset": ({"observedAt": "2026-03-01T08:15:00"}, "observedAt", None),
    "time before the first": ({"observedAt": "0001-01-01T00:00:00+23:59"}, "observedAt", None),
    "time after the last": (
        {"observedAt": "9999-12-31T23:59:59-23:59"},
        "observedAt",
        "must be a time of the years 1 to 9999 in UTC",
    ),
    "no such day": ({"observedAt": "2026-02-30T08:15:00Z"}, "observedAt", None),
    "swapped coordinates": ({"location": point(39.9, 116.4)}, "location.coordinates", None),
    "longitude beyond": ({"location": point(180.1, 0)}, "location.coordinates", None),
    "one coordinate": ({"location": point(116.4)}, "location.coordinates", None),
    "coordinates as text": (
        {"location": point("116.4", "39.9")},
        "location.coordinates[0]",
        "must be a number",
    ),
    "open ring": (
        {"location": {"type": "Polygon", "coordinates": [SQUARE[:4]]}},
        "location.coordinates[0]",
        None,
    ),
    "short ring": (
        {"location": {"type": "Polygon", "coordinates": [SQUARE[:3]]}},
        "location.coordinates[0]",
        None,
    ),
    "other geometry": ({"location": {"type": "Circle", "coordinates": [1, 2]}}, "location", None),
    "count as text": ({"totalSpotNumber": "24"}, "totalSpotNumber", "must be an integer"),
    "count as decimal": ({"totalSpotNumber": 24.5}, "totalSpotNumber", "must be an integer"),
    "count as boolean": ({"totalSpotNumber": True}, "totalSpotNumber", "must be an integer"),
    "count beyond reason": ({"availableSpotNumber": 1_000_001}, "availableSpotNumber", None),
    "unknown mark": ({"quality": ["odd"]}, "quality[0]", None),
    "mark twice": ({"quality": ["stale", "stale"]}, "quality", "the same word occurs twice"),
}


@pytest.mark.parametrize(("changes", "field", "reason"), REFUSED.values(), ids=REFUSED)
def test_validate_refuses_and_names_the_field(
    changes: dict[str, object], field: str, reason: str | None
) -> None:
    with pytest.raises(PayloadError) as caught:
        validate(state(**changes))
    assert caught.value.field == f"parts.state.{field}".rstrip(".")
    assert reason is None or caught.value.reason == reason


ODD = {
    "nothing free": ({"availableSpotNumber": -1}, "availableSpotNumber", "negative"),
    "no total": ({"totalSpotNumber": -1, "availableSpotNumber": ...}, "totalSpotNumber", "negative"),
    "more free than there are": ({"availableSpotNumber": 25}, "availableSpotNumber", "over-capacity"),
    "more taken than there are": ({"occupiedSpotNumber": 31}, "occupiedSpotNumber", "over-capacity"),
    "occupancy in percent": ({"occupancy": 71}, "occupancy", "over-capacity"),
    "both together more": ({"occupiedSpotNumber": 18}, "occupiedSpotNumber", "inconsistent"),
    "garage without a space": (
        {
            "id": "urn:ngsi-ld:OffStreetParking:1",
            "type": "OffStreetParking",
            "totalSpotNumber": 0,
            "availableSpotNumber": 0,
        },
        "totalSpotNumber",
        "zero-capacity",
    ),
}


@pytest.mark.parametrize(("changes", "field", "mark"), ODD.values(), ids=ODD)
def test_validate_keeps_odd_numbers_only_if_they_are_marked(
    changes: dict[str, object], field: str, mark: str
) -> None:
    with pytest.raises(PayloadError) as caught:
        validate(state(**changes))
    assert caught.value.field == f"parts.state.{field}"
    assert f'mark it with "quality": ["{mark}"]' in caught.value.reason
    validate(state(**changes, quality=[mark]))


@pytest.mark.parametrize("mark", NUMERIC_MARKS)
def test_validate_refuses_mark_that_no_number_bears_out(mark: str) -> None:
    with pytest.raises(PayloadError, match=rf'^parts.state.quality: says "{mark}"'):
        validate(state(quality=[mark]))


def test_validate_takes_marks_that_only_the_sender_knows() -> None:
    validate(state(quality=["stale", "long-unchanged", "ambiguous-local-time"]))


@pytest.mark.parametrize("status", [None, "open", ["free", "open"]])
def test_validate_refuses_spot_of_no_known_status(status: object) -> None:
    spot = state(totalSpotNumber=..., availableSpotNumber=..., occupancy=...)
    spot |= {"id": "urn:ngsi-ld:ParkingSpot:1", "type": "ParkingSpot", "status": status}
    with pytest.raises(PayloadError, match=r"^parts.state.status: must be 'closed', 'free', 'occupied' or"):
        validate(spot)


RESTRICTION = {
    "type": "ParkingRestriction",
    "zone": "7002",
    "display": "2P",
    "timeSpans": [{"days": ["Mon", "Tue"], "since": "07:30:00", "until": "24:00"}],
    "rules": [{"activity": "parking", "maxStay": 120, "rates": [{"amount": 500, "unit": "hour"}]}],
}


def test_validate_takes_a_restriction_alone() -> None:
    PARKING.validate({"restriction": json.dumps(RESTRICTION).encode()})


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"timeSpans": [{"since": "25:00"}]}, "timeSpans[0].since"),
        ({"timeSpans": [{"days": ["Mo"]}]}, "timeSpans[0].days[0]"),
        ({"rules": [{"activity": "parking", "maxStay": -1}]}, "rules[0].maxStay"),
        ({"rules": None}, "rules"),
    ],
)
def test_validate_refuses_restriction_and_names_the_field(changes: dict[str, object], field: str) -> None:
    with pytest.raises(PayloadError) as caught:
        PARKING.validate({"restriction": json.dumps(RESTRICTION | changes).encode()})
    assert caught.value.field == f"parts.restriction.{field}"


def test_validate_refuses_restriction_that_says_nothing() -> None:
    with pytest.raises(PayloadError, match=r"^parts.restriction: display or rules is required"):
        PARKING.validate({"restriction": b'{"type": "ParkingRestriction", "zone": "7002"}'})


def test_validate_takes_a_place_without_a_time_and_refuses_it_as_a_state() -> None:
    timeless = json.dumps(state(observedAt=...)).encode()
    PARKING.validate({"place": timeless})
    with pytest.raises(PayloadError, match=r"^parts.state.observedAt: one of"):
        PARKING.validate({"state": timeless})


def test_validate_refuses_parts_about_two_places() -> None:
    parts = {"state": json.dumps(state()).encode(), "place": json.dumps(state(id="other")).encode()}
    with pytest.raises(PayloadError, match=r"^parts.place.id: is not the id of the state"):
        PARKING.validate(parts)


def test_validate_takes_normalized_form_and_reads_its_time() -> None:
    entity = {
        "id": "urn:ngsi-ld:ParkingSpot:1",
        "type": "ParkingSpot",
        "location": {"type": "GeoProperty", "value": point(116.4, 39.9)},
        "status": {"type": "Property", "value": "free", "observedAt": "2026-03-01T08:15:00+08:00"},
        "refParkingSite": {"type": "Relationship", "object": "urn:ngsi-ld:OnStreetParking:9"},
    }
    validate(entity)
    entity["status"] = {"type": "Property", "value": "free", "observedAt": "2026-03-01T08:15:00"}
    with pytest.raises(PayloadError, match=r"^parts.state.observedAt"):
        validate(entity)


@given(
    name=st.sampled_from([*sorted(state()), "name", "address", "@context"]),
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "value"]), inner)
        ),
        max_leaves=5,
    ),
)
def test_validate_raises_nothing_else(name: str, value: object) -> None:
    try:
        validate(state(**{name: value}))
    except PayloadError as error:
        assert error.field.startswith("parts.state")

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityledger.errors import PayloadError
from cityledger.profiles.parking import PARKING
from public_data import public_data

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
    "more occupied than there are": {"occupiedSpotNumber": 31},
    "another time": {"observedAt": ..., "dateModified": "2026-03-01T00:15:00Z"},
    "descriptive names": {"name": "西单北大街", "chargeType": ["temporaryFee"], "refParkingGroup": "urn:x"},
}


@pytest.mark.parametrize("changes", TAKEN.values(), ids=TAKEN)
def test_validate_takes(changes: dict[str, object]) -> None:
    validate(state(**changes))


REFUSED = {
    "misspelt name": ({"availableSpotNumbr": 3}, "availableSpotNumbr", "no such field here"),
    "Python name": ({"total_spot_number": 3}, "total_spot_number", "no such field here"),
    "no location": ({"location": ...}, "location", "this field is required"),
    "no urn": ({"id": "santander:1"}, "id", None),
    "type is not the id's": ({"type": "OffStreetParking"}, "type", "is not the type that the id names"),
    "no time": ({"observedAt": ...}, "observedAt", None),
    "time without offset": ({"observedAt": "2026-03-01T08:15:00"}, "observedAt", None),
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
    "negative count": ({"totalSpotNumber": -1}, "totalSpotNumber", None),
    "count as text": ({"totalSpotNumber": "24"}, "totalSpotNumber", "must be an integer"),
    "count as decimal": ({"totalSpotNumber": 24.5}, "totalSpotNumber", "must be an integer"),
    "count as boolean": ({"totalSpotNumber": True}, "totalSpotNumber", "must be an integer"),
    "more free than there are": (
        {"availableSpotNumber": 25},
        "availableSpotNumber",
        "is more than totalSpotNumber",
    ),
    "occupancy in percent": ({"occupancy": 71}, "occupancy", None),
}


@pytest.mark.parametrize(("changes", "field", "reason"), REFUSED.values(), ids=REFUSED)
def test_validate_refuses_and_names_the_field(
    changes: dict[str, object], field: str, reason: str | None
) -> None:
    with pytest.raises(PayloadError) as caught:
        validate(state(**changes))
    assert caught.value.field == f"parts.state.{field}"
    assert reason is None or caught.value.reason == reason


@pytest.mark.parametrize("status", [None, "open", ["free", "open"]])
def test_validate_refuses_spot_of_no_known_status(status: object) -> None:
    with pytest.raises(PayloadError, match=r"^parts.state.status: a ParkingSpot is one of closed, free"):
        validate(state(id="urn:ngsi-ld:ParkingSpot:1", type="ParkingSpot", status=status))


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


OFFICIAL_EXAMPLES_REFUSED = {
    "OnStreetParking.example.json": "parts.state.id",  # NGSI-LD ids are URNs (ETSI GS CIM 009 §4.6.1)
    "OffStreetParking.example.json": "parts.state.id",
    "ParkingSpot.example.json": "parts.state.id",
    "ParkingGroup.example.json": "parts.state.id",  # groups and entrances are no occupancy
    "ParkingGroup.example-normalized.jsonld": "parts.state.permitActiveHours",
    "ParkingAccess.example.json": "parts.state.id",
    "ParkingAccess.example-normalized.jsonld": "parts.state.id",
}


def test_validate_takes_official_examples_but_for_those_listed() -> None:
    paths = sorted(public_data("parking/ngsi-examples").iterdir())
    refused = {path.name: field for path in paths if (field := refused_field(path.read_bytes()))}
    assert len(paths) == 9
    assert refused == OFFICIAL_EXAMPLES_REFUSED


@pytest.mark.parametrize("kind", ["OnStreetParking", "OffStreetParking"])
def test_validate_takes_official_key_values_once_the_id_is_a_urn(kind: str) -> None:
    entity = json.loads(public_data(f"parking/ngsi-examples/{kind}.example.json").read_bytes())
    validate(entity | {"id": f"urn:ngsi-ld:{kind}:{entity['id']}"})


def refused_field(data: bytes) -> str | None:
    try:
        PARKING.validate({"state": data})
    except PayloadError as error:
        return error.field
    return None

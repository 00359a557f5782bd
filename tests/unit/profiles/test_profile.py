import hashlib

import pytest

from cityledger.errors import NotFoundError, PayloadError
from cityledger.profiles import registry
from cityledger.profiles.profile import MAX_PARTS

STATE = b"""{"id": "urn:ngsi-ld:ParkingSpot:1", "type": "ParkingSpot", "status": "free", "dateModified":
 "2026-03-01T08:00:00+08:00", "location": {"type": "Point", "coordinates": [116.4, 39.9]}}"""

REFUSED = {
    "unknown part": (
        {"state": STATE, "stats": b"{}"},
        "parts.stats",
        "no such part; profile parking has state, place, restriction",
    ),
    "no part at all": ({}, "parts", "at least one of state, place, restriction is required"),
    "no bytes": ({"state": b""}, "parts.state", "must not be empty: omit the part, or give it a value"),
    "only space": (
        {"state": b" \n"},
        "parts.state",
        "must not be empty: omit the part, or give it a value",
    ),
    "null": ({"state": b"null"}, "parts.state", "must not be empty: omit the part, or give it a value"),
    "empty object": (
        {"state": b"{}"},
        "parts.state",
        "must not be empty: omit the part, or give it a value",
    ),
    "not JSON": ({"state": b"{"}, "parts.state", None),
    "duplicate key": (
        {"state": b'{"a":{"b":1,"b":2}}'},
        "parts.state.a.b",
        "this key occurs twice in its object",
    ),
}


@pytest.mark.parametrize(("parts", "field", "reason"), REFUSED.values(), ids=REFUSED)
def test_validate_refuses_wrong_set_of_parts(parts: dict[str, bytes], field: str, reason: str | None) -> None:
    with pytest.raises(PayloadError) as caught:
        registry.get("parking").validate(parts)
    assert caught.value.field == field
    assert reason is None or caught.value.reason == reason


def test_validate_takes_absent_optional_parts() -> None:
    registry.get("parking").validate({"state": STATE})


def test_registry_has_three_profiles_and_names_no_other() -> None:
    assert registry.names() == ("medical", "property", "parking")
    assert registry.find("weather") is None
    with pytest.raises(NotFoundError):
        registry.get("weather")


@pytest.mark.parametrize("name", registry.names())
def test_profile_fits_the_part_bits(name: str) -> None:
    profile = registry.get(name)
    assert 1 <= len(set(profile.part_names)) == len(profile.parts) <= MAX_PARTS
    assert set(profile.media_types) == set(profile.part_names)


def test_schema_digest_is_of_the_canonical_bytes() -> None:
    profile = registry.get("parking")
    assert profile.schema["x-parts"] == ["state", "place", "restriction"]
    assert len(profile.schema_digest) == hashlib.sha256().digest_size
    assert len({registry.get(name).schema_digest for name in registry.names()}) == 3

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from cityledger.profiles.parking import PARKING
from cityledger.profiles.parking_sameness import instant_of, is_same

STATE = {
    "id": "urn:ngsi-ld:OffStreetParking:1",
    "type": "OffStreetParking",
    "totalSpotNumber": 24,
    "occupancy": 0.50,
    "observedAt": "2026-03-01T08:15:00+08:00",
}


def parts(changes: dict[str, object], part: str = "state", base: dict[str, Any] = STATE) -> dict[str, bytes]:
    entity = {name: value for name, value in {**base, **changes}.items() if value is not ...}
    return {part: json.dumps(entity).encode()}


SAME = {
    "the same instant in UTC": {"observedAt": "2026-03-01T00:15:00Z"},
    "in an offset of another day": {"observedAt": "2026-02-28T19:15:00-05:00"},
    "with its fraction": {"observedAt": "2026-03-01T08:15:00.000000000+08:00"},
    "a decimal with fewer digits": {"occupancy": 0.5},
    "the source's row written later": {"dateModified": "2026-03-01T09:00:00+08:00"},
}


@pytest.mark.parametrize("changes", SAME.values(), ids=SAME)
def test_is_same_state(changes: dict[str, object]) -> None:
    assert is_same(parts({}), parts(changes))


ANOTHER = {
    "the same clock in another zone": {"observedAt": "2026-03-01T08:15:00Z"},
    "a nanosecond later": {"observedAt": "2026-03-01T08:15:00.000000001+08:00"},
    "another count": {"totalSpotNumber": 25},
    "a field more": {"availableSpotNumber": 12},
    "a field less": {"occupancy": ...},
    "a mark more": {"quality": ["stale"]},
    "another field of the source": {"sourceFields": {"trend": "0"}},
}


@pytest.mark.parametrize("changes", ANOTHER.values(), ids=ANOTHER)
def test_is_another_state(changes: dict[str, object]) -> None:
    assert not is_same(parts({}), parts(changes))


def test_is_another_state_if_true_became_1() -> None:
    assert not is_same(parts({"sourceFields": {"fee": [True]}}), parts({"sourceFields": {"fee": [1]}}))


def test_is_another_record_if_a_part_came() -> None:
    assert not is_same(parts({}), parts({}) | parts({}, "place"))


def test_date_modified_counts_where_it_is_the_only_time() -> None:
    base = {**STATE, "dateModified": "2026-03-01T08:15:00+08:00"}
    del base["observedAt"]
    assert is_same(parts({}, base=base), parts({"dateModified": "2026-03-01T00:15:00Z"}, base=base))
    assert not is_same(parts({}, base=base), parts({"dateModified": "2026-03-01T00:15:01Z"}, base=base))


def test_date_modified_of_a_place_counts() -> None:
    changes: list[dict[str, object]] = [{"dateModified": f"2026-03-01T08:15:0{n}Z"} for n in (0, 1)]
    earlier, later = changes
    assert not is_same(parts(earlier, "place"), parts(later, "place"))


def test_normalized_and_key_values_of_one_state_are_the_same() -> None:
    normalized = {
        "id": STATE["id"],
        "type": STATE["type"],
        "totalSpotNumber": {"type": "Property", "value": 24, "observedAt": "2026-03-01T00:15:00Z"},
        "occupancy": {"type": "Property", "value": 0.5, "observedAt": "2026-03-01T00:14:00Z"},
    }
    data = {"state": json.dumps(normalized).encode()}
    PARKING.validate(data)
    assert is_same(parts({}), data)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"observationDateTime": "2027-01-01T00:00:00Z"},
        {
            "observedAt": ...,
            "observationDateTime": "2026-03-01T00:15:00Z",
            "dateModified": "2027-01-01T00:00:00Z",
        },
    ],
)
def test_instant_of_is_the_first_time_of_observation_in_utc(changes: dict[str, object]) -> None:
    assert instant_of(parts(changes)) == (datetime(2026, 3, 1, 0, 15, tzinfo=UTC), "")


def test_instant_of_a_place_is_none() -> None:
    assert instant_of(parts({}, "place")) is None


def test_the_profile_has_both_hooks() -> None:
    assert (PARKING.is_same, PARKING.instant_of) == (is_same, instant_of)

"""Parking in NGSI-LD after Smart Data Models: the state of a place, the place itself, its restrictions.

Both NGSI-LD representations are accepted (ETSI GS CIM 009 §4.5): key-values, and normalized, which is checked
in its key-values form. A state has its time; a place may carry the same fields without one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from cityledger.errors import PayloadError
from cityledger.profiles.fields import fits
from cityledger.profiles.ngsi import key_values
from cityledger.profiles.parking_entities import Place, State
from cityledger.profiles.parking_quality import NUMERIC_MARKS, odd_numbers
from cityledger.profiles.parking_restriction import ParkingRestriction, says_something
from cityledger.profiles.parking_sameness import TIMES, contradicts, instant_of, is_same
from cityledger.profiles.profile import Profile, ProfilePart
from cityledger.strict_json import Json

MODELS: Mapping[str, TypeAdapter[Any]] = {
    "state": TypeAdapter(State),
    "place": TypeAdapter(Place),
    "restriction": TypeAdapter(ParkingRestriction),
}


def _check_state(value: Json, path: str) -> None:
    state = _check_entity(value, path, "state")
    if not any(name in state for name in TIMES):
        raise PayloadError(
            f"{path}.observedAt",
            f"one of {', '.join(TIMES)} is required: a state needs a time",
        )


def _check_place(value: Json, path: str) -> None:
    _check_entity(value, path, "place")


def _check_restriction(value: Json, path: str) -> None:
    fits(MODELS["restriction"], value, path)
    if isinstance(value, dict) and not says_something(value):
        raise PayloadError(path, "display or rules is required: they state what is allowed or forbidden here")


def _check_entity(value: Json, path: str, part: str) -> dict[str, Any]:
    plain = key_values(value)
    fits(MODELS[part], plain, path)
    entity: dict[str, Any] = dict(plain) if isinstance(plain, dict) else {}
    _check_id(entity, path)
    _check_marks(entity, path)
    return entity


def _check_id(entity: Mapping[str, Any], path: str) -> None:
    if entity["id"].startswith("urn:ngsi-ld:") and entity["id"].split(":")[2] != entity["type"]:
        raise PayloadError(f"{path}.type", "is not the type that the id names")


def _check_marks(entity: Mapping[str, Any], path: str) -> None:
    """Accepts a number that cannot be true only if it is marked, and a mark only if a number confirms it."""
    odd, marks = odd_numbers(entity), entity.get("quality", [])
    for mark, field in odd.items():
        if mark not in marks:
            reason = f'{_ODD[mark]}; if it was so observed, mark it with "quality": ["{mark}"]'
            raise PayloadError(f"{path}.{field}", reason)
    for mark in NUMERIC_MARKS:
        if mark in marks and mark not in odd:
            raise PayloadError(f"{path}.quality", f'says "{mark}", and no number here is')


_ODD = {
    "negative": "is below zero",
    "over-capacity": "is more than there are spaces",
    "zero-capacity": "is zero: a car park without a space",
    "inconsistent": "is, with availableSpotNumber, more than totalSpotNumber",
}


def _check_together(values: Mapping[str, Json]) -> None:
    """Requires one part at least, and one place: the id is all that the parts have in common."""
    if not values:
        raise PayloadError("parts", f"at least one of {', '.join(MODELS)} is required")
    state, place = values.get("state"), values.get("place")
    if isinstance(state, dict) and isinstance(place, dict) and state["id"] != place["id"]:
        raise PayloadError("parts.place.id", "is not the id of the state: a record is about one place")


PARKING = Profile(
    name="parking",
    title="Parking: states, places and restrictions (NGSI-LD, Smart Data Models)",
    parts=(
        ProfilePart("state", "application/json", required=False, check=_check_state, padding=9),
        ProfilePart("place", "application/json", required=False, check=_check_place, padding=9),
        ProfilePart("restriction", "application/json", required=False, check=_check_restriction, padding=9),
    ),
    check_together=_check_together,
    is_same=is_same,
    instant_of=instant_of,
    contradicts=contradicts,
)

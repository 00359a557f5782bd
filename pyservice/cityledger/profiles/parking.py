"""Parking occupancy in NGSI-LD: OnStreetParking, OffStreetParking and ParkingSpot of Smart Data Models.

Both NGSI-LD representations are taken (ETSI GS CIM 009 §4.5): key-values, and normalized, which is checked in
its key-values form.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints, TypeAdapter, WithJsonSchema

from cityledger.errors import PayloadError
from cityledger.profiles.fields import Count, Element, Instant, Name, Number, Text, fits
from cityledger.profiles.geometry import Geometry
from cityledger.profiles.profile import Profile, ProfilePart
from cityledger.strict_json import Json

_SPOT_STATUS = frozenset({"closed", "free", "occupied", "unknown"})
_TIMES = ("observedAt", "observationDateTime", "occupancyModified", "dateModified")


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


Names = Annotated[
    list[Name],
    Field(max_length=64),
    BeforeValidator(_as_list),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]
"""One name or several: the data models write either."""
Urn = Annotated[
    str,
    StringConstraints(pattern=r"^urn:ngsi-ld:(OnStreetParking|OffStreetParking|ParkingSpot):[!-~]{1,200}$"),
]
Free = dict[str, Any]
"""An object that the data models leave open; its JSON was checked, its names are not."""


class Descriptive(Element):
    """What the data models know beside the occupancy. Listed, so that a misspelt name is refused."""

    context: Annotated[str | list[Any] | Free | None, Field(alias="@context")] = None
    name: Text | None = None
    alternate_name: Text | None = None
    description: Annotated[str, StringConstraints(max_length=5_000)] | None = None
    address: Free | None = None
    area_served: Name | None = None
    owner: Names | None = None
    source: Text | None = None
    data_provider: Text | None = None
    see_also: Names | None = None
    category: Names | None = None
    ext_category: Names | None = None
    allowed_vehicle_type: Names | None = None
    charge_type: Names | None = None
    required_permit: Names | None = None
    permit_active_hours: Free | None = None
    opening_hours: Text | None = None
    layout: Names | None = None
    usage_scenario: Names | None = None
    parking_mode: Names | None = None
    reservation_type: Names | None = None
    facilities: Names | None = None
    security: Names | None = None
    special_location: Names | None = None
    accepted_payment_method: Names | None = None
    price_rate_per_minute: Number | None = None
    price_currency: Name | None = None
    occupancy_detection_type: Names | None = None
    maximum_parking_duration: Name | None = None
    are_borders_marked: bool | None = None
    average_spot_width: Number | None = None
    average_spot_length: Number | None = None
    maximum_allowed_height: Number | None = None
    maximum_allowed_width: Number | None = None
    width: Number | None = None
    length: Number | None = None
    parking_site_id: Name | None = None
    municipality_info: Free | None = None
    four_wheeler_slots: Free | None = None
    two_wheeler_slots: Free | None = None
    unclassified_slots: Free | None = None
    vehicle_entrance_count: Count | None = None
    vehicle_exit_count: Count | None = None
    ref_parking_site: Name | None = None
    ref_parking_group: Names | None = None
    ref_parking_spot: Names | None = None
    ref_parking_access: Names | None = None
    ref_device: Names | None = None


class ParkingState(Descriptive):
    """One place at one moment. At least one time is given, and every time with its offset."""

    id: Urn
    type: Literal["OnStreetParking", "OffStreetParking", "ParkingSpot"]
    location: Geometry
    status: Names | None = None
    total_spot_number: Count | None = None
    available_spot_number: Count | None = None
    occupied_spot_number: Count | None = None
    extra_spot_number: Count | None = None
    out_of_service_slot_number: Count | None = None
    occupancy: Annotated[Number, Field(ge=0, le=1)] | None = None
    observed_at: Instant | None = None
    observation_date_time: Instant | None = None
    occupancy_modified: Instant | None = None
    access_modified: Instant | None = None
    date_modified: Instant | None = None
    date_created: Instant | None = None


_STATE = TypeAdapter(ParkingState)

MODELS: Mapping[str, TypeAdapter[Any]] = {"state": _STATE}


def _check_state(value: Json, path: str) -> None:
    state = fits(_STATE, _key_values(value), path)
    if not state.id.startswith(f"urn:ngsi-ld:{state.type}:"):
        raise PayloadError(f"{path}.type", "is not the type that the id names")
    if not any(
        (state.observed_at, state.observation_date_time, state.occupancy_modified, state.date_modified)
    ):
        raise PayloadError(
            f"{path}.observedAt",
            f"one of {', '.join(_TIMES)} is required: a state without a time says nothing",
        )
    _check_numbers(state, path)


def _check_numbers(state: ParkingState, path: str) -> None:
    """Occupied above total happens on streets and is kept; available above total is a mistake."""
    total, available = state.total_spot_number, state.available_spot_number
    if total is not None and available is not None and available > total:
        raise PayloadError(f"{path}.availableSpotNumber", "is more than totalSpotNumber")
    if state.type == "ParkingSpot" and not _SPOT_STATUS.issuperset(state.status or ["missing"]):
        raise PayloadError(f"{path}.status", f"a ParkingSpot is one of {', '.join(sorted(_SPOT_STATUS))}")


def _key_values(entity: Json) -> Json:
    """A normalized entity in its key-values form; a property's ``observedAt`` stands for the entity."""
    if not isinstance(entity, dict):
        return entity
    plain: dict[str, Json] = {name: _value(attribute) for name, attribute in entity.items()}
    observed = next((time for time in map(_observed_at, entity.values()) if time), None)
    if observed is not None:
        plain.setdefault("observedAt", observed)
    return plain


def _value(attribute: Json) -> Json:
    match attribute:
        case {"type": "Property" | "GeoProperty", "value": {"@type": "DateTime", "@value": value}}:
            return value
        case {"type": "Property" | "GeoProperty", "value": value}:
            return value
        case {"type": "Relationship", "object": value}:
            return value
        case _:
            return attribute


def _observed_at(attribute: Json) -> str | None:
    match attribute:
        case {"type": "Property", "observedAt": str(time)}:
            return time
        case _:
            return None


PARKING = Profile(
    name="parking",
    title="Parking occupancy (NGSI-LD, Smart Data Models)",
    parts=(ProfilePart("state", "application/json", required=True, check=_check_state),),
    check_together=lambda values: None,
)

"""The parking entities of Smart Data Models as accepted here, one model per type.

Entities that the data models refuse are refused, and also names that they do not list, and explicit nulls.
Two forms are accepted that they refuse, since most feeds have them: one string in place of a list of one, and
a place without a location or a spot without its site. Numbers that cannot be true need a mark in ``quality``.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StringConstraints,
    WithJsonSchema,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import core_schema

from cityledger.profiles import parking_words as words
from cityledger.profiles.fields import Element, Identifier, Instant, Name, Number, Text
from cityledger.profiles.geometry import Geometry

T = TypeVar("T")

Quality = Literal[
    "negative",
    "over-capacity",
    "zero-capacity",
    "inconsistent",
    "stale",
    "long-unchanged",
    "ambiguous-local-time",
]
"""Marks of an implausible state that is stored: a count below zero; more spaces taken or free than exist; a
site without any; taken and free together more than exist; not reported for a day when others were; reported,
yet unchanged for a day; a local time that the clock showed twice."""

EntityId = Annotated[
    str,
    StringConstraints(
        max_length=256, pattern=r"^(?:[\w\-.{}$+*\[\]`|~^@!,:\\]+|[A-Za-z][A-Za-z0-9+.\-]*:[!-~]+)$"
    ),
]
"""An identifier as NGSI allows it, or a URI; ``urn:ngsi-ld:<type>:…`` for preference (ETSI GS CIM 009)."""
Tally = Annotated[int, Field(ge=-1_000_000, le=1_000_000)]
"""A count of spaces; below zero only with a mark in ``quality``."""
Size = Annotated[Number, Field(ge=0)]
PositiveSize = Annotated[Number, Field(gt=0)]
Free = dict[str, Any]
"""An object that the data models leave open; its JSON is checked, its names are not."""


class _OneOrMany:
    """Accepts one string as a list of one, also in the published schema."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_before_validator_function(_as_list, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        array = handler(schema)
        return {"anyOf": [array["items"], array]}


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _distinct(items: list[T]) -> list[T]:
    if len(items) != len(set(items)):
        raise ValueError("the same word occurs twice")
    return items


Many = Annotated[list[T], Field(max_length=64), _OneOrMany()]
"""Several words; a single one may be written without brackets."""
Distinct = Annotated[list[T], Field(min_length=1, max_length=64), _OneOrMany(), AfterValidator(_distinct)]
Permits = Annotated[
    list[words.OffStreetRequiredPermit],
    Field(max_length=64),
    _OneOrMany(),
    AfterValidator(_distinct),
]
SeeAlso = Annotated[list[Name], Field(min_length=1, max_length=64), _OneOrMany()]
Slots = Annotated[dict[Name, Number], WithJsonSchema({"type": "object"})]

ABSENT: Any = None
"""Default of every optional field; an explicit null is refused, because it has no meaning."""


def _without_null_defaults(schema: dict[str, Any]) -> None:
    for member in schema.get("properties", {}).values():
        member.pop("default", None)


class Spoken(Element):
    """An element whose optional fields are absent instead of null, also in its published schema."""

    model_config = ConfigDict(json_schema_extra=_without_null_defaults)


class Municipality(Spoken):
    district: Name = ABSENT
    ulb_name: Name = ABSENT
    city_id: Name = ABSENT
    ward_id: Name = ABSENT
    state_name: Name = ABSENT
    city_name: Name = ABSENT
    zone_name: Name = ABSENT
    zone_id: Name = ABSENT
    ward_name: Name = ABSENT
    ward_num: Number = ABSENT


class CurbEvent(Spoken):
    """An event at a kerb, in the words of the Curb Data Specification."""

    id: Name
    type: Identifier
    purpose: Name = ABSENT


class Entity(Spoken):
    """Fields of every type, listed so that a misspelt name is refused."""

    id: EntityId
    context: Annotated[str | list[Any] | Free, Field(alias="@context")] = ABSENT
    name: Text = ABSENT
    alternate_name: Text = ABSENT
    description: Annotated[str, StringConstraints(max_length=5_000)] = ABSENT
    location: Geometry = ABSENT
    address: dict[Name, Text] = ABSENT
    area_served: Name = ABSENT
    owner: Many[EntityId] = ABSENT
    provider: Free = ABSENT
    contact_point: Free = ABSENT
    source: Text = ABSENT
    source_fields: Free = ABSENT
    data_provider: Text = ABSENT
    see_also: SeeAlso = ABSENT
    images: Many[Name] = ABSENT
    aggregate_rating: Free = ABSENT
    ext_category: Distinct[Name] = ABSENT
    opening_hours: Text = ABSENT
    price_rate_per_minute: Number = ABSENT
    price_currency: Name = ABSENT
    maximum_parking_duration: Name = ABSENT
    are_borders_marked: bool = ABSENT
    average_spot_width: Size = ABSENT
    average_spot_length: PositiveSize = ABSENT
    maximum_allowed_height: PositiveSize = ABSENT
    maximum_allowed_width: PositiveSize = ABSENT
    width: Size = ABSENT
    length: Size = ABSENT
    parking_site_id: Name = ABSENT
    municipality_info: Municipality = ABSENT
    quality: Distinct[Quality] = ABSENT
    event: CurbEvent = ABSENT
    observed_at: Instant = ABSENT
    observation_date_time: Instant = ABSENT
    occupancy_modified: Instant = ABSENT
    access_modified: Instant = ABSENT
    time_instant: Instant = ABSENT
    date_modified: Instant = ABSENT
    date_created: Instant = ABSENT


class Counted(Entity):
    """A place with several spaces, and the numbers of those that are taken or free."""

    total_spot_number: Tally = ABSENT
    available_spot_number: Tally = ABSENT
    occupied_spot_number: Tally = ABSENT
    extra_spot_number: Tally = ABSENT
    out_of_service_slot_number: Tally = ABSENT
    occupancy: Annotated[Number, Field(ge=-100, le=100)] = ABSENT
    four_wheeler_slots: Slots = ABSENT
    two_wheeler_slots: Slots = ABSENT
    unclassified_slots: Slots = ABSENT


class OnStreetParking(Counted):
    type: Literal["OnStreetParking"]
    status: Many[Name] = ABSENT
    category: Many[words.OnStreetCategory] = ABSENT
    allowed_vehicle_type: Many[words.OnStreetAllowedVehicleType] = ABSENT
    charge_type: Many[words.OnStreetChargeType] = ABSENT
    required_permit: Many[Name] = ABSENT
    permit_active_hours: dict[Name, str] = ABSENT
    layout: Many[Name] = ABSENT
    usage_scenario: words.OnStreetUsageScenario = ABSENT
    parking_mode: words.ParkingMode = ABSENT
    accepted_payment_method: words.AcceptedPaymentMethod = ABSENT
    occupancy_detection_type: Many[words.OccupancyDetectionType] = ABSENT
    ref_parking_group: Many[EntityId] = ABSENT
    ref_parking_spot: Many[EntityId] = ABSENT


class OffStreetParking(Counted):
    type: Literal["OffStreetParking"]
    status: Distinct[words.OffStreetStatus] = ABSENT
    category: Distinct[words.OffStreetCategory] = ABSENT
    allowed_vehicle_type: Distinct[words.OffStreetAllowedVehicleType] = ABSENT
    charge_type: Distinct[words.OffStreetChargeType] = ABSENT
    required_permit: Permits = ABSENT
    permit_active_hours: dict[Name, str] = ABSENT
    layout: Distinct[words.Layout] = ABSENT
    usage_scenario: Distinct[words.OffStreetUsageScenario] = ABSENT
    parking_mode: Distinct[words.ParkingMode] = ABSENT
    accepted_payment_method: Distinct[words.AcceptedPaymentMethod] = ABSENT
    occupancy_detection_type: Distinct[words.OccupancyDetectionType] = ABSENT
    facilities: Distinct[words.Facilities] = ABSENT
    security: Distinct[words.Security] = ABSENT
    special_location: Distinct[words.SpecialLocation] = ABSENT
    reservation_type: Distinct[words.ReservationType] = ABSENT
    highest_floor: int = ABSENT
    lowest_floor: int = ABSENT
    first_available_floor: int = ABSENT
    measures_period: Number = ABSENT
    measures_period_unit: Name = ABSENT
    vehicle_entrance_count: Tally = ABSENT
    vehicle_exit_count: Tally = ABSENT
    ref_parking_access: EntityId = ABSENT
    ref_parking_group: EntityId = ABSENT
    ref_parking_spot: EntityId = ABSENT


class ParkingGroup(Counted):
    type: Literal["ParkingGroup"]
    ref_parking_site: EntityId
    status: Many[Name] = ABSENT
    category: Many[words.GroupCategory | Literal["onstreet"]] = ABSENT
    """The lower-case word is in the official normalized example, contrary to the official schema."""
    allowed_vehicle_type: words.GroupAllowedVehicleType = ABSENT
    charge_type: Many[words.OnStreetChargeType] = ABSENT
    required_permit: Many[words.GroupRequiredPermit] = ABSENT
    permit_active_hours: dict[Name, str] | Literal["null"] = ABSENT
    """So is this word."""
    parking_mode: Distinct[words.ParkingMode] = ABSENT
    occupancy_detection_type: Distinct[words.OccupancyDetectionType] = ABSENT
    reservation_type: words.ReservationType = ABSENT
    ref_parking_spot: EntityId = ABSENT


class ParkingSpot(Entity):
    type: Literal["ParkingSpot"]
    status: words.SpotStatus
    category: Distinct[words.SpotCategory] = ABSENT
    color: Name = ABSENT
    image: Name = ABSENT
    annotations: Many[Text] = ABSENT
    ref_parking_group: EntityId = ABSENT
    ref_parking_site: EntityId = ABSENT
    ref_device: Distinct[EntityId] = ABSENT


class ParkingSite(Counted):
    """Sites that hold groups; the data models refer to them without a definition."""

    type: Literal["ParkingSite"]
    status: Many[Name] = ABSENT
    category: Many[Name] = ABSENT


class ParkingAccess(Entity):
    type: Literal["ParkingAccess"]
    category: Many[Name] = ABSENT
    features: Many[Name] = ABSENT
    height: Number = ABSENT
    slope: Number = ABSENT
    ref_off_street_parking: EntityId = ABSENT


State = Annotated[
    OnStreetParking | OffStreetParking | ParkingGroup | ParkingSpot, Field(discriminator="type")
]
Place = Annotated[
    OnStreetParking | OffStreetParking | ParkingGroup | ParkingSpot | ParkingSite | ParkingAccess,
    Field(discriminator="type"),
]
STATE_TYPES = frozenset({"OnStreetParking", "OffStreetParking", "ParkingGroup", "ParkingSpot"})
TYPES = STATE_TYPES | {"ParkingSite", "ParkingAccess"}

"""Live feeds of German cities with positions of their car parks: ``freiburg``, ``konstanz``, ``vrn``.

Each feed is one document of one moment. The names and meanings of its fields are as in the open converters of
ParkenDD (parkapi-sources). Feeds without coordinates are in ``parking_sensors``.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, BinaryIO

from cityledger.errors import FieldError, FormatError
from cityledger.formats.coordinates import Converter, converter
from cityledger.formats.instants import LocalClock, epoch_instant, zone_of
from cityledger.formats.options import ImportOptions
from cityledger.formats.parking_dresden import address, category, unlike
from cityledger.formats.parking_json import (
    features,
    geojson_system,
    member_object,
    member_text,
    placed,
    read_document,
    system_of,
)
from cityledger.formats.parking_objects import places
from cityledger.formats.parking_rows import (
    Draft,
    cell_count,
    count_of,
    drafts,
    place_id,
    present,
    rest,
    snapshot,
    urn,
    with_rest,
)
from cityledger.formats.parking_sensors import FORMATS as SENSORS
from cityledger.formats.rows import Format, RejectedRow, Row
from cityledger.strict_json import Json

_FREIBURG_TEXTS = ("obs_parkid", "obs_max", "obs_free", "obs_ts", "park_name")
_VRN_LIVE = (
    "realtime_free_capacity",
    "realtime_occupied",
    "realtime_occupiedpercent",
    "realtime_opening_status",
    "realtime_data_updated_at",
    "reatime_data_updated",
)
"""Fields of the moment; the last one is misspelt in the feed. The others describe the place."""


def _read_freiburg(stream: BinaryIO, options: ImportOptions) -> Iterator[Row | RejectedRow]:
    clock, document = LocalClock(zone_of(options)), read_document(stream)
    system = system_of(geojson_system(document), options)
    convert = converter(system)
    return snapshot(
        drafts(
            places(features(document), "properties", "obs_parkid"),
            lambda row_no, feature: _freiburg(row_no, feature, clock, convert, system),
        )
    )


def _freiburg(
    row_no: int, feature: dict[str, Any], clock: LocalClock, convert: Converter, system: str
) -> Draft:
    properties = member_object(feature, "properties")
    texts = {name: member_text(properties, name) for name in _FREIBURG_TEXTS}
    observed_at, flags = clock.instant(texts["obs_parkid"], texts["obs_ts"], "obs_ts")
    state = present(
        id=urn("OffStreetParking", texts["obs_parkid"], "obs_parkid"),
        type="OffStreetParking",
        name=texts["park_name"],
        location=placed(feature.get("geometry"), convert, "geometry"),
        totalSpotNumber=cell_count(texts, "obs_max"),
        availableSpotNumber=cell_count(texts, "obs_free"),
        observedAt=observed_at,
    )
    unplaced = rest(properties, _FREIBURG_TEXTS) | _converted(unlike(feature, state), system)
    place = place_id(texts["obs_parkid"], "obs_parkid")
    return Draft(row_no, place, {"state": with_rest(state, unplaced)}, flags, observed_at)


def _converted(unplaced: dict[str, Any], system: str) -> dict[str, Any]:
    return unplaced | {"crs": system} if unplaced else {}


def _read_konstanz(stream: BinaryIO, options: ImportOptions) -> Iterator[Row | RejectedRow]:
    document = read_document(stream)
    system = system_of(_esri_system(document), options)
    convert = converter(system)
    return snapshot(
        drafts(
            places(features(document), "attributes", "id"),
            lambda row_no, feature: _konstanz(row_no, feature, convert, system),
        )
    )


def _esri_system(document: Json) -> str | None:
    """The EPSG code of an ESRI feature set; ``latestWkid`` is one where ``wkid`` is ESRI's own number.

    Raises:
        FormatError: it names a system by no code.
    """
    match document:
        case {"spatialReference": {"latestWkid": int(code)}} | {"spatialReference": {"wkid": int(code)}}:
            return f"EPSG:{code}"
        case {"spatialReference": _}:
            raise FormatError("spatialReference", "must name a coordinate reference system by its wkid")
        case _:
            return None


def _konstanz(row_no: int, feature: dict[str, Any], convert: Converter, system: str) -> Draft:
    """Static and live fields of one car park: a place and its state."""
    attributes, point = member_object(feature, "attributes"), member_object(feature, "geometry")
    own_id = count_of(attributes.get("id"), "id")
    if own_id is None:
        raise FieldError("id", "is null: the row does not name a place")
    observed_at = epoch_instant(attributes.get("updated"), "updated")
    location = _esri_point(point, convert)
    used = {"id", "name", "max_cap", "updated", "real_capa", "real_fcap"}
    about = present(
        id=urn("OffStreetParking", str(own_id), "id"),
        type="OffStreetParking",
        name=member_text(attributes, "name"),
        location=location,
    )
    place = about | present(
        totalSpotNumber=count_of(attributes.get("max_cap"), "max_cap"),
        category=category(attributes, used),
        address=address(attributes, used),
    )
    state = about | present(
        totalSpotNumber=count_of(attributes.get("real_capa"), "real_capa"),
        availableSpotNumber=count_of(attributes.get("real_fcap"), "real_fcap"),
        observedAt=observed_at,
    )
    unplaced = rest(attributes, used)
    if location["coordinates"] != [point["x"], point["y"]]:
        unplaced |= {"geometry": point, "crs": system}
    parts = {"state": state, "place": with_rest(place, unplaced)}
    return Draft(row_no, place_id(str(own_id), "id"), parts, (), observed_at)


def _esri_point(point: dict[str, Any], convert: Converter) -> dict[str, Any]:
    match point:
        case {"x": int() | Decimal() as east, "y": int() | Decimal() as north}:
            placed_at = convert(Decimal(east), Decimal(north), "geometry")
            return {"type": "Point", "coordinates": list(placed_at)}
        case _:
            raise FieldError("geometry", "must be a point with x and y")


def _read_vrn(stream: BinaryIO, options: ImportOptions) -> Iterator[Row | RejectedRow]:
    document = read_document(stream)
    convert = converter(system_of(geojson_system(document), options))
    found = places(features(document), "properties", "original_uid")
    return snapshot(drafts(found, lambda row_no, feature: _vrn(row_no, feature, convert)))


def _vrn(row_no: int, feature: dict[str, Any], convert: Converter) -> Draft:
    """A place, and its state if its sensor sends. Two places may share ``original_uid``: the sensor
    distinguishes them."""
    properties = member_object(feature, "properties")
    sensor = properties.get("vrn_sensor_id")
    own_id = member_text(properties, "original_uid") + ("" if sensor is None else f"-{sensor}")
    used = {"name", "capacity"}
    about = present(
        id=urn("OffStreetParking", own_id, "original_uid"),
        type="OffStreetParking",
        name=member_text(properties, "name"),
        location=placed(feature.get("geometry"), convert, "geometry"),
        totalSpotNumber=count_of(properties.get("capacity"), "capacity"),
    )
    place = about | present(category=category(properties, used), address=address(properties, used))
    live = {name: properties[name] for name in _VRN_LIVE if name in properties}
    observed_at = _vrn_time(live)
    described = {name: value for name, value in properties.items() if observed_at is None or name not in live}
    parts = {"place": with_rest(place, rest(described, used) | unlike(feature, place))}
    if observed_at is not None:
        parts["state"] = about | _vrn_state(live, observed_at)
    return Draft(row_no, place_id(own_id, "original_uid"), parts, (), observed_at)


def _vrn_time(live: dict[str, Any]) -> str | None:
    time = live.get("reatime_data_updated")
    if time is not None:
        return epoch_instant(time, "reatime_data_updated")
    if live.get("realtime_free_capacity") is not None or live.get("realtime_occupied") is not None:
        raise FieldError("reatime_data_updated", "is null in a row with counts: a state needs a time")
    return None


def _vrn_state(live: dict[str, Any], observed_at: str) -> dict[str, Any]:
    used = ("realtime_free_capacity", "realtime_occupied", "reatime_data_updated")
    state = present(
        availableSpotNumber=count_of(live.get("realtime_free_capacity"), "realtime_free_capacity"),
        occupiedSpotNumber=count_of(live.get("realtime_occupied"), "realtime_occupied"),
        observedAt=observed_at,
    )
    return with_rest(state, rest(live, used))


FORMATS = {
    "freiburg": Format(
        name="freiburg",
        title="Freiburg car parks, live, GeoJSON in a national grid",
        profile="parking",
        read=_read_freiburg,
        supported_options=frozenset({"timezone", "crs"}),
    ),
    "konstanz": Format(
        name="konstanz",
        title="Konstanz car parks, live, ESRI JSON",
        profile="parking",
        read=_read_konstanz,
        supported_options=frozenset({"crs"}),
    ),
    "vrn": Format(
        name="vrn",
        title="Rhine-Neckar park and ride, live, GeoJSON",
        profile="parking",
        read=_read_vrn,
        supported_options=frozenset({"crs"}),
    ),
    **SENSORS,
}

"""``dresden-occupancy``: percent taken of one car park per quarter hour; ``dresden-lots``: the car parks.

An occupancy file has no header and names neither its place nor its zone: the sender names them.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_HALF_UP
from typing import Any, BinaryIO

from cityledger.errors import FieldError, FormatError
from cityledger.formats.coordinates import Converter, converter
from cityledger.formats.instants import LocalClock, zone_of
from cityledger.formats.options import ImportOptions
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
    cell_number,
    count_of,
    drafts,
    history,
    place_id,
    present,
    rest,
    urn,
    with_rest,
)
from cityledger.formats.rows import Format, RejectedRow, Row
from cityledger.formats.table import Layout, read_table

_LAYOUT = Layout(required=("timestamp", "percent"), header_rows=0)
CATEGORIES = {"Parkhaus": "parkingGarage", "Tiefgarage": "underground", "Parkplatz": "parkingLot"}
"""Terms of German feeds for car parks, in the words of Smart Data Models."""


def _read_occupancy(stream: BinaryIO, options: ImportOptions) -> Iterator[Row | RejectedRow]:
    clock, about = LocalClock(zone_of(options), separator="T"), _about(options)

    def reading(row_no: int, cells: dict[str, str]) -> Draft:
        observed_at, flags = clock.instant(place, cells["timestamp"], "timestamp")
        state = about | _taken(cells["percent"], options.capacity) | {"observedAt": observed_at}
        return Draft(row_no, place, {"state": state}, flags)

    place = place_id(options.place or "", "place")
    return history(drafts(read_table(stream, _LAYOUT, {}), reading))


def _about(options: ImportOptions) -> dict[str, Any]:
    if not options.place:
        raise FormatError("place", "is required: the file does not name its car park")
    if options.capacity is not None and options.capacity <= 0:
        raise FormatError("capacity", "must be above zero")
    return {"id": urn("OffStreetParking", options.place, "place"), "type": "OffStreetParking"}


def _taken(percent: str, capacity: int | None) -> dict[str, Any]:
    """The share as written. Spaces, rounded, only if the sender gives their total."""
    share = cell_number(percent, "percent").scaleb(-2)
    if abs(share) > 100:
        raise FieldError("percent", "is beyond 10000")
    if capacity is None:
        return {"occupancy": share}
    occupied = int((share * capacity).to_integral_value(ROUND_HALF_UP))
    return {"occupancy": share, "totalSpotNumber": capacity, "occupiedSpotNumber": occupied}


def _read_lots(stream: BinaryIO, options: ImportOptions) -> Iterator[Row | RejectedRow]:
    document = read_document(stream)
    convert = converter(system_of(geojson_system(document), options))
    found = places(features(document), "properties", "name")
    return history(drafts(found, lambda row_no, feature: _lot(row_no, feature, convert)))


def _lot(row_no: int, feature: dict[str, Any], convert: Converter) -> Draft:
    """The id begins with ``lot-``: a record of the car park's states, under its name, is another."""
    properties = member_object(feature, "properties")
    name = member_text(properties, "name")
    total = count_of(properties.get("total"), "properties.total")
    used = {"name", "total"}
    place = present(
        id=urn("OffStreetParking", name, "properties.name"),
        type="OffStreetParking",
        name=name,
        totalSpotNumber=total,
        category=category(properties, used),
        address=address(properties, used),
        location=placed(feature.get("geometry"), convert, "geometry"),
    )
    unplaced = rest(properties, used) | unlike(feature, place)
    return Draft(row_no, place_id(f"lot-{name}", "properties.name"), {"place": with_rest(place, unplaced)})


def category(properties: dict[str, Any], used: set[str]) -> list[str] | None:
    """The category of a German feed's ``type``, which is then ``used``; None for unknown words."""
    kind = properties.get("type")
    if not isinstance(kind, str) or kind not in CATEGORIES:
        return None
    used.add("type")
    return [CATEGORIES[kind]]


def address(properties: dict[str, Any], used: set[str]) -> dict[str, str] | None:
    """A feed's ``address`` in one line, which is then ``used``; None if it is empty or absent."""
    line = properties.get("address")
    if not isinstance(line, str) or not 1 <= len(line) <= 500:
        return None
    used.add("address")
    return {"streetAddress": line}


def unlike(feature: dict[str, Any], entity: dict[str, Any]) -> dict[str, Any]:
    """The feature's geometry as written, if it was converted."""
    geometry = feature.get("geometry")
    return {} if geometry == entity.get("location") else {"geometry": geometry}


FORMATS = {
    "dresden-occupancy": Format(
        name="dresden-occupancy",
        title="Dresden car park occupancy in percent, CSV without header",
        profile="parking",
        read=_read_occupancy,
        supported_options=frozenset({"timezone", "place", "capacity"}),
    ),
    "dresden-lots": Format(
        name="dresden-lots",
        title="Dresden car parks, GeoJSON",
        profile="parking",
        read=_read_lots,
        supported_options=frozenset({"crs"}),
    ),
}

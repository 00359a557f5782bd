"""``ngsi-ld``: parking entities of Smart Data Models: one, an array of them, or one per line (NDJSON);
plain, or as GeoJSON Features and their collection.

An entity with a time is the state of a place; one without is the place itself. Its bytes are stored as
written, unless its coordinates are converted or its numbers need a mark.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import partial
from typing import Any, BinaryIO

import msgspec

from cityledger.errors import FormatError, InputError
from cityledger.formats.coordinates import WGS84, converter
from cityledger.formats.options import ImportOptions
from cityledger.formats.parking_json import (
    MAX_BYTES,
    member_object,
    member_text,
    parse_document,
    placed,
    read_whole,
    system_of,
)
from cityledger.formats.parking_objects import not_a_place, verify_place
from cityledger.formats.parking_rows import encoded, place_id
from cityledger.formats.rows import Format, RejectedRow, Row, row_or_reason
from cityledger.profiles.ngsi import key_values
from cityledger.profiles.parking_entities import STATE_TYPES, TYPES
from cityledger.profiles.parking_quality import COUNTS, odd_numbers
from cityledger.profiles.parking_sameness import TIMES
from cityledger.strict_json import parse, raw_items, raw_members

_MAX_LINE_BYTES = 1 << 20


def _read(stream: BinaryIO, options: ImportOptions) -> Iterator[Row | RejectedRow]:
    system = system_of(None, options)
    for row_no, data in enumerate(_entities(stream), start=1):
        yield row_or_reason(row_no, partial(_row, row_no, data, system))


def _entities(stream: BinaryIO) -> Iterator[bytes]:
    """The exact bytes of each entity. If the first line is a whole object, so is each line."""
    first = stream.readline(_MAX_LINE_BYTES + 2).removeprefix(b"\xef\xbb\xbf")
    if not _is_object(first):
        return _of_document(first + read_whole(stream))
    lines = iter(lambda: stream.readline(_MAX_LINE_BYTES + 2), b"")
    return (line.strip() for line in itertools.chain([first], lines) if line.strip())


def _is_object(line: bytes) -> bool:
    try:
        value = parse(line, max_bytes=_MAX_LINE_BYTES)
    except InputError:
        return False
    # A collection is one document, even if it is on one line.
    return isinstance(value, dict) and value.get("type") != "FeatureCollection"


def _of_document(data: bytes) -> Iterator[bytes]:
    if len(data) > MAX_BYTES:
        raise FormatError("", f"is a JSON document of more than {MAX_BYTES} bytes")
    match parse_document(data):
        case {"type": "FeatureCollection", "features": list()}:
            return (bytes(raw) for raw in raw_items(raw_members(data)["features"]))
        case dict():
            return iter([data.strip()])
        case list():
            return (bytes(raw) for raw in msgspec.json.decode(data, type=list[msgspec.Raw]))
        case _:
            raise FormatError("", "must be a JSON object, an array of objects, or one object per line")


def _row(row_no: int, data: bytes, system: str) -> Row:
    entity = parse(data, max_bytes=_MAX_LINE_BYTES)
    if not isinstance(entity, dict):
        raise not_a_place("", "it is not a JSON object")
    if entity.get("type") == "Feature":
        entity = _of_feature(entity)
        data = encoded(entity)
    verify_place(entity, "id")
    verify_place(entity, "type")
    identity, kind = member_text(entity, "id"), member_text(entity, "type")
    if kind not in TYPES:
        raise not_a_place("type", f"its type must be one of {', '.join(sorted(TYPES))}")
    plain = key_values(entity)
    members: dict[str, Any] = dict(plain) if isinstance(plain, dict) else {}
    part = "state" if kind in STATE_TYPES and not members.keys().isdisjoint(TIMES) else "place"
    provider_id = place_id(identity, "id")
    unmarked, marks = _unmarked(members), _marks(members)
    if system != WGS84 or unmarked:
        data = encoded(_marked(_converted(entity, system), marks, unmarked))
    return Row(row_no, provider_id, {part: data}, flags=(*marks, *unmarked))


def _of_feature(feature: dict[str, Any]) -> dict[str, Any]:
    """The entity of a GeoJSON Feature (ETSI GS CIM 009 §4.5.16): its type and attributes are the properties,
    its geometry is the location unless they have one."""
    properties = member_object(feature, "properties")
    more = {name: feature[name] for name in ("@context",) if name in feature}
    entity = {"id": member_text(feature, "id"), **properties, **more}
    geometry = feature.get("geometry")
    return entity if geometry is None or "location" in entity else {**entity, "location": geometry}


def _marks(members: dict[str, Any]) -> tuple[str, ...]:
    quality = members.get("quality")
    return tuple(str(mark) for mark in quality) if isinstance(quality, list) else ()


def _unmarked(members: dict[str, Any]) -> tuple[str, ...]:
    """Marks that its numbers need and it lacks; the profile refuses numbers of a wrong type."""
    if any(isinstance(members.get(name, 0), bool | str | list | dict | None) for name in COUNTS):
        return ()
    return tuple(mark for mark in odd_numbers(members) if mark not in _marks(members))


def _marked(entity: dict[str, Any], marks: tuple[str, ...], unmarked: tuple[str, ...]) -> dict[str, Any]:
    return entity | {"quality": [*marks, *unmarked]} if unmarked else entity


def _converted(entity: dict[str, Any], system: str) -> dict[str, Any]:
    """The entity with its location in WGS 84, and the original one under ``sourceFields``."""
    location = entity.get("location")
    if location is None or system == WGS84:
        return entity
    normalized = isinstance(location, dict) and location.get("type") == "GeoProperty"
    geometry = location.get("value") if normalized else location
    moved: Any = placed(geometry, converter(system), "location")
    fields = entity.get("sourceFields")
    was = (fields if isinstance(fields, dict) else {}) | {"location": geometry, "crs": system}
    return entity | {"location": location | {"value": moved} if normalized else moved, "sourceFields": was}


FORMATS = {
    "ngsi-ld": Format(
        name="ngsi-ld",
        title="NGSI-LD parking entities: one, an array, or one per line",
        profile="parking",
        read=_read,
        supported_options=frozenset({"crs"}),
    )
}

"""Feeds that are one JSON document: read whole, their features and geometries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, BinaryIO

from cityledger.errors import FieldError, FormatError, InputError
from cityledger.formats.coordinates import WGS84, Converter, named
from cityledger.formats.options import ImportOptions
from cityledger.formats.parking_objects import not_a_place
from cityledger.formats.rows import RejectedRow
from cityledger.strict_json import Json, parse

MAX_BYTES = 32 * 1024 * 1024
"""A document is held in memory; a feed of one city has less than one megabyte."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read_document(stream: BinaryIO) -> Json:
    """The one JSON value of a file.

    Raises:
        FormatError: not strict JSON, or too large.
    """
    return parse_document(read_whole(stream))


def read_whole(stream: BinaryIO) -> bytes:
    """
    Raises:
        FormatError: more than ``MAX_BYTES``.
    """
    buffer = bytearray()
    while piece := stream.read(min(1 << 20, MAX_BYTES + 1 - len(buffer))):
        buffer += piece
    if len(buffer) > MAX_BYTES:
        raise FormatError("", f"is a JSON document of more than {MAX_BYTES} bytes")
    return bytes(buffer).removeprefix(_BYTE_ORDER_MARK)


def parse_document(data: bytes) -> Json:
    try:
        return parse(data, max_bytes=MAX_BYTES)
    except InputError as error:
        raise FormatError(error.field, f"is not strict JSON: {error.reason}") from None


def features(document: Json, member: str = "features") -> Iterator[tuple[int, dict[str, Any]] | RejectedRow]:
    """The objects of the document's array ``member``, from 1.

    Raises:
        FormatError: the array is missing.
    """
    items = document.get(member) if isinstance(document, dict) else None
    if not isinstance(items, list):
        raise FormatError(member, "must be a JSON array")
    return objects(items)


def objects(items: list[Json]) -> Iterator[tuple[int, dict[str, Any]] | RejectedRow]:
    for row_no, item in enumerate(items, start=1):
        if isinstance(item, dict):
            yield row_no, item
        else:
            error = not_a_place("", "it is not a JSON object")
            yield RejectedRow(row_no, error.field, error.reason)


def member_object(value: Mapping[str, Any], name: str) -> dict[str, Any]:
    """
    Raises:
        FieldError: missing, or not an object.
    """
    inner = value.get(name)
    if name not in value:
        raise FieldError(name, "is missing; it must be a JSON object")
    if not isinstance(inner, dict):
        raise FieldError(name, "must be a JSON object")
    return inner


def member_text(value: Mapping[str, Any], name: str) -> str:
    """
    Raises:
        FieldError: missing, not a string, or only space.
    """
    text = value.get(name)
    if name not in value:
        raise FieldError(name, "is missing; it must be a string that is not empty")
    if not isinstance(text, str) or not text.strip():
        raise FieldError(name, "must be a string that is not empty")
    return text


def system_of(file_system: str | None, options: ImportOptions) -> str:
    """The coordinate reference system of a file, WGS 84 if neither it nor its sender names one.

    Raises:
        FormatError: they name different ones, or one of an unknown form.
    """
    by_file = None if file_system is None else named(file_system)
    by_sender = None if options.crs is None else named(options.crs)
    if by_file and by_sender and by_file != by_sender:
        raise FormatError("crs", "the file itself names another coordinate reference system")
    return by_file or by_sender or WGS84


def geojson_system(document: Json) -> str | None:
    """The ``crs`` of a GeoJSON document older than RFC 7946.

    Raises:
        FormatError: it is present without a name.
    """
    match document:
        case {"crs": {"properties": {"name": str(name)}}}:
            return name
        case {"crs": _}:
            raise FormatError("crs", "must name a coordinate reference system")
        case _:
            return None


def placed(geometry: object, convert: Converter, field: str) -> dict[str, Any] | None:
    """A GeoJSON geometry in WGS 84; None for null.

    Raises:
        FieldError: of ``field``: not a geometry, or not on Earth.
    """
    match geometry:
        case None:
            return None
        case {"type": str(kind), "coordinates": list(coordinates)}:
            return {"type": kind, "coordinates": _placed(coordinates, convert, f"{field}.coordinates")}
        case _:
            raise FieldError(field, "must be a GeoJSON geometry")


def _placed(coordinates: list[Any], convert: Converter, field: str) -> list[Any]:
    match coordinates:
        case [[*_], *_]:
            return [_placed(inner, convert, field) for inner in _lists(coordinates, field)]
        case [east, north, *height] if all(map(_is_number, coordinates)) and len(height) < 2:
            return [*convert(Decimal(east), Decimal(north), field), *height]
        case _:
            raise FieldError(field, "must be positions of two or three numbers")


def _lists(items: list[Any], field: str) -> list[list[Any]]:
    if not all(isinstance(item, list) for item in items):
        raise FieldError(field, "must be positions of two or three numbers")
    return items


def _is_number(value: object) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)

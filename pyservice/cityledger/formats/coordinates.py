"""Converts coordinates of other systems to WGS 84 longitude and latitude, the only ones of GeoJSON.

PROJ converts systems with an EPSG code. China's public maps are by law in GCJ-02, which shifts positions by
some hundred metres, and Baidu's in BD-09, which shifts those again. Neither is published; the formulas here
are in common use since 2010 (e.g. googollee/eviltransform), accurate to about a metre.
"""

from __future__ import annotations

import importlib
import math
import re
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from typing import Any

from cityledger.errors import FieldError, FormatError

Pair = tuple[Decimal, Decimal]
"""East before north: longitude and latitude, or easting and northing."""
Converter = Callable[[Decimal, Decimal, str], Pair]
"""Converts ``(east, north, field)`` to longitude and latitude; raises FieldError of ``field``."""

WGS84 = "EPSG:4326"
_SAME = frozenset({WGS84, "CRS84", "OGC:CRS84"})
_EPSG = re.compile(r"(?:urn:ogc:def:crs:)?EPSG:(?:[\d.]*:)?(\d{4,6})", re.ASCII)
_CRS84 = re.compile(r"(?:urn:ogc:def:crs:)?OGC:(?:[\d.]*:)?CRS84", re.ASCII)
_DIGITS = Decimal("0.0000001")
"""A centimetre; the projections themselves are more accurate, the surveys less."""
_MARGIN_DEGREES = 1.0

_KRASSOWSKI_AXIS = 6378245.0
_KRASSOWSKI_ECCENTRICITY_SQUARED = 0.00669342162296594323
_BAIDU_ANGLE = math.pi * 3000.0 / 180.0
_CHINA = (72.004, 0.8293, 137.8347, 55.8271)
"""West, south, east, north of the area in which GCJ-02 shifts positions."""


def named(crs: str) -> str:
    """A system's name in its short form, ``EPSG:25832``, ``GCJ-02`` or ``BD-09``.

    Raises:
        FormatError: of another form.
    """
    if crs.upper() in ("GCJ-02", "BD-09"):
        return crs.upper()
    if _CRS84.fullmatch(crs) or crs in _SAME:
        return WGS84
    match = _EPSG.fullmatch(crs)
    if match is None:
        raise FormatError("crs", "must be EPSG:n, GCJ-02 or BD-09")
    return f"EPSG:{match[1]}"


def converter(crs: str) -> Converter:
    """The converter from the system of that short name to WGS 84, in which coordinates stay as written.

    Raises:
        FormatError: PROJ does not know the system.
    """
    match crs:
        case "EPSG:4326":
            return _as_written
        case "GCJ-02":
            return _shifted_back(_to_gcj)
        case "BD-09":
            return _shifted_back(lambda longitude, latitude: _to_bd(*_to_gcj(longitude, latitude)))
        case _:
            return _projected(crs)


def verify_on_earth(longitude: Decimal, latitude: Decimal, field: str) -> None:
    """
    Raises:
        FieldError: beyond the poles or around the globe; the reason names a wrong order.
    """
    if abs(latitude) > 90 and abs(longitude) <= 90 and abs(latitude) <= 180:
        raise FieldError(field, "latitude is beyond 90 degrees: longitude and latitude are swapped")
    if abs(latitude) > 90 or abs(longitude) > 180:
        raise FieldError(field, "must be a longitude and latitude on Earth")


def _as_written(east: Decimal, north: Decimal, field: str) -> Pair:
    verify_on_earth(east, north, field)
    return east, north


@cache
def _projected(crs: str) -> Converter:
    transformer, area = _transformer(crs)

    def convert(east: Decimal, north: Decimal, field: str) -> Pair:
        longitude, latitude = transformer.transform(float(east), float(north))
        if not (math.isfinite(longitude) and math.isfinite(latitude)):
            raise FieldError(field, f"is not a position in {crs}")
        if area is not None and not _within(longitude, latitude, area):
            raise FieldError(field, f"lies outside the area of {crs}: is east before north?")
        return _rounded(longitude, latitude, field)

    return convert


def _transformer(crs: str) -> tuple[Any, tuple[float, float, float, float] | None]:
    """PROJ, loaded on first use, without network: it would fetch finer grids, and answer differently."""
    pyproj = importlib.import_module("pyproj")
    importlib.import_module("pyproj.network").set_network_enabled(active=False)
    try:
        system = pyproj.CRS.from_user_input(crs)
    except pyproj.exceptions.CRSError:
        raise FormatError("crs", "PROJ does not know a coordinate reference system of this code") from None
    area = system.area_of_use
    bounds = None if area is None else (area.west, area.south, area.east, area.north)
    return pyproj.Transformer.from_crs(system, WGS84, always_xy=True), bounds


def _within(longitude: float, latitude: float, area: tuple[float, float, float, float]) -> bool:
    west, south, east, north = area
    # An area across the antimeridian has its west in the east.
    beside = west - _MARGIN_DEGREES <= longitude <= east + _MARGIN_DEGREES or west > east
    return beside and south - _MARGIN_DEGREES <= latitude <= north + _MARGIN_DEGREES


def _shifted_back(shift: Callable[[float, float], tuple[float, float]]) -> Converter:
    def convert(east: Decimal, north: Decimal, field: str) -> Pair:
        verify_on_earth(east, north, field)
        if not _in_china(float(east), float(north)):
            return east, north
        return _rounded(*_unshift(shift, float(east), float(north)), field)

    return convert


def _unshift(
    shift: Callable[[float, float], tuple[float, float]], longitude: float, latitude: float
) -> tuple[float, float]:
    """The position that is shifted to this one, by fixed-point iteration: the shift changes by less than a
    hundredth of the distance, so each round gains two digits, and ten reach the precision of a double."""
    east, north = longitude, latitude
    for _ in range(10):
        shifted_east, shifted_north = shift(east, north)
        east, north = east + longitude - shifted_east, north + latitude - shifted_north
    return east, north


def _in_china(longitude: float, latitude: float) -> bool:
    west, south, east, north = _CHINA
    return west <= longitude <= east and south <= latitude <= north


def _to_gcj(longitude: float, latitude: float) -> tuple[float, float]:
    """WGS 84 to GCJ-02: waves in both directions, in metres, on the ellipsoid of Krassowski."""
    x, y = longitude - 105.0, latitude - 35.0
    ripple = 20.0 * math.sin(6.0 * x * math.pi) + 20.0 * math.sin(2.0 * x * math.pi)
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * math.sqrt(abs(x))
    north += 2.0 / 3.0 * (ripple + _waves(y, 20.0, 40.0, 1.0, 3.0))
    north += 2.0 / 3.0 * (160.0 * math.sin(y / 12.0 * math.pi) + 320.0 * math.sin(y / 30.0 * math.pi))
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * math.sqrt(abs(x))
    east += 2.0 / 3.0 * (ripple + _waves(x, 20.0, 40.0, 1.0, 3.0))
    east += 2.0 / 3.0 * (150.0 * math.sin(x / 12.0 * math.pi) + 300.0 * math.sin(x / 30.0 * math.pi))
    return longitude + _degrees_east(east, latitude), latitude + _degrees_north(north, latitude)


def _waves(at: float, short: float, long: float, short_length: float, long_length: float) -> float:
    return short * math.sin(at / short_length * math.pi) + long * math.sin(at / long_length * math.pi)


def _flattening(latitude: float) -> float:
    return 1.0 - _KRASSOWSKI_ECCENTRICITY_SQUARED * math.sin(math.radians(latitude)) ** 2


def _degrees_east(metres: float, latitude: float) -> float:
    radius = _KRASSOWSKI_AXIS / math.sqrt(_flattening(latitude)) * math.cos(math.radians(latitude))
    return math.degrees(metres / radius)


def _degrees_north(metres: float, latitude: float) -> float:
    flattening = _flattening(latitude)
    radius = (
        _KRASSOWSKI_AXIS * (1.0 - _KRASSOWSKI_ECCENTRICITY_SQUARED) / (flattening * math.sqrt(flattening))
    )
    return math.degrees(metres / radius)


def _to_bd(longitude: float, latitude: float) -> tuple[float, float]:
    """GCJ-02 to BD-09: a small turn and stretch around the zero of both, and a shift."""
    radius = math.hypot(longitude, latitude) + 0.00002 * math.sin(latitude * _BAIDU_ANGLE)
    angle = math.atan2(latitude, longitude) + 0.000003 * math.cos(longitude * _BAIDU_ANGLE)
    return radius * math.cos(angle) + 0.0065, radius * math.sin(angle) + 0.006


def _rounded(longitude: float, latitude: float, field: str) -> Pair:
    east, north = (Decimal(value).quantize(_DIGITS) for value in (longitude, latitude))
    verify_on_earth(east, north, field)
    return east, north

"""GeoJSON geometries (RFC 7946 §3.1), with coordinates that exist on Earth."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from cityledger.profiles.fields import Element, Number

Position = Annotated[list[Number], Field(min_length=2, max_length=3)]
"""Longitude, latitude and perhaps altitude, in WGS 84 degrees and metres. In that order: RFC 7946 §3.1.1."""


def _on_earth(position: list[Number]) -> list[Number]:
    longitude, latitude = position[:2]
    if not -180 <= longitude <= 180:
        raise ValueError("longitude comes first and is between -180 and 180")
    if not -90 <= latitude <= 90:
        raise ValueError("latitude comes second and is between -90 and 90")
    return position


def _closed(ring: list[list[Number]]) -> list[list[Number]]:
    if ring[0] != ring[-1]:
        raise ValueError("the last position of a ring repeats the first")
    return ring


PlacedPosition = Annotated[Position, AfterValidator(_on_earth)]
Ring = Annotated[list[PlacedPosition], Field(min_length=4, max_length=10_000), AfterValidator(_closed)]


Line = Annotated[list[PlacedPosition], Field(min_length=2, max_length=10_000)]
Rings = Annotated[list[Ring], Field(min_length=1, max_length=100)]


class Point(Element):
    type: Literal["Point"]
    coordinates: PlacedPosition


class LineString(Element):
    type: Literal["LineString"]
    coordinates: Line


class Polygon(Element):
    type: Literal["Polygon"]
    coordinates: Rings


class MultiPoint(Element):
    type: Literal["MultiPoint"]
    coordinates: Annotated[list[PlacedPosition], Field(min_length=1, max_length=10_000)]


class MultiLineString(Element):
    type: Literal["MultiLineString"]
    coordinates: Annotated[list[Line], Field(min_length=1, max_length=100)]


class MultiPolygon(Element):
    type: Literal["MultiPolygon"]
    coordinates: Annotated[list[Rings], Field(min_length=1, max_length=100)]


Geometry = Annotated[
    Point | LineString | Polygon | MultiPoint | MultiLineString | MultiPolygon, Field(discriminator="type")
]

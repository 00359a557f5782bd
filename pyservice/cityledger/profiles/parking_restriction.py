"""Restrictions at a kerb: the sign plates of a parking zone, the policies of a kerb zone."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from cityledger.profiles.fields import Ascii, Identifier, Instant, Name, Number
from cityledger.profiles.parking_entities import ABSENT, Free, Spoken

Day = Literal["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
LocalTime = Annotated[
    str, StringConstraints(pattern=r"^(([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?|24:00(:00)?)$"), Ascii
]
"""A time of day on the clock of the place, ``07:30`` or ``07:30:00``; ``24:00`` ends a day."""


class TimeSpan(Spoken):
    """The times of the rules; without days every day, without times all day. ``until`` is excluded."""

    days: Annotated[list[Day], Field(min_length=1, max_length=7)] = ABSENT
    since: LocalTime = ABSENT
    until: LocalTime = ABSENT


class Rate(Spoken):
    """``amount`` in the smallest unit of ``currency`` for each ``unit`` of time."""

    amount: Annotated[Number, Field(ge=0)]
    unit: Identifier
    period: Identifier = ABSENT
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = ABSENT


class Rule(Spoken):
    """``max_stay`` is in minutes."""

    activity: Name
    max_stay: Annotated[Number, Field(ge=0)] = ABSENT
    user_classes: Annotated[list[Name], Field(max_length=64)] = ABSENT
    rates: Annotated[list[Rate], Field(min_length=1, max_length=64)] = ABSENT


class ParkingRestriction(Spoken):
    """``zone`` is its area, ``display`` the text of the sign (``2P``). Of several policies in effect at the
    same time, the one with the lowest ``priority`` applies."""

    type: Literal["ParkingRestriction"]
    id: Name = ABSENT
    zone: Name = ABSENT
    display: Name = ABSENT
    time_spans: Annotated[list[TimeSpan], Field(min_length=1, max_length=64)] = ABSENT
    rules: Annotated[list[Rule], Field(min_length=1, max_length=64)] = ABSENT
    priority: Annotated[int, Field(ge=0, le=1_000_000)] = ABSENT
    published_at: Instant = ABSENT
    source_fields: Free = ABSENT


def says_something(restriction: dict[str, Any]) -> bool:
    return not {"display", "rules"}.isdisjoint(restriction)

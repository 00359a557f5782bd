"""Field types that the profiles share, and the translation of a model's refusal into a PayloadError."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel

from cityledger.errors import PayloadError

T = TypeVar("T")

_INSTANT = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$"
_DATE = r"^\d{4}-\d{2}-\d{2}$"
_SHARE = r"^[1-9]\d{0,8}/[1-9]\d{0,8}$"


class Element(BaseModel):
    """A JSON object with camelCase names, of exactly the known fields and their own JSON types."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, alias_generator=to_camel)


def _number(value: object) -> object:
    """Accepts integers and decimals, since JSON has one number type; refuses booleans, ints in Python."""
    return Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _ascii(text: str) -> str:
    """Refuses digits of other scripts: in the models ``\\d`` matches them, in JSON Schema it does not."""
    if not text.isascii():
        raise ValueError("must be written with the digits 0 to 9")
    return text


Ascii = AfterValidator(_ascii)


def _civil_date(text: str) -> str:
    date.fromisoformat(text)
    return text


def _instant(text: str) -> str:
    """Checks the year also in UTC, in which instants are compared: an offset may lead out of the range."""
    try:
        datetime.fromisoformat(text).astimezone(UTC)
    except OverflowError:
        raise ValueError("must be a time of the years 1 to 9999 in UTC") from None
    return text


def _share(text: str) -> str:
    if Fraction(text) > 1:
        raise ValueError("a share is at most 1/1")
    return text


Text = Annotated[str, StringConstraints(min_length=1, max_length=500)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$")]
Number = Annotated[Decimal, BeforeValidator(_number), WithJsonSchema({"type": "number"})]
Count = Annotated[int, Field(ge=0, le=1_000_000)]
CivilDate = Annotated[str, StringConstraints(pattern=_DATE), Ascii, AfterValidator(_civil_date)]
"""A calendar date, ISO 8601 ``YYYY-MM-DD``."""
Instant = Annotated[str, StringConstraints(pattern=_INSTANT), Ascii, AfterValidator(_instant)]
"""An RFC 3339 time. The offset is required: a parking feed without one is an hour wrong twice a year."""
Share = Annotated[str, StringConstraints(pattern=_SHARE), Ascii, AfterValidator(_share)]
"""A share in a right as a fraction, ``1/2``; decimals cannot express a third."""


def fits(adapter: TypeAdapter[T], value: object, path: str) -> T:
    """The value, validated by the model.

    Raises:
        PayloadError: names the first field that does not fit, by its JSON path below ``path``.
    """
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        raise PayloadError(path + steps(first["loc"]), reason(first["type"], first["msg"])) from None


def steps(location: Sequence[int | str]) -> str:
    """``('period', 'start', 0)`` as ``.period.start[0]``; an unknown name from the sender is truncated.

    The names of a union's branches are omitted, because the JSON does not have them.
    """
    named = (step for step in location if step not in _BRANCHES)
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step[:64]}" for step in named)


def reason(kind: str, message: str) -> str:
    """The model's message in one line, replaced by our own if it names Python types."""
    if kind in _REASONS:
        return _REASONS[kind]
    text = message.removeprefix("Value error, ").removeprefix("Assertion failed, ")
    return re.sub(r"\s+", " ", re.sub("^Input should be ", "must be ", text))[:300]


# fmt: off
_BRANCHES = frozenset({
    "Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon",
    "OnStreetParking", "OffStreetParking", "ParkingGroup", "ParkingSpot", "ParkingSite", "ParkingAccess",
})
# fmt: on

_REASONS = {
    "extra_forbidden": "no such field here",
    "missing": "this field is required",
    "model_type": "must be a JSON object",
    "dict_type": "must be a JSON object",
    "list_type": "must be a JSON array",
    "string_type": "must be a string",
    "int_type": "must be an integer",
    "bool_type": "must be true or false",
    "is_instance_of": "must be a number",
    "decimal_type": "must be a number",
    "union_tag_invalid": "is of a type that does not belong here",
}

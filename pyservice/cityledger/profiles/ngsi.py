"""The two representations of an NGSI-LD entity (ETSI GS CIM 009 §4.5): normalized, and key-values."""

from __future__ import annotations

from datetime import UTC, datetime

from cityledger.strict_json import Json


def key_values(entity: Json) -> Json:
    """An entity in its key-values form, in which it is checked; one in that form already is returned as it
    is.

    A property's ``observedAt`` is used for the entity; of several the latest.
    """
    if not isinstance(entity, dict):
        return entity
    if not any(isinstance(attribute, dict) and "type" in attribute for attribute in entity.values()):
        return entity
    plain: dict[str, Json] = {name: _value(attribute) for name, attribute in entity.items()}
    observed = [time for time in map(_observed_at, entity.values()) if time is not None]
    if observed:
        plain.setdefault("observedAt", max(observed, key=_order))
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


def instant_key(text: str) -> tuple[datetime, str]:
    """A sort key of a time with its offset, at the full precision of its digits.

    ``datetime`` ends at microseconds, so the key also has the fraction of the second as written, without
    trailing zeros: such texts have the order of their numbers.

    Raises:
        ValueError: the time does not exist.
    """
    _whole, _point, rest = text.partition(".")
    fraction = rest.rstrip("Z").partition("+")[0].partition("-")[0].rstrip("0")
    return datetime.fromisoformat(text).astimezone(UTC).replace(microsecond=0), fraction


def _order(text: str) -> tuple[datetime, str]:
    """The sort key of a time; text that is not a time with an offset sorts last, so that it is chosen and
    then refused."""
    try:
        if datetime.fromisoformat(text).tzinfo:
            return instant_key(text)
    except (ValueError, OverflowError):
        pass
    return datetime.max.replace(tzinfo=UTC), "~"

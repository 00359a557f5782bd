"""The two representations of an NGSI-LD entity (ETSI GS CIM 009 §4.5): normalized, and key-values."""

from __future__ import annotations

from datetime import datetime

from cityledger.strict_json import Json


def key_values(entity: Json) -> Json:
    """An entity in its key-values form, in which it is checked; one that is in it already comes as it is.

    A property's ``observedAt`` stands for the entity; of several the latest does.
    """
    if not isinstance(entity, dict):
        return entity
    if not any(isinstance(attribute, dict) and "type" in attribute for attribute in entity.values()):
        return entity
    plain: dict[str, Json] = {name: _value(attribute) for name, attribute in entity.items()}
    observed = [time for time in map(_observed_at, entity.values()) if time is not None]
    if observed:
        plain.setdefault("observedAt", max(observed, key=_instant))
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


def _instant(text: str) -> float:
    """Seconds; what is no time, or has no offset, comes last, so that it is chosen and then refused."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        return float("inf")
    return read.timestamp() if read.tzinfo else float("inf")

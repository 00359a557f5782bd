"""Equality of two parking records, and the time when a state was observed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from cityledger.profiles.ngsi import instant_key, key_values

TIMES = ("observedAt", "observationDateTime", "occupancyModified", "timeInstant", "dateModified")
"""The time when a state was observed is the first of these that it has."""

_INSTANTS = frozenset({*TIMES, "accessModified", "dateCreated"})


def is_same(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> bool:
    """Returns whether both are the same: equal values, and times that are the same instant in any offset.

    ``dateModified`` is ignored next to a time of observation: it is the time when the source wrote its row.
    """
    return old.keys() == new.keys() and all(
        old[name] == new[name] or _values(name, old[name]) == _values(name, new[name]) for name in new
    )


def contradicts(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> bool:
    """Returns whether both have a state of one instant, and the states differ."""
    if instant_of(old) is None or instant_of(old) != instant_of(new):
        return False
    return _values("state", old["state"]) != _values("state", new["state"])


def instant_of(parts: Mapping[str, bytes]) -> tuple[datetime, str] | None:
    """Time when the state was observed, as ``ngsi.instant_key``; None for a record without a state."""
    if "state" not in parts:
        return None
    state = _read(parts["state"])
    name = _observed(state)
    return None if name is None else instant_key(state[name])


def _observed(state: Mapping[str, Any]) -> str | None:
    return next((name for name in TIMES if name in state), None)


def _read(data: bytes) -> dict[str, Any]:
    """The key-values of a checked part; its decimals keep every digit."""
    read: Any = key_values(json.loads(data, parse_float=Decimal))
    return dict(read)


def _values(part: str, data: bytes) -> object:
    entity = _read(data)
    if part == "state" and _observed(entity) != "dateModified":
        entity.pop("dateModified", None)
    return {
        name: instant_key(value) if name in _INSTANTS else _typed(value) for name, value in entity.items()
    }


def _typed(value: object) -> object:
    """Compares as JSON does: in Python ``true`` equals 1."""
    match value:
        case bool():
            return ("bool", value)
        case list():
            return [_typed(item) for item in value]
        case dict():
            return {name: _typed(item) for name, item in value.items()}
        case _:
            return value

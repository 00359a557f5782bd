"""Numbers of a parking state that cannot be true, and their marks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

COUNTS = (
    "totalSpotNumber",
    "availableSpotNumber",
    "occupiedSpotNumber",
    "extraSpotNumber",
    "outOfServiceSlotNumber",
    "vehicleEntranceCount",
    "vehicleExitCount",
    "occupancy",
)
NUMERIC_MARKS = ("negative", "over-capacity", "zero-capacity", "inconsistent")
"""The marks that follow from the numbers alone; only the sender knows the facts of the others."""

_NEVER_EMPTY = ("OffStreetParking", "ParkingGroup")


def odd_numbers(entity: Mapping[str, Any]) -> dict[str, str]:
    """The field that causes each mark, in the order of ``NUMERIC_MARKS``.

    ``entity`` is in key-values form, and its counts are numbers.
    """
    found = {
        "negative": _negative(entity),
        "over-capacity": _over_capacity(entity),
        "zero-capacity": _zero_capacity(entity),
    }
    if found["over-capacity"] is None:
        found["inconsistent"] = _inconsistent(entity)
    return {mark: field for mark, field in found.items() if field is not None}


def _negative(entity: Mapping[str, Any]) -> str | None:
    for field in COUNTS:
        if field in entity and entity[field] < 0:
            return field
    return None


def _over_capacity(entity: Mapping[str, Any]) -> str | None:
    if entity.get("occupancy", 0) > 1:
        return "occupancy"
    total = entity.get("totalSpotNumber")
    if total is not None:
        for field in ("availableSpotNumber", "occupiedSpotNumber"):
            if field in entity and entity[field] > total:
                return field
    return None


def _zero_capacity(entity: Mapping[str, Any]) -> str | None:
    """A kerb may have no spaces for a while; in the data models every car park has some."""
    empty = entity.get("totalSpotNumber") == 0 and entity.get("type") in _NEVER_EMPTY
    return "totalSpotNumber" if empty else None


def _inconsistent(entity: Mapping[str, Any]) -> str | None:
    """A sum below the total is common, with spaces out of service; a higher one is a contradiction."""
    if not {"totalSpotNumber", "availableSpotNumber", "occupiedSpotNumber"} <= entity.keys():
        return None
    known = entity["availableSpotNumber"] + entity["occupiedSpotNumber"]
    return "occupiedSpotNumber" if known > entity["totalSpotNumber"] else None

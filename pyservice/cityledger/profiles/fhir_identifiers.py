"""The business identifiers in a medical record: what hospitals call visits, specimens and patients."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from cityledger.profiles.fhir_types import TYPES

MAX_IDENTIFIERS = 64


def identifiers_of(parts: Mapping[str, bytes]) -> tuple[tuple[str, str], ...]:
    """``(system, value)`` of the identifiers of each resource, in the order of the parts, each once.

    Those without a system are omitted, because their value alone has no meaning; so are all after 64. The
    parts are of a record that fits the profile.
    """
    found = dict.fromkeys(one for name in TYPES if name in parts for one in _of_part(parts[name]))
    return tuple(found)[:MAX_IDENTIFIERS]


def _of_part(payload: bytes) -> Iterator[tuple[str, str]]:
    for resource in _resources(msgspec.json.decode(payload)):
        identifiers = resource.get("identifier", [])
        for one in identifiers if isinstance(identifiers, list) else [identifiers]:
            if isinstance(one.get("system"), str) and isinstance(one.get("value"), str):
                yield one["system"], one["value"]


def _resources(value: object) -> Iterator[Mapping[str, Any]]:
    match value:
        case list():
            yield from value
        case {"resourceType": "Bundle", "entry": list(entries)}:
            yield from (entry["resource"] for entry in entries)
        case dict():
            yield value

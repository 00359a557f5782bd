"""``cds``: payloads of the Curb Data Specification (Open Mobility Foundation, version 1).

Zones become places, policies become restrictions, and an event is the state of its zone or space at that
moment. A zone has many spaces, so one parking car does not give the number of taken spaces, and no count is
derived. A file holds one payload, an array of them, or an object whose members are arrays of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from cityledger.errors import FormatError
from cityledger.formats.coordinates import Converter, converter
from cityledger.formats.instants import epoch_instant
from cityledger.formats.options import ImportOptions
from cityledger.formats.parking_json import member_object, member_text, placed, read_document, system_of
from cityledger.formats.parking_objects import not_a_place
from cityledger.formats.parking_policies import restriction
from cityledger.formats.parking_rows import Draft, drafts, history, place_id, present, rest, urn, with_rest
from cityledger.formats.rows import Format, RejectedRow, Row
from cityledger.strict_json import Json

_SPACE_STATUS = {"park_start": "occupied", "park_end": "free"}


@dataclass(frozen=True, slots=True)
class _Item:
    """One element of a payload; ``payload`` has the members that apply to all of them."""

    kind: str
    value: Json
    payload: Mapping[str, Any]
    convert: Converter


def _read(stream: BinaryIO, options: ImportOptions) -> Iterator[Row | RejectedRow]:
    convert = converter(system_of(None, options))
    payloads = _payloads(read_document(stream))
    items = [item for payload in payloads for item in _items(payload, convert)]
    return history(drafts(enumerate(items, start=1), _draft))


def _payloads(document: Json) -> list[dict[str, Any]]:
    match document:
        case {"data": dict()}:
            found = [document]
        case list():
            found = document
        case dict() if all(isinstance(member, list) for member in document.values()):
            found = [
                payload for member in document.values() if isinstance(member, list) for payload in member
            ]
        case _:
            raise FormatError("data", "must be a payload of the Curb Data Specification, or several")
    if not all(isinstance(payload, dict) and isinstance(payload.get("data"), dict) for payload in found):
        raise FormatError("data", "every payload must have an object of this name")
    return [payload for payload in found if isinstance(payload, dict)]


def _items(payload: dict[str, Any], convert: Converter) -> Iterator[_Item]:
    about = {name: value for name, value in payload.items() if name != "data"}
    for kind, elements in payload["data"].items():
        if not isinstance(elements, list):
            raise FormatError("data", "its members must be JSON arrays")
        for element in elements:
            yield _Item(kind, element, about, convert)


def _draft(row_no: int, item: _Item) -> Draft:
    if item.kind not in _READERS:
        raise not_a_place("", f"it must be among the payload's {', '.join(_READERS)}")
    if not isinstance(item.value, dict):
        raise not_a_place("", "it is not a JSON object")
    return _READERS[item.kind](row_no, item.value, item)


def _event(row_no: int, event: dict[str, Any], item: _Item) -> Draft:
    where, kind = _where(event)
    own_id, event_type = member_text(event, where), member_text(event, "event_type")
    where_it_was = member_object(event, "event_location") if event.get("event_location") else {}
    state = present(
        id=urn(kind, own_id, where),
        type=kind,
        status=_SPACE_STATUS.get(event_type, "unknown") if kind == "ParkingSpot" else None,
        location=placed(where_it_was.get("geometry"), item.convert, "event_location.geometry"),
        event=present(id=member_text(event, "event_id"), type=event_type, purpose=event.get("event_purpose")),
        observedAt=_milliseconds(event.get("event_time"), "event_time"),
    )
    used = {where, "event_id", "event_type", "event_purpose"}
    return Draft(row_no, place_id(own_id, where), {"state": _with_source(state, event, used, item)})


def _where(event: Mapping[str, Any]) -> tuple[str, str]:
    """The narrowest place that the event names; the curb data of a zone and of a space are two records."""
    if event.get("curb_space_id") is not None:
        return "curb_space_id", "ParkingSpot"
    return "curb_zone_id", "OnStreetParking"


def _zone(row_no: int, zone: dict[str, Any], item: _Item) -> Draft:
    """The id begins with ``zone-``: the record of the zone's states, under its own id, is another."""
    own_id = member_text(zone, "curb_zone_id")
    place = present(
        id=urn("OnStreetParking", own_id, "curb_zone_id"),
        type="OnStreetParking",
        location=placed(zone.get("geometry"), item.convert, "geometry"),
    )
    used = {"curb_zone_id"} | ({"geometry"} if place.get("location") == zone.get("geometry") else set())
    return Draft(
        row_no,
        place_id(f"zone-{own_id}", "curb_zone_id"),
        {"place": _with_source(place, zone, used, item)},
    )


def _policy(row_no: int, policy: dict[str, Any], item: _Item) -> Draft:
    own_id = member_text(policy, "curb_policy_id")
    converted, used = restriction(policy, item.payload.get("currency"))
    part = _with_source(converted, policy, used, item)
    return Draft(row_no, place_id(f"policy-{own_id}", "curb_policy_id"), {"restriction": part})


def _with_source(
    entity: dict[str, Any], element: Mapping[str, Any], used: set[str], item: _Item
) -> dict[str, Any]:
    """Adds the members that apply to all elements of a payload (zone of its times, currency, author)."""
    return with_rest(entity, rest(element, used) | {"payload": dict(item.payload)})


def _milliseconds(value: object, field: str) -> str:
    """The specification requires an integer, its own examples have a string."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 15:
        value = int(value)
    return epoch_instant(value, field)


_READERS: Mapping[str, Callable[[int, dict[str, Any], _Item], Draft]] = {
    "events": _event,
    "zones": _zone,
    "policies": _policy,
}

FORMATS = {
    "cds": Format(
        name="cds",
        title="Curb Data Specification: events, zones and policies",
        profile="parking",
        read=_read,
        supported_options=frozenset({"crs"}),
    )
}

"""Live feeds that name places by a number only: ``pbw``, ``ulm-sites``, ``ulm-spots``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from cityledger.errors import FieldError, FormatError
from cityledger.formats.instants import instant
from cityledger.formats.options import ImportOptions
from cityledger.formats.parking_json import member_object, member_text, objects, read_document
from cityledger.formats.parking_objects import places, verify_place
from cityledger.formats.parking_rows import (
    Draft,
    count_of,
    drafts,
    place_id,
    present,
    rest,
    snapshot,
    urn,
    with_rest,
)
from cityledger.formats.rows import Format, RejectedRow, Row
from cityledger.strict_json import Json


def _read_pbw(stream: BinaryIO, options: ImportOptions) -> Iterator[Row | RejectedRow]:
    """Reads an object by the numbers of the car parks; it names no time, so the sender does."""
    if options.observed_at is None:
        raise FormatError("observed_at", "is required, with an offset: the file does not name its time")
    try:
        taken = instant(options.observed_at, "observed_at")
    except FieldError as error:
        raise FormatError(error.field, error.reason) from None
    document = read_document(stream)
    if not isinstance(document, dict):
        raise FormatError("", "must be a JSON object of car parks by their numbers")
    places = enumerate(document.items(), start=1)
    return snapshot(drafts(places, lambda row_no, place: _pbw(row_no, *place, taken)))


def _pbw(row_no: int, number: str, value: Json, taken: str) -> Draft:
    """Spaces for short stays. A row with only nulls is refused: it has no state."""
    site = value if isinstance(value, dict) else {}
    verify_place(site, "dynamisch")
    live = member_object(site, "dynamisch")
    if all(field is None for field in live.values()):
        raise FieldError("dynamisch", "has no state: every value is null")
    used = ("kurzparker_verfuegbar", "kurzparker_frei")
    state = present(
        id=urn("OffStreetParking", number, "id"),
        type="OffStreetParking",
        totalSpotNumber=count_of(live.get("kurzparker_verfuegbar"), "dynamisch.kurzparker_verfuegbar"),
        availableSpotNumber=count_of(live.get("kurzparker_frei"), "dynamisch.kurzparker_frei"),
        observedAt=taken,
    )
    return Draft(row_no, place_id(number, "id"), {"state": with_rest(state, rest(live, used))}, (), taken)


def _read_ulm_sites(stream: BinaryIO, options: ImportOptions) -> Iterator[Row | RejectedRow]:
    return snapshot(drafts(places(objects(_array(read_document(stream))), "id"), _ulm_site))


def _ulm_site(row_no: int, site: dict[str, Any]) -> Draft:
    """``currentcarparkfulltotal`` counts free spaces, contrary to its name."""
    own_id, observed_at = member_text(site, "id"), instant(site.get("timestamp"), "timestamp")
    used = ("id", "timestamp", "maxcarparkfull", "currentcarparkfulltotal")
    state = present(
        id=urn("OffStreetParking", own_id, "id"),
        type="OffStreetParking",
        totalSpotNumber=count_of(site.get("maxcarparkfull"), "maxcarparkfull"),
        availableSpotNumber=count_of(site.get("currentcarparkfulltotal"), "currentcarparkfulltotal"),
        observedAt=observed_at,
    )
    parts = {"state": with_rest(state, rest(site, used))}
    return Draft(row_no, place_id(own_id, "id"), parts, (), observed_at)


def _read_ulm_spots(stream: BinaryIO, options: ImportOptions) -> Iterator[Row | RejectedRow]:
    return snapshot(drafts(places(objects(_array(read_document(stream))), "id"), _ulm_spot))


def _ulm_spot(row_no: int, spot: dict[str, Any]) -> Draft:
    own_id, observed_at = member_text(spot, "id"), instant(spot.get("timestamp"), "timestamp")
    if not isinstance(spot.get("occupied"), bool):
        raise FieldError("occupied", "must be true or false")
    state = {
        "id": urn("ParkingSpot", own_id, "id"),
        "type": "ParkingSpot",
        "status": "occupied" if spot["occupied"] else "free",
        "observedAt": observed_at,
    }
    parts = {"state": with_rest(state, rest(spot, ("id", "timestamp", "occupied")))}
    return Draft(row_no, place_id(own_id, "id"), parts, (), observed_at)


def _array(document: Json) -> list[Json]:
    if not isinstance(document, list):
        raise FormatError("", "must be a JSON array")
    return document


FORMATS = {
    "pbw": Format(
        name="pbw",
        title="PBW car parks, live, JSON by number",
        profile="parking",
        read=_read_pbw,
        supported_options=frozenset({"observed_at"}),
    ),
    "ulm-sites": Format(
        name="ulm-sites", title="Ulm car parks, live, JSON", profile="parking", read=_read_ulm_sites
    ),
    "ulm-spots": Format(
        name="ulm-spots", title="Ulm bay sensors, live, JSON", profile="parking", read=_read_ulm_spots
    ),
}

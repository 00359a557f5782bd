"""``melbourne-bays``: the last change of each bay's sensor; ``melbourne-signs``: the plates of each zone.

``Status_Timestamp`` is the time of a bay's last change, and so the instant of its state. ``Lastupdated`` is
the time of its last report. A bay that did not change for long is ``long-unchanged``, by a parked car or a
failed sensor; one that is no longer reported, while others are, is ``stale``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from cityledger.errors import FieldError
from cityledger.formats.coordinates import Converter, converter
from cityledger.formats.instants import STALE_AFTER, instant, moment
from cityledger.formats.options import ImportOptions
from cityledger.formats.parking_json import system_of
from cityledger.formats.parking_rows import (
    Draft,
    cell_number,
    drafts,
    history,
    place_id,
    snapshot,
    urn,
    with_rest,
)
from cityledger.formats.rows import Format, RejectedRow, Row
from cityledger.formats.table import COLUMN_OPTIONS, Layout, read_table

_BAYS = Layout(
    required=(
        "Lastupdated",
        "Status_Timestamp",
        "Zone_Number",
        "Status_Description",
        "KerbsideID",
        "Location",
    )
)
_SIGNS = Layout(
    required=(
        "ParkingZone",
        "Restriction_Days",
        "Time_Restrictions_Start",
        "Time_Restrictions_Finish",
        "Restriction_Display",
    )
)
_STATUS = {"Present": "occupied", "Unoccupied": "free"}
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_LATITUDE_LONGITUDE = re.compile(r"([-.0-9]{1,40}), ([-.0-9]{1,40})", re.ASCII)
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d:[0-5]\d", re.ASCII)


def _read_bays(stream: BinaryIO, options: ImportOptions) -> Iterator[Row | RejectedRow]:
    convert = converter(system_of(None, options))
    table = read_table(stream, _BAYS, options.columns, options.skip_columns)
    return snapshot(drafts(table, lambda row_no, cells: _bay(row_no, cells, convert)))


def _bay(row_no: int, cells: dict[str, str], convert: Converter) -> Draft:
    changed = instant(cells["Status_Timestamp"], "Status_Timestamp")
    reported = instant(cells["Lastupdated"], "Lastupdated")
    if cells["Status_Description"] not in _STATUS:
        raise FieldError("Status_Description", f"must be one of {', '.join(_STATUS)}")
    zone, location, unplaced = cells["Zone_Number"], *_location(cells["Location"], convert)
    state: dict[str, Any] = {
        "id": urn("ParkingSpot", cells["KerbsideID"], "KerbsideID"),
        "type": "ParkingSpot",
        "category": ["onStreet"],
        "status": _STATUS[cells["Status_Description"]],
        "location": location,
        **({"areaServed": zone} if zone else {}),
        "observedAt": changed,
        "dateModified": reported,
    }
    unplaced |= {} if zone else {"Zone_Number": zone}
    flags = ("long-unchanged",) if moment(reported) - moment(changed) > STALE_AFTER else ()
    place = place_id(cells["KerbsideID"], "KerbsideID")
    return Draft(row_no, place, {"state": with_rest(state, unplaced)}, flags, reported)


def _location(text: str, convert: Converter) -> tuple[dict[str, Any], dict[str, Any]]:
    """The cell has latitude first, GeoJSON longitude. Also the cell itself, if it was converted."""
    match = _LATITUDE_LONGITUDE.fullmatch(text)
    if match is None:
        raise FieldError("Location", "must be latitude, a comma, space, and longitude")
    latitude, longitude = (cell_number(number, "Location") for number in match.groups())
    placed = convert(longitude, latitude, "Location")
    location = {"type": "Point", "coordinates": list(placed)}
    return location, {} if placed == (longitude, latitude) else {"Location": text}


def _read_signs(stream: BinaryIO, options: ImportOptions) -> Iterator[Row | RejectedRow]:
    return history(drafts(read_table(stream, _SIGNS, options.columns, options.skip_columns), _sign))


def _sign(row_no: int, cells: dict[str, str]) -> Draft:
    """One record per plate: a zone has up to eight, some with the same hours, so its id is the whole row."""
    zone, display = cells["ParkingZone"], cells["Restriction_Display"]
    since, until = _time(cells, "Time_Restrictions_Start"), _time(cells, "Time_Restrictions_Finish")
    span = {"days": _days(cells["Restriction_Days"]), "since": since, "until": until}
    for column in ("ParkingZone", "Restriction_Display"):
        if not cells[column].strip():
            raise FieldError(column, "is empty")
    plate = place_id(f"{zone}.{cells['Restriction_Days']}.{since}-{until}.{display}", "ParkingZone")
    restriction = {"type": "ParkingRestriction", "zone": zone, "display": display, "timeSpans": [span]}
    return Draft(row_no, plate, {"restriction": restriction})


def _time(cells: dict[str, str], column: str) -> str:
    if not _TIME.fullmatch(cells[column]):
        raise FieldError(column, "must be a time of day as HH:MM:SS")
    return cells[column]


def _days(text: str) -> list[str]:
    """``Mon-Fri`` or ``Sat`` as its days."""
    first, _dash, last = text.partition("-")
    if first not in _DAYS or (last or first) not in _DAYS or text.endswith("-"):
        raise FieldError("Restriction_Days", "must be a day or two with a dash, as in Mon-Fri")
    begin, end = _DAYS.index(first), _DAYS.index(last or first)
    if begin > end or (last and begin == end):
        raise FieldError("Restriction_Days", "must run forward within a week that begins on Monday")
    return list(_DAYS[begin : end + 1])


FORMATS = {
    "melbourne-bays": Format(
        name="melbourne-bays",
        title="Melbourne on-street bay sensors, CSV",
        profile="parking",
        read=_read_bays,
        supported_options=COLUMN_OPTIONS | {"crs"},
    ),
    "melbourne-signs": Format(
        name="melbourne-signs",
        title="Melbourne sign plates of parking zones, CSV",
        profile="parking",
        read=_read_signs,
        supported_options=COLUMN_OPTIONS,
    ),
}

"""``birmingham-occupancy``: readings of Birmingham's car parks, in local time without offset."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from cityledger.formats.instants import LocalClock, zone_of
from cityledger.formats.options import ImportOptions
from cityledger.formats.parking_rows import Draft, cell_count, drafts, history, place_id, urn
from cityledger.formats.rows import Format, RejectedRow, Row
from cityledger.formats.table import COLUMN_OPTIONS, Layout, read_table

_LAYOUT = Layout(required=("SystemCodeNumber", "Capacity", "Occupancy", "LastUpdated"))


def _read(stream: BinaryIO, options: ImportOptions) -> Iterator[Row | RejectedRow]:
    clock = LocalClock(zone_of(options))
    table = read_table(stream, _LAYOUT, options.columns, options.skip_columns)
    return history(drafts(table, lambda row_no, cells: _reading(row_no, cells, clock)))


def _reading(row_no: int, cells: dict[str, str], clock: LocalClock) -> Draft:
    code = cells["SystemCodeNumber"]
    observed_at, flags = clock.instant(code, cells["LastUpdated"], "LastUpdated")
    state = {
        "id": urn("OffStreetParking", code, "SystemCodeNumber"),
        "type": "OffStreetParking",
        "totalSpotNumber": cell_count(cells, "Capacity"),
        "occupiedSpotNumber": cell_count(cells, "Occupancy"),
        "observedAt": observed_at,
    }
    return Draft(row_no, place_id(code, "SystemCodeNumber"), {"state": state}, flags)


FORMATS = {
    "birmingham-occupancy": Format(
        name="birmingham-occupancy",
        title="Birmingham car park readings, CSV",
        profile="parking",
        read=_read,
        supported_options=COLUMN_OPTIONS | {"timezone"},
    )
}

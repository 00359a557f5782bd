"""What all parking formats share: ids that stay apart, marks, bytes; and that no input breaks a reader."""

import copy
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityledger.errors import FieldError, FormatError, PayloadError
from cityledger.formats.options import ImportOptions
from cityledger.formats.parking_rows import (
    Draft,
    cell_count,
    cell_number,
    count_of,
    encoded,
    place_id,
    rest,
    urn,
)
from cityledger.formats.rows import Row
from cityledger.profiles.parking import PARKING
from support.imports.memory_import import read_rows

OPTIONS = ImportOptions(
    timezone="Europe/Berlin", place="A", capacity=10, observed_at="2024-06-01T12:00:00+02:00"
)

POINT = {"type": "Point", "coordinates": [8.5, 49.3]}
FREIBURG = {
    "obs_parkid": "1",
    "obs_max": "10",
    "obs_free": "3",
    "obs_ts": "2024-06-10 10:20:00",
    "park_name": "A",
}
KONSTANZ = {
    "id": 1.0,
    "name": "A",
    "updated": 1_723_876_205_000,
    "max_cap": 5.0,
    "real_fcap": 3,
    "type": "Parkhaus",
}
VRN = {"original_uid": "1", "name": "A", "capacity": 5, "realtime_occupied": 3, "reatime_data_updated": 1}
SITE = {"id": "a", "timestamp": "2025-04-11T07:33:00Z", "maxcarparkfull": 10, "currentcarparkfulltotal": 1}
SPOT = {"id": "a", "timestamp": "2025-04-11T07:33:00Z", "occupied": True, "location": ""}
STATE = {"id": "a", "type": "OffStreetParking", "totalSpotNumber": 5, "observedAt": "2025-04-11T07:33:00Z"}
EVENT = {"event_id": "e", "event_type": "park_start", "event_time": 1, "curb_zone_id": "z"}
POLICY = {"curb_policy_id": "p", "time_spans": [{"days_of_week": ["mon"]}], "rules": [{"activity": "a"}]}

SAMPLES: dict[str, list[Any]] = {
    "dresden-lots": [
        {"features": [{"properties": {"name": "A", "total": 3, "address": "x"}, "geometry": POINT}]}
    ],
    "freiburg": [{"features": [{"properties": FREIBURG, "geometry": POINT}]}],
    "konstanz": [
        {
            "spatialReference": {"wkid": 4326},
            "features": [{"attributes": KONSTANZ, "geometry": {"x": 1.0, "y": 2}}],
        }
    ],
    "vrn": [{"features": [{"properties": VRN, "geometry": POINT}]}],
    "pbw": [{"8": {"dynamisch": {"kurzparker_frei": 3, "kurzparker_verfuegbar": None}}}],
    "ulm-sites": [[SITE]],
    "ulm-spots": [[SPOT]],
    "ngsi-ld": [STATE, [STATE, {**STATE, "location": POINT}]],
    "cds": [
        {
            "data": {
                "events": [EVENT],
                "policies": [POLICY],
                "zones": [{"curb_zone_id": "z", "geometry": POINT}],
            }
        }
    ],
}
CSV = {
    "birmingham-occupancy": "SystemCodeNumber,Capacity,Occupancy,LastUpdated\n{},{},{},{}\n",
    "dresden-occupancy": "{},{}\n",
    "melbourne-bays": "Lastupdated,Status_Timestamp,Zone_Number,Status_Description,KerbsideID,Location\n"
    "{},{},{},{},{},{}\n",
    "melbourne-signs": "ParkingZone,Restriction_Days,Time_Restrictions_Start,Time_Restrictions_Finish,"
    "Restriction_Display\n{},{},{},{},{}\n",
}

TIMES = (
    "2016-10-30 02:30:00",
    "2016-03-27T02:30:00",
    "0001-01-01T00:00:00",
    "2025-08-05T15:19:39+10:00",
    "9999-12-31T23:59:59-23:59",
    "0001-01-01T00:00:00+23:59",
)
WORDS = ("", "1", "-1", "1.5", "Sat", "Mon-Fri", "07:00:00", "Present", '"-37.8, 144.9"', "9" * 40)
SCALARS = (
    st.sampled_from((None, True, *TIMES, *WORDS))
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
CELLS = st.sampled_from((*TIMES, *WORDS)) | st.text(max_size=10).map(
    lambda text: '"' + text.replace('"', '""') + '"'
)


@pytest.mark.parametrize("format_name", SAMPLES)
@given(data=st.data(), crs=st.sampled_from([None, "GCJ-02", "BD-09"]))
def test_json_reader_refuses_with_a_reason_or_gives_rows(
    format_name: str, data: st.DataObject, crs: str | None
) -> None:
    """One value anywhere in a good document is replaced by any other."""
    document = copy.deepcopy(data.draw(st.sampled_from(SAMPLES[format_name])))
    path = data.draw(st.sampled_from(list(paths(document))))
    broken = replaced(document, path, data.draw(VALUES))
    read_or_refused(format_name, json.dumps(broken).encode(), crs)


@pytest.mark.parametrize("format_name", CSV)
@given(cells=st.lists(CELLS, min_size=6, max_size=6))
def test_csv_reader_refuses_with_a_reason_or_gives_rows(format_name: str, cells: list[str]) -> None:
    read_or_refused(format_name, CSV[format_name].format(*cells).encode("utf-8", "surrogatepass"), None)


@pytest.mark.parametrize("format_name", [*SAMPLES, *CSV])
@given(data=st.binary(max_size=200))
def test_reader_refuses_bytes_of_no_format(format_name: str, data: bytes) -> None:
    read_or_refused(format_name, data, None)


def read_or_refused(format_name: str, data: bytes, crs: str | None) -> None:
    """Only a FormatError is raised, and a row is a parking record or refused by the profile."""
    options = ImportOptions(
        timezone=OPTIONS.timezone, place="A", capacity=10, observed_at=OPTIONS.observed_at, crs=crs
    )
    try:
        rows = read_rows(format_name, data, options)
    except FormatError:
        return
    for row in rows:
        if isinstance(row, Row):
            check(row)


def check(row: Row) -> None:
    try:
        PARKING.validate(row.parts)
    except PayloadError:
        return
    assert PARKING.is_same is not None
    assert PARKING.instant_of is not None
    assert PARKING.is_same(row.parts, row.parts)
    assert (PARKING.instant_of(row.parts) is None) == ("state" not in row.parts)


def paths(value: object, so_far: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    members: list[tuple[Any, object]] = []
    if isinstance(value, dict):
        members = list(value.items())
    elif isinstance(value, list):
        members = list(enumerate(value))
    return [so_far, *(path for name, inner in members for path in paths(inner, (*so_far, name)))]


def replaced(document: Any, path: tuple[Any, ...], value: object) -> Any:
    if not path:
        return value
    document[path[0]] = replaced(document[path[0]], path[1:], value)
    return document


@given(first=st.text("a/%2F-. ", min_size=1, max_size=6), second=st.text("a/%2F-. ", min_size=1, max_size=6))
def test_place_id_keeps_two_ids_two(first: str, second: str) -> None:
    try:
        ids = {place_id(first, "id"), place_id(second, "id")}
    except FieldError:
        return
    assert len(ids) == len({first, second})
    assert not any("/" in one for one in ids)


@pytest.mark.parametrize("text", ["", " a", ".", "..", "a\u202eb", "x" * 129, "0x" + "a" * 64])
def test_place_id_refuses_what_cannot_be_an_id(text: str) -> None:
    with pytest.raises(FieldError, match=r"^KerbsideID: "):
        place_id(text, "KerbsideID")


def test_urn_is_ascii_and_of_limited_length() -> None:
    assert urn("ParkingSpot", "Wöhrl / 1", "id") == "urn:ngsi-ld:ParkingSpot:W%C3%B6hrl%20%2F%201"
    with pytest.raises(FieldError, match=r"^id: is too long"):
        urn("ParkingSpot", "ö" * 60, "id")


@pytest.mark.parametrize("text", ["", "1.0", "+1", "01", "-0", " 1", "1e3", "１", "1000001"])
def test_cell_count_refuses_what_could_not_be_written_again(text: str) -> None:
    with pytest.raises(FieldError, match=r"^Capacity: "):
        cell_count({"Capacity": text}, "Capacity")


@pytest.mark.parametrize("text", ["", ".5", "1.", "1e3", "NaN", "01.5", "--1"])
def test_cell_number_refuses_other_forms(text: str) -> None:
    with pytest.raises(FieldError, match=r"^percent: must be a number"):
        cell_number(text, "percent")


def test_count_of_takes_whole_decimals_and_null() -> None:
    counts = [count_of(value, "n") for value in (930, Decimal("930.0"), None, -1)]
    assert counts == [930, 930, None, -1]


@pytest.mark.parametrize("value", ["930", True, Decimal("1.5"), 1_000_001, []])
def test_count_of_refuses_others(value: object) -> None:
    with pytest.raises(FieldError, match=r"^n: "):
        count_of(value, "n")


def test_rest_keeps_nulls_even_of_fields_that_are_used() -> None:
    assert rest({"a": 1, "b": None, "c": ""}, ("a", "b")) == {"b": None, "c": ""}


def test_draft_marks_state_and_place_each_by_its_own_numbers() -> None:
    state = {"type": "OffStreetParking", "totalSpotNumber": 1, "occupiedSpotNumber": 2}
    place = {"type": "OffStreetParking", "totalSpotNumber": 0}
    row = Draft(1, "a", {"state": state, "place": place}, ("ambiguous-local-time",)).row("stale")
    marks = {name: json.loads(data)["quality"] for name, data in row.parts.items()}
    assert marks == {
        "state": ["ambiguous-local-time", "stale", "over-capacity"],
        "place": ["zero-capacity"],
    }
    assert row.flags == ("ambiguous-local-time", "stale", "over-capacity", "zero-capacity")


def test_encoded_keeps_every_digit() -> None:
    assert encoded({"a": Decimal("6.10"), "b": Decimal("413824.91185447818134"), "c": 10**30}) == (
        b'{"a":6.10,"b":413824.91185447818134,"c":1000000000000000000000000000000}'
    )

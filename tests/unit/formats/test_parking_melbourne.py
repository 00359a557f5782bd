"""One snapshot of 3,309 bays, each once, not in order. 448 of them were last reported more than a day before
the others and are stale; 1,146 were reported, yet had not changed for a day. 228 name no zone. The plates all
differ from each other, but six of them share zone, days and hours with another."""

import csv
import io
from datetime import datetime, timedelta
from typing import Any

import pytest

from cityledger.errors import FormatError
from cityledger.formats.options import ImportOptions
from cityledger.formats.rows import Row
from cityledger.strict_json import parse
from support.imports.memory_import import apply, one_refusal, one_row, read_rows
from support.imports.public_data import public_data

BAYS = "parking/melbourne-bay-sensors-2025-08-05.csv"
SIGNS = "parking/melbourne-zone-signs.csv"
BAY_HEADER = "﻿Lastupdated,Status_Timestamp,Zone_Number,Status_Description,KerbsideID,Location\n"
SIGN_HEADER = (
    b"ParkingZone,Restriction_Days,Time_Restrictions_Start,Time_Restrictions_Finish,Restriction_Display\n"
)


def bays(*lines: str) -> bytes:
    return (BAY_HEADER + "\n".join(lines)).encode()


def bay(
    reported: str = "2025-08-05T15:19:39+10:00", changed: str = "2025-08-05T15:00:00+10:00", **more: str
) -> str:
    cells = {"zone": "7303", "status": "Present", "bay": "51614", "at": "-37.816200, 144.96"} | more
    return f'{reported},{changed},{cells["zone"]},{cells["status"]},{cells["bay"]},"{cells["at"]}"'


def test_bay_becomes_the_state_of_a_spot_as_of_its_last_change() -> None:
    row = one_row("melbourne-bays", bays(bay()))
    assert row.provider_id == "51614"
    assert row.parts["state"].decode() == (
        '{"id":"urn:ngsi-ld:ParkingSpot:51614","type":"ParkingSpot","category":["onStreet"],"status":"occupied",'
        '"location":{"type":"Point","coordinates":[144.96,-37.816200]},"areaServed":"7303",'
        '"observedAt":"2025-08-05T15:00:00+10:00","dateModified":"2025-08-05T15:19:39+10:00"}'
    )


def test_bay_that_was_heard_of_but_did_not_change_is_not_stale() -> None:
    row = one_row("melbourne-bays", bays(bay(changed="2022-09-13T14:38:23+10:00")))
    assert row.flags == ("long-unchanged",)


@pytest.mark.parametrize(
    ("reported", "flags"),
    [
        ("2025-08-04T15:19:39+10:00", ()),
        ("2025-08-04T15:19:38+10:00", ("stale",)),
        ("2025-08-04T16:19:38+11:00", ("stale",)),
        ("2025-08-04T05:19:39Z", ()),
    ],
)
def test_bay_is_stale_once_unheard_of_for_a_day_before_the_newest(
    reported: str, flags: tuple[str, ...]
) -> None:
    old = bay(reported=reported, changed="2025-08-04T05:00:00Z", bay="1")
    rows = read_rows("melbourne-bays", bays(old, bay(bay="2")))
    assert [row.flags for row in rows if isinstance(row, Row)] == [flags, ()]


def test_same_bay_heard_of_again_is_no_new_state() -> None:
    first, second = (
        read_rows("melbourne-bays", bays(bay(reported=f"2025-08-05T15:{m}:39+10:00"))) for m in (19, 24)
    )
    outcome = apply([*first, *second])
    assert (outcome.accepted, outcome.duplicates) == (1, 1)


@pytest.mark.parametrize(
    ("line", "field"),
    [
        (bay(status="Reserved"), "Status_Description"),
        (bay(at="144.96, -37.81"), "Location"),
        (bay(at="-37.81;144.96"), "Location"),
        (bay(at="-37.8.1, 144.96"), "Location"),
        (bay(changed="2025-08-05T15:00:00"), "Status_Timestamp"),
        (bay(reported=""), "Lastupdated"),
        (bay(bay=""), "KerbsideID"),
    ],
)
def test_bay_that_cannot_be_read_is_refused_by_its_column(line: str, field: str) -> None:
    assert one_refusal("melbourne-bays", bays(line))[0] == field


def test_swapped_location_is_told() -> None:
    _field, reason = one_refusal("melbourne-bays", bays(bay(at="144.96, -37.81")))
    assert reason.endswith("longitude and latitude are swapped")


def test_all_bays_go_in_with_stale_and_unchanged_told_apart() -> None:
    raw = cells(BAYS)
    reported = [datetime.fromisoformat(row["Lastupdated"]) for row in raw]
    changed = [datetime.fromisoformat(row["Status_Timestamp"]) for row in raw]
    outcome = apply(read_rows("melbourne-bays", public_data(BAYS)))

    day = timedelta(days=1)
    assert (outcome.accepted, outcome.duplicates, outcome.older) == (len(raw), 0, 0) == (3_309, 0, 0)
    assert not outcome.rejected
    assert outcome.flags == {
        "stale": sum(max(reported) - at > day for at in reported),
        "long-unchanged": sum(at - then > day for at, then in zip(reported, changed, strict=True)),
    }
    assert outcome.flags == {"stale": 448, "long-unchanged": 1_146}


def test_every_cell_of_every_bay_can_be_read_back() -> None:
    assert [bay_of(row) for row in read_rows("melbourne-bays", public_data(BAYS))] == cells(BAYS)


def bay_of(row: object) -> dict[str, Any]:
    state = part_of(row, "state")
    longitude, latitude = state["location"]["coordinates"]
    return {
        "Lastupdated": state["dateModified"],
        "Status_Timestamp": state["observedAt"],
        "Zone_Number": state.get("areaServed", ""),
        "Status_Description": {"occupied": "Present", "free": "Unoccupied"}[state["status"]],
        "KerbsideID": state["id"].rpartition(":")[2],
        "Location": f"{latitude}, {longitude}",
        **state.get("sourceFields", {}),
    }


def test_empty_zone_is_kept_as_the_empty_cell_that_it_is() -> None:
    states = [part_of(row, "state") for row in read_rows("melbourne-bays", public_data(BAYS))]
    empty = [state for state in states if "areaServed" not in state]
    assert len(empty) == 228
    assert all(state["sourceFields"] == {"Zone_Number": ""} for state in empty)


def test_plate_becomes_a_restriction_of_its_zone() -> None:
    row = one_row("melbourne-signs", SIGN_HEADER + b"7028,Mon-Fri,07:30:00,18:30:00,1P\n")
    assert row.provider_id == "7028.Mon-Fri.07:30:00-18:30:00.1P"
    assert row.parts["restriction"].decode() == (
        '{"type":"ParkingRestriction","zone":"7028","display":"1P","timeSpans":'
        '[{"days":["Mon","Tue","Wed","Thu","Fri"],"since":"07:30:00","until":"18:30:00"}]}'
    )


@pytest.mark.parametrize(
    ("line", "field"),
    [
        (b"7028,Mon-,07:30:00,18:30:00,1P", "Restriction_Days"),
        (b"7028,Fri-Mon,07:30:00,18:30:00,1P", "Restriction_Days"),
        (b"7028,daily,07:30:00,18:30:00,1P", "Restriction_Days"),
        (b"7028,Sat,7:30,18:30:00,1P", "Time_Restrictions_Start"),
        (b"7028,Sat,07:30:00,25:00:00,1P", "Time_Restrictions_Finish"),
        (b"7028,Sat,07:30:00,18:30:00,", "Restriction_Display"),
        (b",Sat,07:30:00,18:30:00,1P", "ParkingZone"),
    ],
)
def test_plate_that_cannot_be_read_is_refused_by_its_column(line: bytes, field: str) -> None:
    assert one_refusal("melbourne-signs", SIGN_HEADER + line)[0] == field


def test_all_plates_go_in_each_a_record_and_none_hides_another() -> None:
    raw = cells(SIGNS)
    outcome = apply(read_rows("melbourne-signs", public_data(SIGNS)))
    assert outcome.accepted == len(outcome.newest) == len(raw) == 2_033
    assert not outcome.rejected
    assert len({tuple(row.values())[:-1] for row in raw}) == 2_027


def test_every_cell_of_every_plate_can_be_read_back() -> None:
    assert [plate_of(row) for row in read_rows("melbourne-signs", public_data(SIGNS))] == cells(SIGNS)


def plate_of(row: object) -> dict[str, Any]:
    plate = part_of(row, "restriction")
    (span,) = plate["timeSpans"]
    days = span["days"]
    return {
        "ParkingZone": plate["zone"],
        "Restriction_Days": days[0] if len(days) == 1 else f"{days[0]}-{days[-1]}",
        "Time_Restrictions_Start": span["since"],
        "Time_Restrictions_Finish": span["until"],
        "Restriction_Display": plate["display"],
    }


def test_bays_in_a_chinese_system_are_moved_and_keep_their_cell() -> None:
    row = one_row("melbourne-bays", bays(bay(at="39.913345, 116.384047")), ImportOptions(crs="GCJ-02"))
    state = part_of(row, "state")
    assert [round(float(number), 5) for number in state["location"]["coordinates"]] == [116.37782, 39.91195]
    assert state["sourceFields"] == {"Location": "39.913345, 116.384047"}


def test_snapshot_is_refused_once_it_is_too_long_to_be_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cityledger.formats.parking_rows.MAX_SNAPSHOT_ROWS", 2)
    with pytest.raises(FormatError, match="more than 2 rows"):
        read_rows("melbourne-bays", bays(*(bay(bay=str(number)) for number in range(3))))


def cells(path: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(public_data(path).read_text("utf-8-sig"))))


def part_of(row: object, name: str) -> dict[str, Any]:
    assert isinstance(row, Row)
    part = parse(row.parts[name], max_bytes=100_000)
    assert isinstance(part, dict)
    return part

"""The file has 17,832 readings of 29 car parks in order of time: 115 exact repeats, each right after the row
that it repeats; 10 readings below zero, all of one arena's car park, and 40 above capacity. No reading falls
into the hour that was shown twice on 30 October 2016."""

import csv
import io
from urllib.parse import unquote

import pytest

from cityledger.errors import FormatError
from cityledger.formats.options import ImportOptions
from cityledger.formats.rows import Row
from cityledger.strict_json import parse
from support.imports.local_times import local_text
from support.imports.memory_import import apply, one_refusal, one_row, read_rows
from support.imports.public_data import public_data

FILE = "parking/birmingham-carparks-2016-10-04_2016-11-11.csv"
HEADER = b"SystemCodeNumber,Capacity,Occupancy,LastUpdated\n"
LONDON = ImportOptions(timezone="Europe/London")


def test_reading_becomes_the_state_of_its_car_park() -> None:
    row = one_row("birmingham-occupancy", HEADER + b"Broad Street,690,254,2016-10-04 07:59:42\n", LONDON)
    assert row.provider_id == "Broad Street"
    assert row.parts == {
        "state": b'{"id":"urn:ngsi-ld:OffStreetParking:Broad%20Street","type":"OffStreetParking",'
        b'"totalSpotNumber":690,"occupiedSpotNumber":254,"observedAt":"2016-10-04T07:59:42+01:00"}'
    }
    assert row.flags == ()


@pytest.mark.parametrize(
    ("cells", "flag"),
    [
        (b"NIA North,480,-8,2016-10-28 13:02:43", "negative"),
        (b"NIA North,480,481,2016-10-28 13:02:43", "over-capacity"),
        (b"NIA North,0,0,2016-10-28 13:02:43", "zero-capacity"),
        (b"NIA North,480,0,2016-10-30 01:30:00", "ambiguous-local-time"),
    ],
)
def test_odd_reading_is_kept_and_marked(cells: bytes, flag: str) -> None:
    row = one_row("birmingham-occupancy", HEADER + cells, LONDON)
    assert row.flags == (flag,)
    assert row.parts["state"].endswith(b'"quality":["%s"]}' % flag.encode())
    assert apply([row]).accepted == 1


@pytest.mark.parametrize(
    ("cells", "field"),
    [
        (b"A,480,,2016-10-28 13:02:43", "Occupancy"),
        (b"A,480,007,2016-10-28 13:02:43", "Occupancy"),
        (b"A,480,1.5,2016-10-28 13:02:43", "Occupancy"),
        (b"A,9999999,1,2016-10-28 13:02:43", "Capacity"),
        (b"A,480,1,2016-03-27 01:30:00", "LastUpdated"),
        (b"A,480,1,yesterday", "LastUpdated"),
        (b",480,1,2016-10-28 13:02:43", "SystemCodeNumber"),
        (b"110101199003077715,480,1,2016-10-28 13:02:43", "SystemCodeNumber"),
        (b"A,480,1", ""),
    ],
)
def test_row_that_cannot_be_read_is_refused_by_its_column(cells: bytes, field: str) -> None:
    refused_field, reason = one_refusal("birmingham-occupancy", HEADER + cells, LONDON)
    assert refused_field == field
    assert reason
    assert not any(cell in reason for cell in ("007", "yesterday", "110101199003077715"))


def test_file_is_refused_without_its_zone() -> None:
    with pytest.raises(FormatError, match=r"^timezone: the file's times have no offset"):
        read_rows("birmingham-occupancy", HEADER)


def test_renamed_column_is_told_not_guessed() -> None:
    data = b"SystemCodeNumber,Capacity,Occupied,LastUpdated\nA,480,1,2016-10-28 13:02:43\n"
    with pytest.raises(FormatError, match=r"^header: missing column 'Occupancy'; unknown column 'Occupied'"):
        read_rows("birmingham-occupancy", data, LONDON)
    options = ImportOptions(timezone="Europe/London", columns={"Occupancy": "Occupied"})
    assert one_row("birmingham-occupancy", data, options).parts


def test_whole_file_goes_in_with_its_repeats_and_oddities_counted() -> None:
    raw = cells()
    outcome = apply(read_rows("birmingham-occupancy", public_data(FILE), LONDON))

    assert not outcome.rejected
    assert outcome.accepted == len({tuple(row.values()) for row in raw}) == 17_717
    assert outcome.duplicates == len(raw) - outcome.accepted == 115
    assert outcome.older == 0
    assert outcome.flags == {
        "negative": sum(int(row["Occupancy"]) < 0 for row in raw),
        "over-capacity": sum(int(row["Occupancy"]) > int(row["Capacity"]) for row in raw),
    }
    assert outcome.flags == {"negative": 10, "over-capacity": 40}
    assert len(outcome.newest) == 29


def test_every_cell_can_be_read_back_from_the_payload() -> None:
    assert [cells_of(row) for row in read_rows("birmingham-occupancy", public_data(FILE), LONDON)] == cells()


def cells() -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(public_data(FILE).read_text("utf-8"))))


def cells_of(row: object) -> dict[str, str]:
    assert isinstance(row, Row)
    state = parse(row.parts["state"], max_bytes=10_000)
    assert isinstance(state, dict)
    return {
        "SystemCodeNumber": unquote(str(state["id"]).rpartition(":")[2]),
        "Capacity": str(state["totalSpotNumber"]),
        "Occupancy": str(state["occupiedSpotNumber"]),
        "LastUpdated": local_text(str(state["observedAt"])),
    }

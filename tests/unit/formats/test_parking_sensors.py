"""Live feeds without coordinates. PBW: 101 car parks of which 66 say nothing but null. Ulm: 7 sites, one of
them last reported five weeks ago; 44 spots with an empty location, seven of them last reported a day ago."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from cityledger.errors import FormatError
from cityledger.formats.options import ImportOptions
from cityledger.formats.rows import Row
from cityledger.strict_json import parse
from support.imports.memory_import import apply, one_refusal, one_row, read_rows
from support.imports.public_data import public_data

PBW = "parking/city-feeds/pbw_object-dynamic-all.json"
SITES = "parking/city-feeds/ulm-sensors_realtime-parking-sites.json"
SPOTS = "parking/city-feeds/ulm-sensors_realtime-parking-spots.json"
TAKEN = "2024-06-01T12:00:00+02:00"
OPTIONS = ImportOptions(observed_at=TAKEN)


def test_pbw_goes_in_but_for_rows_of_nothing_but_null() -> None:
    raw = json.loads(public_data(PBW).read_bytes())
    outcome = apply(read_rows("pbw", public_data(PBW), OPTIONS))
    silent = [one for one in raw.values() if set(one["dynamisch"].values()) == {None}]
    assert outcome.rejected == {("dynamisch", "has no state: every value is null"): len(silent)}
    assert (outcome.accepted, len(silent), len(raw)) == (35, 66, 101)
    assert not outcome.flags


def test_every_field_of_pbw_can_be_read_back_with_its_nulls() -> None:
    raw = json.loads(public_data(PBW).read_bytes())
    rows = [row for row in read_rows("pbw", public_data(PBW), OPTIONS) if isinstance(row, Row)]
    for row in rows:
        state = part_of(row, "state")
        names = {"totalSpotNumber": "kurzparker_verfuegbar", "availableSpotNumber": "kurzparker_frei"}
        source = state.get("sourceFields", {}) | {
            own: state[name] for name, own in names.items() if name in state
        }
        assert raw[row.provider_id] == {"dynamisch": source}
        assert state["observedAt"] == TAKEN


@pytest.mark.parametrize("observed_at", [None, "2024-06-01T12:00:00", "now"])
def test_pbw_is_refused_without_the_time_that_it_was_taken_at(observed_at: str | None) -> None:
    with pytest.raises(FormatError, match=r"^observed_at: "):
        read_rows("pbw", b"{}", ImportOptions(observed_at=observed_at))


@pytest.mark.parametrize("value", [None, 5, {}, {"dynamisch": None}, {"dynamisch": {}}])
def test_car_park_of_pbw_that_says_nothing_is_refused(value: object) -> None:
    assert one_refusal("pbw", json.dumps({"8": value}).encode(), OPTIONS)[0] == "dynamisch"


def test_sites_go_in_and_the_one_not_heard_of_is_stale() -> None:
    outcome = apply(read_rows("ulm-sites", public_data(SITES)))
    assert (outcome.accepted, dict(outcome.rejected), dict(outcome.flags)) == (7, {}, {"stale": 1})


def test_spots_go_in_and_those_not_heard_of_are_stale() -> None:
    outcome = apply(read_rows("ulm-spots", public_data(SPOTS)))
    times = [datetime.fromisoformat(one["timestamp"]) for one in json.loads(public_data(SPOTS).read_bytes())]
    stale = sum(max(times) - at > timedelta(days=1) for at in times)
    assert (outcome.accepted, dict(outcome.rejected)) == (44, {})
    assert outcome.flags == {"stale": stale} == {"stale": 7}


def test_every_field_of_every_site_can_be_read_back() -> None:
    rows = read_rows("ulm-sites", public_data(SITES))
    for row, site in zip(rows, json.loads(public_data(SITES).read_bytes()), strict=True):
        state = part_of(row, "state")
        assert site == state["sourceFields"] | {
            "id": state["id"].rpartition(":")[2],
            "timestamp": state["observedAt"],
            "maxcarparkfull": state["totalSpotNumber"],
            "currentcarparkfulltotal": state["availableSpotNumber"],
        }


def test_every_field_of_every_spot_can_be_read_back() -> None:
    rows = read_rows("ulm-spots", public_data(SPOTS))
    for row, spot in zip(rows, json.loads(public_data(SPOTS).read_bytes()), strict=True):
        state = part_of(row, "state")
        assert spot == state["sourceFields"] | {
            "id": state["id"].rpartition(":")[2],
            "timestamp": state["observedAt"],
            "occupied": state["status"] == "occupied",
        }


SITE = {
    "id": "a",
    "timestamp": "2025-04-11T07:33:00.783Z",
    "maxcarparkfull": 10,
    "currentcarparkfulltotal": 11,
}


def test_odd_count_of_a_site_is_kept_and_marked() -> None:
    assert one_row("ulm-sites", json.dumps([SITE]).encode()).flags == ("over-capacity",)


@pytest.mark.parametrize(
    ("format_name", "item", "field"),
    [
        ("ulm-sites", {**SITE, "timestamp": "2025-04-11T07:33:00"}, "timestamp"),
        ("ulm-sites", {**SITE, "maxcarparkfull": "10"}, "maxcarparkfull"),
        ("ulm-sites", {**SITE, "id": ""}, "id"),
        ("ulm-sites", 5, ""),
        ("ulm-spots", {"id": "a", "timestamp": SITE["timestamp"], "occupied": None}, "occupied"),
        ("ulm-spots", {"id": "a", "timestamp": None, "occupied": True}, "timestamp"),
        ("ulm-spots", {"id": " a", "timestamp": SITE["timestamp"], "occupied": True}, "id"),
    ],
)
def test_item_is_refused_by_its_field(format_name: str, item: object, field: str) -> None:
    assert one_refusal(format_name, json.dumps([item]).encode())[0] == field


@pytest.mark.parametrize("format_name", ["ulm-sites", "ulm-spots"])
def test_file_that_is_no_array_is_refused(format_name: str) -> None:
    with pytest.raises(FormatError, match="must be a JSON array"):
        read_rows(format_name, b"{}")


def part_of(row: object, name: str) -> dict[str, Any]:
    assert isinstance(row, Row), row
    part = parse(row.parts[name], max_bytes=100_000)
    assert isinstance(part, dict)
    return part

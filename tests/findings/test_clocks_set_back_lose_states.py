"""When clocks were set back, 01:30 after 01:45 was read as the first pass: refused as older, or a second
state of an instant. A step back inside the doubled hour says that it is the second pass.
"""

from __future__ import annotations

import io
import json
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityledger.errors import FieldError
from cityledger.formats import instants, registry
from cityledger.formats.instants import AMBIGUOUS, LocalClock
from cityledger.formats.options import ImportOptions
from cityledger.formats.rows import Row
from support.imports.import_fixture import ImportDesk, outcomes
from support.node.node_fixture import TestNode

BACK: dict[str, tuple[str, list[tuple[str, str]]]] = {
    "London": (
        "Europe/London",
        [
            ("2016-10-30 00:45:00", "+01:00"),
            ("2016-10-30 01:30:00", "+01:00"),
            ("2016-10-30 01:45:00", "+01:00"),
            ("2016-10-30 01:30:00", "+00:00"),
            ("2016-10-30 01:45:00", "+00:00"),
            ("2016-10-30 02:15:00", "+00:00"),
        ],
    ),
    "Dublin": ("Europe/Dublin", [("2016-10-30 01:59:59", "+01:00"), ("2016-10-30 01:00:00", "+00:00")]),
    "New York": ("America/New_York", [("2026-11-01 01:10:00", "-04:00"), ("2026-11-01 01:05:00", "-05:00")]),
    "Sydney": ("Australia/Sydney", [("2026-04-05 02:30:00", "+11:00"), ("2026-04-05 02:00:00", "+10:00")]),
    "Lord Howe, half an hour": (
        "Australia/Lord_Howe",
        [
            ("2026-04-05 01:45:00", "+11:00"),
            ("2026-04-05 01:40:00", "+10:30"),
            ("2026-04-05 01:59:59", "+10:30"),
        ],
    ),
    "Shanghai, which does not": (
        "Asia/Shanghai",
        [("2026-10-25 01:30:00", "+08:00"), ("2026-10-25 01:15:00", "+08:00")],
    ),
    "the same time once more": (
        "Europe/Berlin",
        [("2026-10-25 02:30:00", "+02:00"), ("2026-10-25 02:30:00", "+02:00")],
    ),
    "the hour of another year": (
        "Europe/Berlin",
        [("2026-10-25 02:30:00", "+02:00"), ("2025-10-26 02:15:00", "+02:00")],
    ),
    "after the second pass, the next year": (
        "Europe/Berlin",
        [
            ("2025-10-26 02:30:00", "+02:00"),
            ("2025-10-26 02:15:00", "+01:00"),
            ("2026-10-25 02:30:00", "+02:00"),
        ],
    ),
}


@pytest.mark.parametrize("name", BACK)
def test_a_step_back_in_the_doubled_hour_is_the_second_pass(name: str) -> None:
    zone, readings = BACK[name]
    clock = LocalClock(ZoneInfo(zone))
    read = [clock.instant("a", text, "at")[0] for text, _offset in readings]
    assert read == [f"{text.replace(' ', 'T')}{offset}" for text, offset in readings]


def test_each_place_has_its_own_order() -> None:
    clock = LocalClock(ZoneInfo("Europe/London"))
    assert clock.instant("a", "2016-10-30 01:45:00", "at") == ("2016-10-30T01:45:00+01:00", (AMBIGUOUS,))
    assert clock.instant("b", "2016-10-30 01:30:00", "at") == ("2016-10-30T01:30:00+01:00", (AMBIGUOUS,))
    assert clock.instant("a", "2016-10-30 01:30:00", "at") == ("2016-10-30T01:30:00+00:00", (AMBIGUOUS,))
    assert clock.instant("b", "2016-10-30 01:45:00", "at") == ("2016-10-30T01:45:00+01:00", (AMBIGUOUS,))


@pytest.mark.parametrize(
    ("zone", "text"),
    [
        ("Europe/London", "2016-03-27 01:30:00"),
        ("America/New_York", "2026-03-08 02:00:00"),
        ("Australia/Sydney", "2026-10-04 02:59:59"),
        ("Australia/Lord_Howe", "2026-10-04 02:15:00"),
        ("Pacific/Apia", "2011-12-30 12:00:00"),
    ],
)
def test_an_hour_that_never_was_is_refused(zone: str, text: str) -> None:
    with pytest.raises(FieldError, match="this time does not exist"):
        LocalClock(ZoneInfo(zone)).instant("a", text, "at")


@given(st.lists(st.integers(0, 119), min_size=1, max_size=12, unique=True).map(sorted))
def test_readings_in_order_keep_their_order_if_the_first_of_the_second_pass_steps_back(
    minutes: list[int],
) -> None:
    """Minutes since the doubled hour began the first time; the second hour shows the same clock."""
    clock = LocalClock(ZoneInfo("Europe/London"))
    first = [one for one in minutes if one < 60]
    second = [one for one in minutes if one >= 60]
    if first and second and second[0] - 60 >= first[-1]:
        return  # no step back shows that the hour has begun again
    written = [f"2016-10-30 01:{one % 60:02}:00" for one in minutes]
    read = [instants.moment(clock.instant("a", text, "at")[0]) for text in written]
    if not first:
        return  # nor here
    assert read == sorted(set(read))


def test_places_without_end_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instants, "_REMEMBERED_PLACES", 3)
    clock = LocalClock(ZoneInfo("Europe/London"))
    for number in range(10):
        clock.instant(str(number), "2016-10-30 01:30:00", "at")
    assert len(clock._doubled) == 3


CSV = b"SystemCodeNumber,Capacity,Occupancy,LastUpdated\n" + b"".join(
    b"%s,577,%d,%s\n" % (place, 100 + number, text.encode())
    for number, (text, _offset) in enumerate(BACK["London"][1])
    for place in (b"A", b"B")
)
FORMATS: dict[str, tuple[bytes, dict[str, Any], int]] = {
    "birmingham-occupancy": (CSV, {}, 12),
    "dresden-occupancy": (
        "".join(f"{text.replace(' ', 'T')},{n}\n" for n, (text, _) in enumerate(BACK["London"][1])).encode(),
        {"place": "A"},
        6,
    ),
}


@pytest.mark.parametrize("format_", FORMATS)
def test_every_state_of_the_night_becomes_a_version(node: TestNode, format_: str) -> None:
    data, more, rows = FORMATS[format_]
    desk = ImportDesk.of(node, node.parking)

    job = desk.import_(data, format_, timezone="Europe/London", **more)

    assert outcomes(job) == {"accepted": rows}, desk.rows(job)
    newest = desk.newest("A")["A"]
    assert newest.version == 6
    assert json.loads((newest.parts or {})["state"])["observedAt"] == "2016-10-30T02:15:00+00:00"


def test_a_live_feed_tells_its_places_apart() -> None:
    features = [
        {
            "type": "Feature",
            "geometry": None,
            "properties": {
                "obs_parkid": place,
                "obs_max": "9",
                "obs_free": "1",
                "obs_ts": text,
                "park_name": "P",
            },
        }
        for place, text in (
            ("a", "2026-10-25 02:30:00"),
            ("b", "2026-10-25 02:15:00"),
            ("a", "2026-10-25 02:10:00"),
        )
    ]
    data = json.dumps({"type": "FeatureCollection", "features": features}).encode()
    read = registry.get("freiburg").read(io.BytesIO(data), ImportOptions(timezone="Europe/Berlin"))
    states = [json.loads(row.parts["state"])["observedAt"][-6:] for row in read if isinstance(row, Row)]
    assert states == ["+02:00", "+02:00", "+01:00"]

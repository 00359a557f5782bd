from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityledger.errors import FieldError, FormatError
from cityledger.formats.instants import (
    AMBIGUOUS,
    LocalClock,
    epoch_instant,
    instant,
    moment,
    zone_of,
)
from cityledger.formats.options import ImportOptions
from support.imports.local_times import local_text

LONDON = ZoneInfo("Europe/London")


def local_instant(text: str, zone: ZoneInfo, field: str) -> tuple[str, tuple[str, ...]]:
    return LocalClock(zone).instant("a", text, field)


@pytest.mark.parametrize(
    ("text", "expected", "flags"),
    [
        ("2016-10-04 07:46:28", "2016-10-04T07:46:28+01:00", ()),
        ("2016-11-11 13:34:21", "2016-11-11T13:34:21+00:00", ()),
        ("2016-10-30 00:59:59", "2016-10-30T00:59:59+01:00", ()),
        ("2016-10-30 01:00:00", "2016-10-30T01:00:00+01:00", (AMBIGUOUS,)),
        ("2016-10-30 01:59:59", "2016-10-30T01:59:59+01:00", (AMBIGUOUS,)),
        ("2016-10-30 02:00:00", "2016-10-30T02:00:00+00:00", ()),
        ("2016-03-27 00:59:59", "2016-03-27T00:59:59+00:00", ()),
        ("2016-03-27 02:00:00", "2016-03-27T02:00:00+01:00", ()),
    ],
)
def test_local_instant_has_the_offset_of_its_day(text: str, expected: str, flags: tuple[str, ...]) -> None:
    assert local_instant(text, LONDON, "at") == (expected, flags)
    assert local_text(expected) == text


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("America/New_York", "-05:00"),
        ("Asia/Kolkata", "+05:30"),
        ("America/St_Johns", "-03:30"),
        ("UTC", "+00:00"),
    ],
)
def test_local_instant_writes_offsets_of_both_signs_and_half_hours(zone: str, expected: str) -> None:
    assert local_instant("2026-01-01 12:00:00", ZoneInfo(zone), "at") == (
        f"2026-01-01T12:00:00{expected}",
        (),
    )


@pytest.mark.parametrize("text", ["2016-03-27 01:00:00", "2016-03-27 01:59:59"])
def test_local_instant_refuses_a_time_that_no_clock_showed(text: str) -> None:
    with pytest.raises(FieldError, match=r"^at: this time does not exist in this zone"):
        local_instant(text, LONDON, "at")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2016-02-30 07:00:00",
        "2016-10-04T07:46:28",
        "2016-10-04 07:46",
        "2016-10-04 24:00:00",
        "04/10/2016",
    ],
)
def test_local_instant_refuses_other_forms(text: str) -> None:
    with pytest.raises(FieldError, match=r"^at: "):
        local_instant(text, LONDON, "at")


def test_local_instant_refuses_offsets_of_odd_seconds() -> None:
    with pytest.raises(FieldError, match="not in whole minutes"):
        local_instant("1840-01-01 12:00:00", LONDON, "at")


@pytest.mark.parametrize("name", ["Europe/Atlantis", "../zone", "Europe", "", "/etc/passwd", "a\0b"])
def test_zone_of_refuses_names_of_no_zone(name: str) -> None:
    with pytest.raises(FormatError, match=r"^timezone: no time zone has this name"):
        zone_of(ImportOptions(timezone=name))


def test_zone_of_refuses_to_guess() -> None:
    with pytest.raises(FormatError, match=r"^timezone: the file's times have no offset"):
        zone_of(ImportOptions())


@given(milliseconds=st.integers(0, 253_402_300_799_999))
def test_epoch_instant_keeps_every_millisecond(milliseconds: int) -> None:
    read = moment(epoch_instant(milliseconds, "at"))
    assert round(read.timestamp() * 1000) == milliseconds


@pytest.mark.parametrize("value", [None, True, "1723876205000", 1.5, -1, 253_402_300_800_000, 10**30])
def test_epoch_instant_refuses_what_is_no_time(value: object) -> None:
    with pytest.raises(FieldError, match=r"^at: "):
        epoch_instant(value, "at")


@pytest.mark.parametrize("text", ["2026-03-01T08:15:00+08:00", "2025-04-11T07:33:00.783Z"])
def test_instant_is_kept_as_written(text: str) -> None:
    assert instant(text, "at") == text


@pytest.mark.parametrize("text", [None, 5, "2026-03-01T08:15:00", "2026-02-30T08:15:00Z", "2026-03-01"])
def test_instant_refuses_times_without_offset_and_others(text: object) -> None:
    with pytest.raises(FieldError, match=r"^at: "):
        instant(text, "at")

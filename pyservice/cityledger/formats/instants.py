"""Converts times of feeds to RFC 3339 instants: local times of a zone, and milliseconds of the epoch."""

from __future__ import annotations

import re
from collections import OrderedDict
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from cityledger.errors import FieldError, FormatError
from cityledger.formats.options import ImportOptions

STALE_AFTER = timedelta(hours=24)
"""A place of a snapshot is stale if it was last reported this long before the newest. It is a day, because a
sensor that sleeps at night, or a feed that is down for a night, has not failed."""
AMBIGUOUS = "ambiguous-local-time"

_LOCAL = re.compile(r"\d{4}-\d\d-\d\d([ T])\d\d:\d\d:\d\d", re.ASCII)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)
_REMEMBERED_PLACES = 100_000
"""Maximum number of places with readings in a repeated hour; the ones read longest ago are dropped."""
_MAX_MILLISECONDS = 253_402_300_799_999
"""The end of the year 9999, the last of RFC 3339."""


def zone_of(options: ImportOptions) -> ZoneInfo:
    """The zone of a file whose times have no offset.

    Raises:
        FormatError: the sender did not name one, or no zone has that name.
    """
    if options.timezone is None:
        raise FormatError(
            "timezone",
            "the file's times have no offset: name the zone of its clock, as in Europe/London",
        )
    try:
        return ZoneInfo(options.timezone)
    except (KeyError, ValueError, OSError):
        raise FormatError("timezone", "no time zone has this name (IANA time zone database)") from None


class LocalClock:
    """The local clocks of many places in one zone, whose readings are in the order in which they were made.

    A time of the repeated hour, when the clock was set back, is flagged. It is of the first pass, unless an
    earlier reading of the same place in that hour was later, or was of the second pass itself: a step back
    inside the hour shows that the clock has been set back since. Readings of other places do not show it.
    """

    def __init__(self, zone: ZoneInfo, separator: str = " ") -> None:
        self._zone, self._separator = zone, separator
        self._doubled: OrderedDict[str, tuple[datetime, bool]] = OrderedDict()

    def instant(self, place: str, text: str, field: str) -> tuple[str, tuple[str, ...]]:
        """``2016-10-04 07:46:28`` with its offset, and flags.

        Raises:
            FieldError: another form, not a day, or a time that the clock skipped when it was set forward.
        """
        form = _LOCAL.fullmatch(text)
        if form is None or form[1] != self._separator:
            raise FieldError(field, f"must be a local time as YYYY-MM-DD{self._separator}HH:MM:SS")
        local = _datetime(text, field)
        first, second = _offsets(local.replace(tzinfo=self._zone))
        if first is None or second is None or first < second:
            raise FieldError(
                field, "this time does not exist in this zone: the clock was set forward over it"
            )
        is_second = first > second and self._is_second(place, local, first - second)
        written = _written(second if is_second else first, field)
        return f"{text[:10]}T{text[11:]}{written}", (AMBIGUOUS,) if first > second else ()

    def _is_second(self, place: str, local: datetime, doubled: timedelta) -> bool:
        last, was_second = self._doubled.pop(place, (local, False))
        is_second = abs(local - last) < doubled and (was_second or local < last)
        self._doubled[place] = local, is_second
        if len(self._doubled) > _REMEMBERED_PLACES:
            self._doubled.popitem(last=False)
        return is_second


def instant(text: object, field: str) -> str:
    """An RFC 3339 time with its offset, as written.

    Raises:
        FieldError: no offset, not a day, or another form.
    """
    if not isinstance(text, str) or not _INSTANT.fullmatch(text):
        raise FieldError(field, "must be a time with its offset, as in 2026-03-01T08:15:00+08:00")
    _datetime(text, field)
    return text


def epoch_instant(milliseconds: object, field: str) -> str:
    """Milliseconds since 1970 as an instant in UTC.

    Raises:
        FieldError: not an integer, or beyond the years of RFC 3339.
    """
    if not isinstance(milliseconds, int) or isinstance(milliseconds, bool):
        raise FieldError(field, "must be milliseconds since 1970, an integer")
    if not 0 <= milliseconds <= _MAX_MILLISECONDS:
        raise FieldError(field, "must be a time between the years 1970 and 9999 in milliseconds")
    whole = datetime.fromtimestamp(milliseconds // 1000, UTC).replace(tzinfo=None)
    return f"{whole.isoformat()}.{milliseconds % 1000:03}Z"


def moment(instant: str) -> datetime:
    """An instant that was checked, for comparing."""
    return datetime.fromisoformat(instant)


def _datetime(text: str, field: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise FieldError(field, "must be a time of a day of the calendar") from None


@lru_cache(maxsize=4096)
def _offsets(local: datetime) -> tuple[timedelta | None, timedelta | None]:
    """The offsets of the first and of the second time that a clock shows this; cached, since rows of many
    places have the same time. They decrease if it was set back, and increase if it was set forward."""
    return local.utcoffset(), local.replace(fold=1).utcoffset()


def _written(offset: timedelta, field: str) -> str:
    minutes, seconds = divmod(int(offset.total_seconds()), 60)
    if seconds:
        raise FieldError(field, "is of a time when this zone's offset was not in whole minutes")
    sign = "-" if minutes < 0 else "+"
    return f"{sign}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"

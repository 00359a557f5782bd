"""What users write for times, durations, digests and things on the chain, turned into what the program works
with.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import typer

from cityledger.errors import ConfigurationError
from cityledger.types import NO_END, Address, Purpose, purpose_from_name

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400, "y": 31_536_000}


def duration(text: str) -> int:
    """Seconds of ``90``, ``90s``, ``30m``, ``12h``, ``7d`` or ``10y``; ``forever`` has no end."""
    return NO_END if text == "forever" else finite_duration(text)


def finite_duration(text: str) -> int:
    """As ``duration``, for a duration that must have an end."""
    found = re.fullmatch(r"([0-9]{1,12})([smhdy]?)", text)
    if found is None:
        raise typer.BadParameter(f"{text!r} is not a duration such as 90s, 30m, 12h, 7d or 10y")
    return int(found[1]) * _UNITS[found[2]]


def moment(text: str) -> int:
    """Unix seconds of ``2030-01-31`` (UTC), ``2030-01-31T12:00+08:00``, Unix seconds themselves, or
    ``never``.
    """
    if text == "never":
        return NO_END
    if re.fullmatch(r"[0-9]{1,12}", text):
        return int(text)
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is not a time such as 2030-01-31, 2030-01-31T12:00Z or never"
        ) from None
    return int((parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp())


def shown_moment(seconds: int) -> str:
    """The time as ISO 8601 in UTC, or ``never``."""
    return "never" if seconds == NO_END else datetime.fromtimestamp(seconds, UTC).isoformat()


def bytes32(text: str) -> bytes:
    """32 bytes of 0x-hex."""
    if not re.fullmatch(r"0x[0-9a-fA-F]{64}", text):
        raise typer.BadParameter(f"{text!r} is not 32 bytes in hex, such as 0x followed by 64 digits")
    return bytes.fromhex(text[2:])


def address(text: str) -> Address:
    """An account's address; a mixed-case one must have the right checksum, which catches typing errors."""
    from eth_utils.address import to_checksum_address

    right = to_checksum_address(text) if re.fullmatch(r"0x[0-9a-fA-F]{40}", text) else None
    is_plain = text[2:] in (text[2:].lower(), text[2:].upper())
    if right is None or not (is_plain or text == right):
        raise typer.BadParameter(f"{text!r} is not an account address, or its checksum is wrong")
    return Address(right)


def purpose(text: str) -> Purpose:
    try:
        return purpose_from_name(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


@contextmanager
def opened(file: Path) -> Iterator[BinaryIO]:
    """
    Raises:
        ConfigurationError: it cannot be read.
    """
    if str(file) == "-":
        yield sys.stdin.buffer
        return
    try:
        stream = file.open("rb")
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read: {error.strerror}") from error
    with stream:
        yield stream

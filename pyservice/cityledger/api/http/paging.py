"""Cursors: opaque to the client, so that their contents may change."""

from __future__ import annotations

import base64
import binascii
import re

from cityledger.errors import FieldError

START = (0, -1)
MAX_CHARACTERS = 128
"""Of a cursor's text."""
_INSIDE = re.compile(rb"([0-9]{1,19})\.([0-9]{1,19})")


def write_cursor(place: tuple[int, int]) -> str:
    """The text for (log, seq)."""
    return base64.urlsafe_b64encode(f"{place[0]}.{place[1]}".encode()).rstrip(b"=").decode()


def write_key_cursor(key: bytes) -> str:
    """The text for the key of the last row."""
    return base64.urlsafe_b64encode(key).rstrip(b"=").decode()


def read_key_cursor(text: str | None, length: int) -> bytes | None:
    """The key of ``length`` bytes that ``write_key_cursor`` encoded; None is the beginning.

    Raises:
        FieldError: not a cursor of this node.
    """
    if text is None:
        return None
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != length:
        raise FieldError("after", "is not a cursor of this node")
    return key


def read_cursor(text: str | None) -> tuple[int, int]:
    """The place that ``write_cursor`` encoded; None is the beginning.

    Raises:
        FieldError: not a cursor of this node.
    """
    if text is None:
        return START
    try:
        inside = _INSIDE.fullmatch(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError):
        inside = None
    if inside is None or max(int(inside[1]), int(inside[2])) >= 2**63:
        raise FieldError("after", "is not a cursor of this node")
    return int(inside[1]), int(inside[2])

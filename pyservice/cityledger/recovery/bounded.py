"""Reads small objects with a limit: whoever can write to the store can replace one by an endless one."""

from __future__ import annotations

from collections.abc import Iterable


def bounded(chunks: Iterable[bytes], most: int) -> bytes:
    """The bytes, or nothing where they are more than ``most``, whatever length the store reported before."""
    data = b""
    for chunk in chunks:
        data += chunk
        if len(data) > most:
            return b""
    return data

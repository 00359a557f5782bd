"""Reads small objects with a limit: any writer of the store can replace one by an endless one."""

from __future__ import annotations

from collections.abc import Iterable


def bounded(chunks: Iterable[bytes], most: int) -> bytes:
    """The bytes; empty if there are more than ``most``, independent of the length that the store reported."""
    data = b""
    for chunk in chunks:
        data += chunk
        if len(data) > most:
            return b""
    return data

"""Local times of source files, for comparing what was read with what the file holds."""

from __future__ import annotations


def local_text(instant: str, separator: str = " ") -> str:
    """The local time as the file has it, from the instant made of it."""
    return f"{instant[:10]}{separator}{instant[11:19]}"

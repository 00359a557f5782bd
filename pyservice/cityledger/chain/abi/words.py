"""ASCII words in 32 bytes, as the contracts store codes, names and profiles: the inverse of ``word_text``."""

from __future__ import annotations

from cityledger.errors import FieldError


def word_from_text(field: str, text: str) -> bytes:
    """The 32 bytes of an ASCII word, left-aligned and zero-padded.

    Raises:
        FieldError: not 1 to 32 printable ASCII characters.
    """
    if not (1 <= len(text) <= 32 and text.isascii() and text.isprintable()):
        raise FieldError(field, "must be 1 to 32 printable ASCII characters")
    return text.encode("ascii").ljust(32, b"\0")

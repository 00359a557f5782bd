"""Rules for the id that a provider gives a record: it is part of URLs, so it must not name a person."""

from __future__ import annotations

import re
import unicodedata
from datetime import date

from cityledger.errors import FieldError

MAX_CHARACTERS = 128

_RECORD_ID = re.compile(r"0x[0-9a-f]{64}", re.IGNORECASE)
_RESIDENT_ID = re.compile(
    r"(?<![0-9A-Za-z])(\d{6})(\d{4})(\d{2})(\d{2})(\d{3})([0-9Xx])(?![0-9A-Za-z])", re.ASCII
)
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK_CHARACTERS = "10X98765432"
_REFUSED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
"""Control, format (bidi overrides among them), surrogate, private use, line and paragraph separators."""


def verify_provider_id(provider_id: str) -> None:
    """Refuses an id that is ambiguous, would break a URL or a log line, or names a person.

    Raises:
        FieldError: of the field ``id``; the message never repeats the id.
    """
    _verify_form(provider_id)
    if provider_id in {".", ".."} or "/" in provider_id:
        raise FieldError("id", "must be one segment of a URL: no '/', and not '.' or '..'")
    if _RECORD_ID.fullmatch(provider_id):
        raise FieldError("id", "0x and 64 hex digits name a record, not a provider's id")
    if holds_resident_id(provider_id):
        raise FieldError("id", "holds a resident identity number; an id must not name a person")


def _verify_form(provider_id: str) -> None:
    if not 1 <= len(provider_id) <= MAX_CHARACTERS:
        raise FieldError("id", f"must be 1 to {MAX_CHARACTERS} characters long")
    if provider_id != provider_id.strip():
        raise FieldError("id", "must not begin or end with space")
    if any(unicodedata.category(character) in _REFUSED_CATEGORIES for character in provider_id):
        raise FieldError("id", "must not hold control or invisible characters")
    if not unicodedata.is_normalized("NFC", provider_id):
        raise FieldError("id", "must be in Unicode form NFC, or one id would be two records")


def holds_resident_id(text: str) -> bool:
    """Returns whether the text has a Chinese 18-digit resident identity number (GB 11643-1999) as a word.

    Full-width digits count as digits. The older form of 15 digits has no checksum, and is not searched for.
    """
    plain = unicodedata.normalize("NFKC", text)
    return any(_is_resident_id(match) for match in _RESIDENT_ID.finditer(plain))


def _is_resident_id(match: re.Match[str]) -> bool:
    _region, year, month, day, _order, check = match.groups()
    try:
        date(int(year), int(month), int(day))
    except ValueError:
        return False
    return 1800 <= int(year) < 2200 and check.upper() == resident_check_character(match[0][:17])


def resident_check_character(first_17_digits: str) -> str:
    """MOD 11-2 of ISO 7064 over the first 17 digits, as GB 11643-1999 uses it."""
    total = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, first_17_digits, strict=True))
    return _CHECK_CHARACTERS[total % 11]

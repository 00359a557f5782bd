"""The primitive types of FHIR R4 (HL7 FHIR 4.0.1, datatypes.html#primitive) and their JSON forms (json.html).

Patterns end with ``\\Z`` by fullmatch and repeat possessively: no text, however long, makes one backtrack.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal

from cityledger.errors import PayloadError
from cityledger.profiles.fhir_narrative import narrative_fault
from cityledger.strict_json import Json

MAX_STRING_BYTES = 1_048_576
"""FHIR's own limit for a string; base64 and narratives are limited by the size of the body."""

_YEAR = r"(?!0000)\d{4}"
_MONTH = r"(?:0[1-9]|1[0-2])"
_DAY = r"(?:0[1-9]|[12]\d|3[01])"
_CLOCK = r"(?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d++)?"
_OFFSET = r"(?:Z|[+-](?:(?:0\d|1[0-3]):[0-5]\d|14:00))"
_BASE64 = (
    r"(?:\s*+[0-9A-Za-z+/]{4})*+(?:\s*+(?:[0-9A-Za-z+/]{2}==|[0-9A-Za-z+/]{3}=))?+\s*+"  # R4 allows space
)

_PATTERNS: Mapping[str, tuple[re.Pattern[str], str]] = {
    "base64Binary": (re.compile(_BASE64, re.ASCII), "must be base64 (RFC 4648) in groups of four"),
    "canonical": (re.compile(r"\S++"), "must be a URI without spaces"),
    "code": (re.compile(r"\S++(?:\s\S++)*+"), "must be a code: no space around it, single spaces inside"),
    "date": (
        re.compile(rf"{_YEAR}(?:-{_MONTH}(?:-{_DAY})?)?", re.ASCII),
        "must be a date: YYYY, YYYY-MM or YYYY-MM-DD",
    ),
    "dateTime": (
        re.compile(rf"{_YEAR}(?:-{_MONTH}(?:-{_DAY}(?:T{_CLOCK}{_OFFSET})?)?)?", re.ASCII),
        "must be a date, or a date and time with seconds and an offset",
    ),
    "id": (re.compile(r"[A-Za-z0-9.-]{1,64}"), "must be 1 to 64 letters, digits, '-' or '.'"),
    "instant": (
        re.compile(rf"{_YEAR}-{_MONTH}-{_DAY}T{_CLOCK}{_OFFSET}", re.ASCII),
        "must be a date and time with seconds and an offset",
    ),
    "oid": (re.compile(r"urn:oid:[0-2](?:\.(?:0|[1-9]\d*+))++", re.ASCII), "must be urn:oid: and an OID"),
    "time": (re.compile(_CLOCK, re.ASCII), "must be a time of day with seconds, hh:mm:ss"),
    "uri": (re.compile(r"\S++"), "must be a URI without spaces"),
    "url": (re.compile(r"\S++"), "must be a URL without spaces"),
    "uuid": (
        re.compile(r"urn:uuid:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
        "must be urn:uuid: and a UUID in lower case",
    ),
}
_RANGES: Mapping[str, tuple[int, int, str]] = {
    "integer": (-(2**31), 2**31 - 1, "must be an integer of 32 bits"),
    "positiveInt": (1, 2**31 - 1, "must be an integer from 1 to 2147483647"),
    "unsignedInt": (0, 2**31 - 1, "must be an integer from 0 to 2147483647"),
}
_ADDRESSES = frozenset({"uri", "url", "canonical"})
_ACTING = re.compile(r"(?:javascript|vbscript|data):", re.IGNORECASE)
"""Schemes that viewers execute, or show as a page, when such an address becomes a link."""
_ACTING_MARKDOWN = re.compile(
    r"<(?:title|textarea|style|xmp|iframe|noembed|noframes|script|plaintext|svg|object|embed|link|meta|base|form)\b"
    r"|<[a-z][^>]*\son[a-z]+\s*=|\]\s*[(:]\s*<?\s*(?:javascript|vbscript|data):",
    re.IGNORECASE,
)
"""The tags that GitHub Flavored Markdown (§6.11) filters, tags that load or send, event attributes, links."""
_UNLIMITED = frozenset({"base64Binary", "xhtml"})
_CALENDAR = frozenset({"date", "dateTime", "instant"})
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


def check_primitive(kind: str, value: Json, path: str) -> None:
    """One value of a FHIR primitive type, as JSON writes it.

    Raises:
        PayloadError: of ``path``; the reason states what the type requires, and repeats no value.
    """
    fault = _CHECKS.get(kind, _text_fault)(kind, value)
    if fault:
        raise PayloadError(path, fault)


def _boolean_fault(_kind: str, value: Json) -> str:
    return "" if isinstance(value, bool) else "must be true or false"


def _decimal_fault(_kind: str, value: Json) -> str:
    is_number = isinstance(value, int | Decimal) and not isinstance(value, bool)
    return "" if is_number else "must be a number"


def _integer_fault(kind: str, value: Json) -> str:
    low, high, reason = _RANGES[kind]
    is_integer = isinstance(value, int) and not isinstance(value, bool)
    return "" if is_integer and low <= value <= high else reason  # type: ignore[operator]


def _text_fault(kind: str, value: Json) -> str:
    if not isinstance(value, str):
        return "must be a string"
    if not value:
        return "must not be empty: omit the element, or give it a value"
    if _CONTROL.search(value):
        return "must not hold control characters"
    if kind not in _UNLIMITED and len(value.encode()) > MAX_STRING_BYTES:
        return f"must be at most {MAX_STRING_BYTES} bytes long"
    return _form_fault(kind, value)


def _form_fault(kind: str, value: str) -> str:
    if kind == "xhtml":
        return narrative_fault(value)
    pattern, reason = _PATTERNS.get(kind, _ANYTHING)
    if not pattern.fullmatch(value):
        return reason
    if kind in _ADDRESSES and _ACTING.match(value):
        return "must not be a script, nor a data: address"
    if kind == "markdown" and _ACTING_MARKDOWN.search(value):
        return "must not hold active HTML, nor links that are scripts"
    return _day_fault(value[:10]) if kind in _CALENDAR and len(value) >= 10 else ""


def _day_fault(text: str) -> str:
    try:
        date.fromisoformat(text)
    except ValueError:
        return "must be a day of the calendar"
    return ""


_ANYTHING = (re.compile(r".*+", re.DOTALL), "")
_CHECKS: Mapping[str, Callable[[str, Json], str]] = {
    "boolean": _boolean_fault,
    "decimal": _decimal_fault,
    "integer": _integer_fault,
    "positiveInt": _integer_fault,
    "unsignedInt": _integer_fault,
}

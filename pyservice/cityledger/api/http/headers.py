"""The ``Cityledger-`` request headers and the preconditions, parsed strictly; and the headers of answers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from cityledger.errors import FieldError
from cityledger.exchange.access import Intent
from cityledger.exchange.gate import Passed
from cityledger.types import ZERO32, Action, Purpose, purpose_from_name

PURPOSE = "Cityledger-Purpose"
CASE = "Cityledger-Case"
REPRESENTS = "Cityledger-Represents"
DECISION = "Cityledger-Decision"
RECEIPTS = "Cityledger-Read-Receipt"
MAX_CASE_CHARACTERS = 200
MAX_KEY_CHARACTERS = 128

_ETAG = re.compile(r'"v([1-9][0-9]{0,9})"')


@dataclass(frozen=True, slots=True)
class AccessContext:
    """The purpose and the case that a request for a record states. Officer and system come from the token."""

    purpose: Purpose
    case: str

    def to(self, action: Action) -> Intent:
        return Intent(action, self.purpose, self.case)


@dataclass(frozen=True, slots=True)
class Precondition:
    """``expected`` as in ``Draft``: None accepts any version, 0 requires that there is none, another number
    is the newest version that the caller knows.
    """

    expected: int | None


async def read_context(request: Request) -> AccessContext:
    """The access context in the headers.

    Raises:
        FieldError: the purpose is missing (OWN_DUTY too must be named), a header is malformed, or one names
            an agency that the caller acts for.
    """
    purpose = find_header(request, PURPOSE, 32)
    if purpose is None:
        raise FieldError(PURPOSE, "this header is required: name the purpose of the request, e.g. OWN_DUTY")
    case = find_header(request, CASE, MAX_CASE_CHARACTERS) or ""
    if REPRESENTS in request.headers:
        # Without this check a caller could name any agency in a signed receipt.
        raise FieldError(REPRESENTS, "delegation between agencies is not supported yet: omit this header")
    return AccessContext(_purpose(purpose), case)


async def precondition(request: Request) -> Precondition:
    """``If-Match: "vN"`` or ``If-None-Match: *``, not both.

    Raises:
        FieldError: another form; a precondition that is not understood must not be ignored.
    """
    match = find_header(request, "If-Match", 16)
    none_match = find_header(request, "If-None-Match", 16)
    if match is not None and none_match is not None:
        raise FieldError("If-None-Match", "cannot be combined with If-Match")
    if none_match is not None and none_match != "*":
        raise FieldError("If-None-Match", "must be *")
    if match is None:
        return Precondition(None if none_match is None else 0)
    version = _ETAG.fullmatch(match)
    if version is None:
        raise FieldError("If-Match", 'must be one ETag of a record, such as "v3"')
    return Precondition(int(version[1]))


async def idempotency_key(request: Request) -> str | None:
    """The ``Idempotency-Key``, None if none was sent."""
    return find_header(request, "Idempotency-Key", MAX_KEY_CHARACTERS)


ContextInHeaders = Annotated[AccessContext, Depends(read_context)]
IfMatch = Annotated[Precondition, Depends(precondition)]
IdempotencyKey = Annotated[str | None, Depends(idempotency_key)]


def find_header(request: Request, name: str, max_characters: int) -> str | None:
    """A header's text: UTF-8, printable, at most once.

    Raises:
        FieldError: names the header, never its value.
    """
    values = request.headers.getlist(name)
    if not values:
        return None
    if len(values) > 1:
        raise FieldError(name, "this header is given more than once")
    try:
        text = values[0].encode("latin-1").decode("utf-8").strip()
    except UnicodeDecodeError:
        raise FieldError(name, "is not UTF-8") from None
    if not 1 <= len(text) <= max_characters or not text.isprintable():
        raise FieldError(name, f"must be 1 to {max_characters} printable characters")
    return text


def etag(version: int) -> str:
    return f'"v{version}"'


def answer_headers(passed: Passed, version: int | None = None) -> dict[str, str]:
    """The decision as a structured field (RFC 9651), the receipts' digests, and the ETag of a version."""
    decision, block = passed.ruling.deciding, passed.ruling.block
    basis = "" if decision.grant_id == ZERO32 else f';basis="0x{decision.grant_id.hex()}"'
    headers = {
        DECISION: f"permit;code={decision.code};rule={decision.rule}{basis};block={block.number}",
        RECEIPTS: ", ".join(f"0x{digest.hex()}" for digest in passed.receipt_digests),
        "Cache-Control": "no-store",
    }
    return headers if version is None else {**headers, "ETag": etag(version)}


def _purpose(name: str) -> Purpose:
    try:
        return purpose_from_name(name)
    except ValueError:
        raise FieldError(PURPOSE, "must be 1 to 32 upper-case ASCII letters, digits or underscores") from None

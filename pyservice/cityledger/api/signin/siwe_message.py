"""A SIWE message (EIP-4361) of an on-chain officer, checked against this node. Source: SPEC.md §6."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from eth_account.messages import encode_defunct

from cityledger.errors import CredentialError, VerificationError
from cityledger.keccak import keccak
from cityledger.proofs.signatures import recover_signer
from cityledger.types import Address, AgencyId

if TYPE_CHECKING:
    from siwe import SiweMessage

MAX_CHARACTERS = 2_048
SKEW_SECONDS = 60
_OURS = "cityledger:"
_INSTANCE = _OURS + "instance:"
_AGENCY = _OURS + "agency:"
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")
_SIGNATURE = re.compile(r"0x[0-9a-fA-F]{130}")


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The signer. The caller consumes ``nonce``; the message expires at ``until`` (Unix seconds)."""

    account: Address
    agency: AgencyId
    nonce: str
    until: int


@dataclass(frozen=True, slots=True)
class SiweAudience:
    """The node that a message must name. ``origins`` are ``scheme://authority`` by which it is reached."""

    domain: str
    origins: Collection[str]
    chain_id: int
    instance: bytes


def verify_siwe(message: str, signature: str, audience: SiweAudience, now: int) -> SignedIn:
    """Checks everything about a message except its nonce and whether the account is an officer. The request
    id is for the sender and is ignored.

    Raises:
        CredentialError: says which check failed.
    """
    # (1) the text has one meaning
    parsed = parse_siwe(message)
    # (2) signed by the account that it names
    verify_signature(message, signature, Address(parsed.address))
    # (3) for this node and chain
    _verify_place(parsed, audience)
    if parsed.chain_id != audience.chain_id:
        raise CredentialError(f"SIWE: the chain id must be {audience.chain_id}")
    # (4) valid now
    until = _verify_times(parsed, now)
    # (5) for this deployment, as an officer of one agency
    resources = [str(resource) for resource in parsed.resources or []]
    _verify_resources(resources)
    if _one(resources, _INSTANCE) != "0x" + audience.instance.hex():
        raise CredentialError(f"SIWE: the resource {_INSTANCE} must name this instance")
    return SignedIn(Address(parsed.address), _agency(_one(resources, _AGENCY)), parsed.nonce, until)


def parse_siwe(message: str) -> SiweMessage:
    """The message, if parsing and writing it gives the same text.

    Raises:
        CredentialError: not an EIP-4361 message, or not in its canonical form.
    """
    # Imported at the first message: compiling the library's grammar takes a quarter of a node's start.
    from siwe import SiweMessage

    if len(message) > MAX_CHARACTERS:
        raise CredentialError(f"SIWE: the message is longer than {MAX_CHARACTERS} characters")
    try:
        # The library's other parser, by grammar, takes minutes over a hostile message of a few kilobytes.
        parsed = SiweMessage.from_message(message, abnf=False)
    except Exception as error:  # the grammar's library documents no errors of its own
        raise CredentialError("SIWE: not an EIP-4361 message") from error
    if not message.isascii() or _CONTROL.search(message):
        raise CredentialError("SIWE: the message must be printable ASCII (EIP-4361)")
    fields = [parsed.domain, parsed.uri, parsed.statement, parsed.request_id, *(parsed.resources or [])]
    if any("\n" in str(field) for field in fields if field is not None):
        raise CredentialError("SIWE: a field has more than one line")
    if parsed.prepare_message() != message:
        raise CredentialError("SIWE: the message is not in its canonical form")
    return parsed


def verify_signature(message: str, signature: str, account: Address) -> None:
    """Checks an EIP-191 signature in its canonical form (SPEC.md §3); contract accounts (ERC-1271) cannot
    sign in yet.

    Raises:
        CredentialError: it is not the account's, or not in its canonical form.
    """
    if not _SIGNATURE.fullmatch(signature):
        raise CredentialError("SIWE: the signature must be 0x and 65 bytes in hex")
    try:
        signer = recover_signer(_eip191_digest(message), bytes.fromhex(signature[2:]))
    except VerificationError as error:
        raise CredentialError(f"SIWE: {error}") from error
    if signer != account:
        raise CredentialError("SIWE: signed by another account")


def _eip191_digest(message: str) -> bytes:
    signable = encode_defunct(text=message)
    return keccak(b"\x19" + signable.version + signable.header + signable.body)


def _verify_place(parsed: SiweMessage, audience: SiweAudience) -> None:
    """Checks that domain, scheme if it is given, and URI are those of this node."""
    if parsed.domain != audience.domain:
        raise CredentialError(f"SIWE: the domain must be {audience.domain}")
    if parsed.scheme is not None and f"{parsed.scheme}://{parsed.domain}".lower() not in audience.origins:
        raise CredentialError("SIWE: the scheme of the domain must be http or https")
    try:
        uri = urlsplit(str(parsed.uri))
    except ValueError as error:
        raise CredentialError("SIWE: the URI is not a URL") from error
    if f"{uri.scheme}://{uri.netloc}".lower() not in audience.origins:
        raise CredentialError("SIWE: the URI must have the scheme, host and port of this node")


def _verify_resources(resources: list[str]) -> None:
    """Rejects resources of this scheme that this version does not support: they may restrict the sign-in."""
    if any(one.startswith(_OURS) and not one.startswith((_INSTANCE, _AGENCY)) for one in resources):
        raise CredentialError(f"SIWE: a resource {_OURS}… is not supported by this version")


def _verify_times(parsed: SiweMessage, now: int) -> int:
    if parsed.expiration_time is None:
        raise CredentialError("SIWE: an expiration time is required")
    until = _seconds(parsed.expiration_time)
    if until <= now:
        raise CredentialError("SIWE: the message has expired")
    if _seconds(parsed.issued_at) > now + SKEW_SECONDS:
        raise CredentialError("SIWE: issued in the future")
    if parsed.not_before is not None and _seconds(parsed.not_before) > now:
        raise CredentialError("SIWE: the message is not valid yet")
    return until


def _seconds(instant: str) -> int:
    try:
        moment = datetime.fromisoformat(instant.replace("Z", "+00:00"))
    except ValueError as error:
        raise CredentialError("SIWE: a time is malformed") from error
    if moment.tzinfo is None:
        raise CredentialError("SIWE: a time has no offset")
    return int(moment.timestamp())


def _one(resources: list[str], prefix: str) -> str:
    found = [str(resource).removeprefix(prefix) for resource in resources if str(resource).startswith(prefix)]
    if len(found) != 1:
        raise CredentialError(f"SIWE: exactly one resource {prefix} is required")
    return found[0]


def _agency(text: str) -> AgencyId:
    if not re.fullmatch(r"[1-9][0-9]{0,9}", text) or int(text) >= 2**32:
        raise CredentialError(f"SIWE: the resource {_AGENCY} must name an agency's number")
    return AgencyId(int(text))

"""An agency's signed list of the officers that it no longer vouches for. Source: SPEC.md §6."""

from __future__ import annotations

from collections.abc import Mapping

from cityledger.api.signin.assertion import SKEW_SECONDS
from cityledger.api.signin.signed_claims import text_claim, time_claim, verify_signed_claims
from cityledger.errors import CredentialError
from cityledger.store.sessions.revocations import RevocationList, Revoked
from cityledger.store.sessions.standing import EVERY_SYSTEM
from cityledger.strict_json import Json

TYPE = "cityledger-revocations+jwt"
MAX_CHARACTERS = 65_536
MAX_ENTRIES = 1_000
_WHAT = "revocation list"
_SEQ_LIMIT = 2**53
_CLAIMS = {"iss", "aud", "iat", "seq", "revoked"}


def verify_revocation_list(text: str, *, instance: bytes, now: int) -> RevocationList:
    """Checks signature and claims, but not whether the key may sign for ``issuer``.

    Raises:
        CredentialError: says which check failed.
    """
    # (1) the signature, by the key in the header, over a text of this type
    signed = verify_signed_claims(text, _WHAT, MAX_CHARACTERS)
    claims = signed.claims
    if signed.header.get("typ") != TYPE:
        raise CredentialError(f"{_WHAT}: typ must be {TYPE}")
    if claims.keys() != _CLAIMS:
        raise CredentialError(f"{_WHAT}: the claims must be {', '.join(sorted(_CLAIMS))}")
    # (2) for this deployment and no other
    if claims["aud"] != "0x" + instance.hex():
        raise CredentialError(f"{_WHAT}: aud must be this instance as 0x and lower-case hex")
    # (3) not of the future
    issued_at = time_claim(claims, "iat", _WHAT)
    if issued_at > now + SKEW_SECONDS:
        raise CredentialError(f"{_WHAT}: iat is in the future")
    # (4) its number, and whom it names
    return RevocationList(
        key=signed.thumbprint,
        issuer=text_claim(claims, "iss", _WHAT, 32),
        issued_at=issued_at,
        seq=_seq(claims["seq"]),
        revoked=_entries(claims["revoked"]),
        signed=text,
    )


def _seq(value: Json) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value < _SEQ_LIMIT:
        raise CredentialError(f"{_WHAT}: seq must be an integer from 1 to 2^53 - 1")
    return value


def _entries(value: Json) -> tuple[Revoked, ...]:
    if not isinstance(value, list) or len(value) > MAX_ENTRIES:
        raise CredentialError(f"{_WHAT}: revoked must be a list of at most {MAX_ENTRIES} entries")
    entries = tuple(_entry(one) for one in value)
    if len(set(entries)) != len(entries):
        raise CredentialError(f"{_WHAT}: revoked names an officer and system twice")
    return entries


def _entry(value: Json) -> Revoked:
    if not isinstance(value, Mapping) or not {"sub"} <= value.keys() <= {"sub", "system"}:
        raise CredentialError(f"{_WHAT}: an entry has sub, and may have system, and nothing else")
    system = text_claim(value, "system", _WHAT) if "system" in value else EVERY_SYSTEM
    return Revoked(text_claim(value, "sub", _WHAT), system)

"""An agency's assertion (RFC 7523) about one of its officers or systems. Source: SPEC.md §6."""

from __future__ import annotations

from dataclasses import dataclass

from cityledger.api.signin.signed_claims import text_claim, time_claim, verify_signed_claims
from cityledger.errors import CredentialError
from cityledger.strict_json import Json
from cityledger.types import Role

MAX_LIFE_SECONDS = 12 * 3600
SKEW_SECONDS = 60
"""How far in the future ``iat`` may lie: agencies' clocks differ."""
_ROLES = {"reader": Role.READER, "writer": Role.WRITER}
_WHAT = "assertion"


@dataclass(frozen=True, slots=True)
class Assertion:
    """The claims of an agency. They count only once ``key`` was found to be the registry's thumbprint for
    ``issuer``, and ``proof_key`` that of the DPoP proof. ``until`` is Unix seconds."""

    key: bytes
    proof_key: str
    issuer: str
    officer: str
    role: Role
    system: str
    until: int


def verify_assertion(text: str, *, instance: bytes, now: int) -> Assertion:
    """Checks signature and claims, but not whether the key may sign for ``issuer``: that is in the registry.

    Raises:
        CredentialError: says which check failed.
    """
    # (1) the signature, by the key in the header
    signed = verify_signed_claims(text, _WHAT)
    claims = signed.claims
    # (2) for this deployment and no other
    if claims.get("aud") != "0x" + instance.hex():
        raise CredentialError("assertion: aud must be this instance as 0x and lower-case hex")
    # (3) now, and for at most 12 hours
    until = _verify_times(time_claim(claims, "iat", _WHAT), time_claim(claims, "exp", _WHAT), now)
    if "nbf" in claims and time_claim(claims, "nbf", _WHAT) > now + SKEW_SECONDS:
        raise CredentialError("assertion: nbf is in the future")
    # (4) officer, role, system
    role = _ROLES.get(text_claim(claims, "role", _WHAT))
    if role is None:
        raise CredentialError("assertion: role must be reader or writer; other roles are on chain")
    text_claim(claims, "jti", _WHAT)
    return Assertion(
        key=signed.thumbprint,
        proof_key=_proof_key(claims.get("cnf")),
        issuer=text_claim(claims, "iss", _WHAT, 32),
        officer=text_claim(claims, "sub", _WHAT),
        role=role,
        system=text_claim(claims, "system", _WHAT),
        until=until,
    )


def _verify_times(issued: int, until: int, now: int) -> int:
    if issued > now + SKEW_SECONDS:
        raise CredentialError("assertion: iat is in the future")
    if until - issued > MAX_LIFE_SECONDS:
        raise CredentialError("assertion: exp is more than 12 hours after iat")
    if until <= max(now, issued):
        raise CredentialError("assertion: expired")
    return until


def _proof_key(cnf: Json) -> str:
    if not isinstance(cnf, dict) or not isinstance(cnf.get("jkt"), str):
        raise CredentialError("assertion: cnf.jkt must name the key that the caller proves by DPoP")
    return str(cnf["jkt"])

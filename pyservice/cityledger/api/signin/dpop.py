"""Proof of possession at the token request (RFC 9449 §4.3)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

from cityledger.api.signin.signed_claims import text_claim, time_claim, verify_signed_claims
from cityledger.errors import CredentialError

WINDOW_SECONDS = 60
"""How far ``iat`` may be from the node's clock, either way. Published."""
_WHAT = "DPoP proof"


@dataclass(frozen=True, slots=True)
class DpopProof:
    """``thumbprint`` is the key's; ``jti`` is single-use for that key until ``expires_at`` (Unix seconds)."""

    thumbprint: bytes
    jti: str
    expires_at: int


def verify_dpop(text: str, *, method: str, path: str, origins: Collection[str], now: int) -> DpopProof:
    """Checks a proof by RFC 9449 §4.3, except that ``jti`` is new: the caller checks that in its transaction.

    ``origins`` are ``scheme://authority`` of this node. There is no ``ath`` at a token request.

    Raises:
        CredentialError: says which check failed.
    """
    signed = verify_signed_claims(text, _WHAT)
    if signed.header.get("typ") != "dpop+jwt":
        raise CredentialError(f"{_WHAT}: typ must be dpop+jwt")
    jti = text_claim(signed.claims, "jti", _WHAT)
    if signed.claims.get("htm") != method:
        raise CredentialError(f"{_WHAT}: htm must be {method}")
    _verify_target(text_claim(signed.claims, "htu", _WHAT, 512), path, origins)
    issued = time_claim(signed.claims, "iat", _WHAT)
    if abs(now - issued) > WINDOW_SECONDS:
        raise CredentialError(f"{_WHAT}: iat is more than {WINDOW_SECONDS} s from this node's clock")
    return DpopProof(signed.thumbprint, jti, issued + WINDOW_SECONDS + 1)


def _verify_target(htu: str, path: str, origins: Collection[str]) -> None:
    try:
        parts = urlsplit(htu)
    except ValueError as error:
        raise CredentialError(f"{_WHAT}: htu is not a URL") from error
    # RFC 9449 §4.3 (9): compared without query and fragment; scheme and host ignore case.
    if f"{parts.scheme}://{parts.netloc}".lower() not in origins or parts.path != path:
        raise CredentialError(f"{_WHAT}: htu must be this node's {path}")

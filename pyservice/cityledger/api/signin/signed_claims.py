"""A JWS with its key in its own header, parsed strictly: the form of both assertions and DPoP proofs."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from cityledger import strict_json
from cityledger.errors import CredentialError, InputError
from cityledger.sealing.thumbprint import key_thumbprint
from cityledger.strict_json import Json

MAX_CHARACTERS = 8_192
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_JWK_MEMBERS = {"kty", "crv", "x", "y"}
_JWK_EXTRA = {"alg", "use", "kid", "key_ops"}


@dataclass(frozen=True, slots=True)
class SignedClaims:
    """``thumbprint`` is the RFC 7638 SHA-256 thumbprint of the key that signed, 32 bytes."""

    header: Mapping[str, Json]
    claims: Mapping[str, Json]
    thumbprint: bytes


def verify_signed_claims(text: str, what: str, max_characters: int = MAX_CHARACTERS) -> SignedClaims:
    """Header and claims of a compact JWS, after its ES256 signature was checked with the header's ``jwk``.

    The caller decides whether to trust that key. ``what`` names the text in errors.

    Raises:
        CredentialError: not such a JWS, another algorithm, a private key inside, or a wrong signature.
    """
    if len(text) > max_characters or not _COMPACT.fullmatch(text):
        raise CredentialError(f"{what}: not a compact JWS of at most {max_characters} characters")
    head, body, _ = text.split(".")
    header, claims = _members(head, what), _members(body, what)
    if header.get("alg") != "ES256":
        raise CredentialError(f"{what}: alg must be ES256")
    if "crit" in header:
        raise CredentialError(f"{what}: crit names extensions that are not understood")
    key = _public_key(header.get("jwk"), what)
    _verify_signature(text, key, what)
    return SignedClaims(header, claims, key_thumbprint(key.public_key))


def text_claim(claims: Mapping[str, Json], name: str, what: str, max_characters: int = 128) -> str:
    """A claim that must be printable text.

    Raises:
        CredentialError: missing or of another form.
    """
    value = claims.get(name)
    if not isinstance(value, str) or not 1 <= len(value) <= max_characters or not value.isprintable():
        raise CredentialError(f"{what}: {name} must be 1 to {max_characters} printable characters")
    return value


def time_claim(claims: Mapping[str, Json], name: str, what: str) -> int:
    """A claim in whole Unix seconds.

    Raises:
        CredentialError: missing or of another form.
    """
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**40:
        raise CredentialError(f"{what}: {name} must be whole Unix seconds")
    return value


def _public_key(jwk: Json, what: str) -> ECKey:
    if not isinstance(jwk, dict) or not _JWK_MEMBERS <= jwk.keys() <= _JWK_MEMBERS | _JWK_EXTRA:
        raise CredentialError(f"{what}: jwk must be a public EC key and nothing else")
    members = {name: jwk[name] for name in _JWK_MEMBERS}
    if not all(isinstance(value, str) for value in members.values()) or jwk["crv"] != "P-256":
        raise CredentialError(f"{what}: jwk must be on P-256")
    try:
        return ECKey.import_key(cast(dict[str, str | list[str]], members))
    except (JoseError, ValueError) as error:
        raise CredentialError(f"{what}: jwk is not a key on P-256") from error


def _verify_signature(text: str, key: ECKey, what: str) -> None:
    try:
        jws.deserialize_compact(text, key, algorithms=["ES256"])
    except (JoseError, ValueError) as error:
        raise CredentialError(f"{what}: the signature is not valid") from error


def _members(segment: str, what: str) -> dict[str, Json]:
    try:
        value = strict_json.parse(_unbase64(segment, what), max_bytes=len(segment), max_depth=8)
    except InputError as error:
        raise CredentialError(f"{what}: its contents are not strict JSON") from error
    if not isinstance(value, dict):
        raise CredentialError(f"{what}: its contents are not a JSON object")
    return value


def _unbase64(segment: str, what: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    except (binascii.Error, ValueError) as error:
        raise CredentialError(f"{what}: not base64url") from error

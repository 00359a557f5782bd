"""The digest of an agency's credential key, as the registry holds it. Source: RFC 7638, SPEC.md §6."""

from __future__ import annotations

import base64
import hashlib
import json

from cryptography.hazmat.primitives.asymmetric import ec

_COORDINATE_BYTES = 32


def key_thumbprint(key: ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey) -> bytes:
    """The SHA-256 thumbprint of the JWK of a key on P-256, 32 bytes."""
    public = key.public_key() if isinstance(key, ec.EllipticCurvePrivateKey) else key
    point = public.public_numbers()
    members = {"crv": "P-256", "kty": "EC", "x": _coordinate(point.x), "y": _coordinate(point.y)}
    return hashlib.sha256(json.dumps(members, separators=(",", ":")).encode()).digest()


def _coordinate(number: int) -> str:
    encoded = base64.urlsafe_b64encode(number.to_bytes(_COORDINATE_BYTES, "big"))
    return encoded.rstrip(b"=").decode()

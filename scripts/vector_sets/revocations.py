"""Revocation lists. Signatures are deterministic (RFC 6979), so that the file is always the same bytes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from joserfc.jwk import ECKey
from scripts.vector_sets.values import CONTEXT, Vector, vector

from cityledger.client.wire import base64url, from_base64url
from cityledger.sealing.thumbprint import key_thumbprint

KEY = ec.derive_private_key(0x1F2E3D4C5B6A79881F2E3D4C5B6A7988, ec.SECP256R1())
OTHER_KEY = ec.derive_private_key(0x0123456789ABCDEF0123456789ABCDEF, ec.SECP256R1())
ISSUED = 1_767_190_000
SOURCE = "SPEC.md §6"
CLAIMS: dict[str, Any] = {
    "iss": "HEALTH",
    "aud": "0x" + CONTEXT.instance.hex(),
    "iat": ISSUED,
    "seq": 4,
    "revoked": [{"sub": "dr.chen"}, {"sub": "dr.li", "system": "ward-3"}],
}


def make_revocations() -> Iterable[Vector]:
    yield _vector("two officers", "ok", SOURCE, _signed(CLAIMS))
    yield _vector("nobody is revoked", "ok", "an empty list lifts all", _signed({**CLAIMS, "revoked": []}))
    for name, why, changes in (
        ("seq 0", "counts from 1", {"seq": 0}),
        ("seq of 2^53", "below 2^53", {"seq": 2**53}),
        ("seq as text", "an integer", {"seq": "4"}),
        ("of another instance", "aud is the instance", {"aud": "0x" + "00" * 32}),
        ("of the future", "iat is at most 60 s ahead", {"iat": ISSUED + 61}),
        ("an officer twice", "none twice", {"revoked": [{"sub": "a"}, {"sub": "a"}]}),
        ("an entry without sub", "sub is required", {"revoked": [{"system": "ward-3"}]}),
        ("an entry with more", "nothing else", {"revoked": [{"sub": "a", "until": 1}]}),
        ("a claim more", "nothing else", {"exp": ISSUED}),
    ):
        yield _vector(name, "refuse", why, _signed({**CLAIMS, **changes}))
    assertion = _signed(CLAIMS, typ="JWT")
    yield _vector("typ of an assertion", "refuse", "an assertion is no list", assertion)
    head, body, _ = _signed(CLAIMS).split(".")
    other = _signed({**CLAIMS, "seq": 5}).split(".")[2]
    yield _vector("another list's signature", "refuse", "signed whole", ".".join((head, body, other)))
    stranger = _signed(CLAIMS, jwk_of=OTHER_KEY)
    yield _vector("another key in the header", "refuse", "the jwk signs", stranger)


def _vector(name: str, expect: str, why: str, signed: str) -> Vector:
    fields: dict[str, Any] = {"signed": signed, "instance": CONTEXT.instance, "now": ISSUED}
    if expect == "ok":
        claims = json.loads(_unbase64(signed.split(".")[1]))
        fields |= {"thumbprint": key_thumbprint(KEY), "seq": claims["seq"], "revoked": claims["revoked"]}
    return vector(name, expect, why, **fields)


def _signed(
    claims: Mapping[str, Any],
    *,
    typ: str = "cityledger-revocations+jwt",
    jwk_of: ec.EllipticCurvePrivateKey = KEY,
) -> str:
    header = {"alg": "ES256", "typ": typ, "jwk": ECKey.import_key(jwk_of).as_dict(private=False)}
    signing = ".".join(base64url(json.dumps(one).encode()) for one in (header, claims))
    signature = KEY.sign(signing.encode(), ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
    r, s = decode_dss_signature(signature)
    return f"{signing}.{base64url(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def _unbase64(text: str) -> bytes:
    return from_base64url(text, "segment")

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode

from cryptography.hazmat.primitives.asymmetric import ec
from joserfc.jwk import ECKey

from cityledger.sealing.thumbprint import key_thumbprint


def test_key_thumbprint_is_that_of_rfc_7638() -> None:
    for secret in (1, 2, 2**255, 2**256 // 3):
        key = ec.derive_private_key(secret, ec.SECP256R1())
        jwk = ECKey.import_key({"kty": "EC", "crv": "P-256", **_coordinates(key)})

        assert key_thumbprint(key) == urlsafe_b64decode(jwk.thumbprint() + "=")
        assert key_thumbprint(key.public_key()) == key_thumbprint(key)


def test_key_thumbprint_keeps_leading_zeros_of_a_coordinate() -> None:
    keys = (ec.derive_private_key(secret, ec.SECP256R1()) for secret in range(1, 2000))
    short = next(key for key in keys if key.public_key().public_numbers().x < 2**248)
    jwk = ECKey.import_key({"kty": "EC", "crv": "P-256", **_coordinates(short)})

    assert key_thumbprint(short) == urlsafe_b64decode(jwk.thumbprint() + "=")


def _coordinates(key: ec.EllipticCurvePrivateKey) -> dict[str, str]:
    point = key.public_key().public_numbers()
    return {
        name: urlsafe_b64encode(number.to_bytes(32, "big")).rstrip(b"=").decode()
        for name, number in (("x", point.x), ("y", point.y))
    }

"""An agency's sealing key pair, which part keys are released to, for both KEMs. Source: SPEC.md §5,
"Release"."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey, MLKEM768X25519PublicKey

from cityledger.errors import SealingError
from cityledger.sealing.context import require_length
from cityledger.types import Kem

HpkePrivateKey = X25519PrivateKey | MLKEM768X25519PrivateKey
HpkePublicKey = X25519PublicKey | MLKEM768X25519PublicKey

_DIGEST_LABEL = b"cityledger/v1/sealing-key"
_X25519_BYTES = 32
_MLKEM_SEED_BYTES = 64
_MLKEM_PUBLIC_BYTES = 1184
_SECRET_BYTES = {Kem.X25519: _X25519_BYTES, Kem.X_WING: _MLKEM_SEED_BYTES + _X25519_BYTES}
_PUBLIC_BYTES = {Kem.X25519: _X25519_BYTES, Kem.X_WING: _MLKEM_PUBLIC_BYTES + _X25519_BYTES}


@dataclass(frozen=True, slots=True)
class SealingPrivateKey:
    """The private half. ``secret`` is the X25519 private key (32 bytes), for kem 2 after the ML-KEM seed (64
    bytes).

    The library has no serializer for the hybrid key, hence this form.

    Raises:
        SealingError: the kem has no keys, or ``secret`` has another length.
    """

    kem: Kem
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        require_kem(self.kem)
        require_length("sealing private key", self.secret, _SECRET_BYTES[self.kem])

    @classmethod
    def generate(cls, kem: Kem, random: Callable[[int], bytes]) -> SealingPrivateKey:
        """A new key from ``random(n)``, which returns *n* secret random bytes."""
        require_kem(kem)
        return cls(kem, random(_SECRET_BYTES[kem]))

    @classmethod
    def load(cls, stored: bytes) -> SealingPrivateKey:
        """The key that ``serialize`` wrote.

        Raises:
            SealingError: ``serialize`` did not write it.
        """
        if not stored or stored[0] not in tuple(Kem):
            raise SealingError("unknown kem")
        return cls(Kem(stored[0]), stored[1:])

    def serialize(self) -> bytes:
        """u8 kem ‖ secret. For a keyring only: this is the key in the clear."""
        return bytes([self.kem]) + self.secret

    @property
    def public_bytes(self) -> bytes:
        """32 bytes, or for kem 2 ML-KEM-768 encapsulation key (1184) ‖ X25519 public key (32)."""
        x25519 = _x25519_private(self).public_key().public_bytes_raw()
        if self.kem is Kem.X25519:
            return x25519
        return _mlkem_private(self).public_key().public_bytes_raw() + x25519

    @property
    def digest(self) -> bytes:
        """The digest of this key that the registry holds."""
        return sealing_key_digest(self.kem, self.public_bytes)

    def hpke_key(self) -> HpkePrivateKey:
        """The key for ``hpke.Suite.decrypt``."""
        if self.kem is Kem.X25519:
            return _x25519_private(self)
        return MLKEM768X25519PrivateKey(_mlkem_private(self), _x25519_private(self))


def sealing_key_digest(kem: Kem, public_key: bytes) -> bytes:
    """The digest of a sealing key, 32 bytes, as the registry holds it.

    Raises:
        SealingError: the kem has no keys, or the public key has another length.
    """
    require_kem(kem)
    require_length("sealing key", public_key, _PUBLIC_BYTES[kem])
    return hashlib.sha256(_DIGEST_LABEL + bytes([kem]) + public_key).digest()


def hpke_public_key(kem: Kem, public_key: bytes) -> HpkePublicKey:
    """The key for ``hpke.Suite.encrypt``.

    Raises:
        SealingError: the kem has no keys, or the bytes are not a key of it.
    """
    require_kem(kem)
    require_length("sealing key", public_key, _PUBLIC_BYTES[kem])
    try:
        x25519 = X25519PublicKey.from_public_bytes(public_key[-_X25519_BYTES:])
        if kem is Kem.X25519:
            return x25519
        return MLKEM768X25519PublicKey(
            MLKEM768PublicKey.from_public_bytes(public_key[:_MLKEM_PUBLIC_BYTES]), x25519
        )
    except ValueError as error:
        raise SealingError("the sealing key is not a public key of its kem") from error


def require_kem(kem: Kem) -> None:
    """Refuses a kem without keys.

    Raises:
        SealingError: it is neither X25519 nor X-Wing.
    """
    if kem not in _SECRET_BYTES:
        raise SealingError("unknown kem")


def _x25519_private(key: SealingPrivateKey) -> X25519PrivateKey:
    return X25519PrivateKey.from_private_bytes(key.secret[-_X25519_BYTES:])


def _mlkem_private(key: SealingPrivateKey) -> MLKEM768PrivateKey:
    return MLKEM768PrivateKey.from_seed_bytes(key.secret[:_MLKEM_SEED_BYTES])

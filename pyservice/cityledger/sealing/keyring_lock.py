"""The secret of a keyring: a passphrase or a key file, stretched by scrypt (RFC 7914) into its key."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from cityledger.errors import KeyringError, SealingError
from cityledger.sealing.context import KEY_BYTES, hkdf_sha256
from cityledger.sealing.wrap import NONCE_BYTES

DEFAULT_KDF_COST = 17
"""log2 of scrypt's N with r = 8, p = 1: 128 MiB and about 0.3 s for each guess (OWASP's first choice)."""
LOW_KDF_COST = 15
"""Below this a keyring is suitable for a devnet only, and its file states so."""
DEVNET_KDF_COST = 4
_MAX_KDF_COST = 22
_MIN_KEY_FILE_BYTES = 32
_LABEL = b"cityledger/v1/keyring/"


@dataclass(frozen=True, slots=True)
class UnlockSecret:
    """A passphrase or the bytes of a key file; the repr shows neither."""

    kind: str
    value: bytes = field(repr=False)

    @classmethod
    def from_passphrase(cls, passphrase: str) -> UnlockSecret:
        """Applies NFKC first, so that the same keys on another keyboard or system give the same bytes
        (NIST SP 800-63B).

        Raises:
            KeyringError: the passphrase is empty.
        """
        if not passphrase:
            raise KeyringError("the passphrase is empty")
        return cls("passphrase", unicodedata.normalize("NFKC", passphrase).encode("utf-8", "surrogatepass"))

    @classmethod
    def from_key_file(cls, path: Path) -> UnlockSecret:
        """All bytes of the file, at least 32 of them.

        Raises:
            KeyringError: the file cannot be read or is too short.
        """
        try:
            value = path.read_bytes()
        except OSError as error:
            raise KeyringError(f"the key file cannot be read: {error.strerror}") from error
        if len(value) < _MIN_KEY_FILE_BYTES:
            raise KeyringError(f"the key file has fewer than {_MIN_KEY_FILE_BYTES} bytes")
        return cls("key file", value)


@dataclass(frozen=True, slots=True)
class KeyringKey:
    """The key that seals everything in one keyring. The repr does not show it."""

    secret: bytes = field(repr=False)

    @classmethod
    def derive(cls, unlock: UnlockSecret, salt: bytes, kdf_cost: int) -> KeyringKey:
        """scrypt with N = 2^kdf_cost, r = 8, p = 1; the kind of secret is part of the password.

        Raises:
            KeyringError: the cost is out of range.
        """
        if not 1 <= kdf_cost <= _MAX_KDF_COST:
            raise KeyringError(f"the scrypt cost is not 1 to {_MAX_KDF_COST}")
        password = unlock.kind.encode() + b"\0" + unlock.value
        return cls(Scrypt(salt=salt, length=KEY_BYTES, n=1 << kdf_cost, r=8, p=1).derive(password))

    def seal_entry(self, name: str, plain: bytes, nonce: bytes) -> bytes:
        """nonce ‖ AES-256-GCM, bound to the entry's name so that no entry can replace another."""
        return nonce + AESGCM(self._subkey("entries")).encrypt(nonce, plain, _LABEL + name.encode())

    def open_entry(self, name: str, sealed: bytes) -> bytes:
        """The plain bytes that ``seal_entry`` sealed.

        Raises:
            SealingError: altered, of another entry, or of another keyring.
        """
        if len(sealed) < NONCE_BYTES:
            raise SealingError("the entry is cut off")
        nonce, ciphertext = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        try:
            return AESGCM(self._subkey("entries")).decrypt(nonce, ciphertext, _LABEL + name.encode())
        except InvalidTag as error:
            raise SealingError("the entry was altered, or is of another keyring or name") from error

    def account_passphrase(self) -> str:
        """The passphrase of the V3 keystores, 64 hex digits."""
        return self._subkey("accounts").hex()

    def _subkey(self, use: str) -> bytes:
        return hkdf_sha256(self.secret, b"", _LABEL + use.encode())

"""Wraps a record version's data key under the agency's vault key. Source: SPEC.md §5."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cityledger.errors import SealingError
from cityledger.sealing.context import KEY_BYTES, Context, require_length

WRAPPED_BYTES = 64
NONCE_BYTES = 12
_EPOCH_BYTES = 4
_LABEL = b"cityledger/v1/wrap"
ALTERED = "the wrapped data key was altered, or is another record's or version's"


class WrappingKey(Protocol):
    """The key-encryption key of one agency and epoch: AES-256-GCM with a tag of 16 bytes, in memory or in a
    security module. ``epoch`` is a uint32."""

    @property
    def epoch(self) -> int: ...

    def encrypt(self, nonce: bytes, plain: bytes, associated: bytes) -> bytes:
        """The sealed bytes and their tag.

        Raises:
            KeyUnavailableError: the security module does not answer.
        """
        ...

    def decrypt(self, nonce: bytes, sealed: bytes, associated: bytes) -> bytes:
        """The plain bytes of ``encrypt``.

        Raises:
            SealingError: altered, or sealed with another key or other associated data.
            KeyUnavailableError: the security module does not answer.
        """
        ...


@dataclass(frozen=True, slots=True)
class VaultKey:
    """A wrapping key in memory. ``key`` is 32 bytes and not in the repr; ``is_outside`` if the keyring does
    not store it."""

    epoch: int
    key: bytes = field(repr=False)
    is_outside: bool = field(default=False, repr=False)

    def __post_init__(self) -> None:
        require_length("vault key", self.key, KEY_BYTES)
        if not 0 <= self.epoch < 2**32:
            raise SealingError("vault key epoch is not a uint32")

    def encrypt(self, nonce: bytes, plain: bytes, associated: bytes) -> bytes:
        return AESGCM(self.key).encrypt(nonce, plain, associated)

    def decrypt(self, nonce: bytes, sealed: bytes, associated: bytes) -> bytes:
        try:
            return AESGCM(self.key).decrypt(nonce, sealed, associated)
        except InvalidTag as error:
            raise SealingError(ALTERED) from error


def wrap(data_key: bytes, vault_key: WrappingKey, context: Context, nonce: bytes) -> bytes:
    """u32 epoch ‖ nonce ‖ sealed data key: 64 bytes. ``nonce`` is 12 random bytes, never used twice with this
    vault key."""
    require_length("data key", data_key, KEY_BYTES)
    require_length("nonce", nonce, NONCE_BYTES)
    sealed = vault_key.encrypt(nonce, data_key, _associated(vault_key.epoch, context))
    return _epoch_bytes(vault_key.epoch) + nonce + sealed


def unwrap(wrapped: bytes, vault_keys: Mapping[int, WrappingKey], context: Context) -> bytes:
    """The data key (32 bytes) inside ``wrapped``, with the vault key of the epoch that it names.

    Raises:
        SealingError: not 64 bytes, an epoch without a key, altered, or wrapped for another record or version.
    """
    require_length("wrapped data key", wrapped, WRAPPED_BYTES)
    epoch = wrapped_epoch(wrapped)
    vault_key = vault_keys.get(epoch)
    if vault_key is None:
        raise SealingError(f"no vault key of epoch {epoch}")
    nonce, sealed = wrapped[_EPOCH_BYTES : _EPOCH_BYTES + NONCE_BYTES], wrapped[_EPOCH_BYTES + NONCE_BYTES :]
    return vault_key.decrypt(nonce, sealed, _associated(epoch, context))


def wrapped_epoch(wrapped: bytes) -> int:
    """The epoch of the vault key that ``wrapped`` names; not authenticated before ``unwrap``."""
    return int.from_bytes(wrapped[:_EPOCH_BYTES], "big")


def _epoch_bytes(epoch: int) -> bytes:
    return epoch.to_bytes(_EPOCH_BYTES, "big")


def _associated(epoch: int, context: Context) -> bytes:
    return _LABEL + _epoch_bytes(epoch) + context.packed

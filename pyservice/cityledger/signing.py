"""Signatures of an account of the chain, independent of where its key is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from eth_account.signers.local import LocalAccount
from eth_typing import Hash32

from cityledger.keccak import keccak


class Signer(Protocol):
    """An account whose key may be in memory, on another machine or in a security module."""

    @property
    def address(self) -> str:
        """The address, with a checksum (EIP-55)."""
        ...

    def sign(self, preimage: bytes) -> bytes:
        """r ‖ s ‖ v over ``keccak(preimage)``: 65 bytes, s in the lower half, v 27 or 28.

        The bytes before hashing, because a remote signer hashes them itself.

        Raises:
            KeyUnavailableError: the key's keeper does not answer now.
            KeyringError: it answered with something else than this account's signature.
        """
        ...


@dataclass(frozen=True, slots=True)
class LocalSigner:
    """Signs with a key in memory. Deterministic (RFC 6979)."""

    account: LocalAccount

    @property
    def address(self) -> str:
        return str(self.account.address)

    def sign(self, preimage: bytes) -> bytes:
        return bytes(self.account.unsafe_sign_hash(Hash32(keccak(preimage))).signature)


Account = LocalAccount | Signer
"""Accepted by every function that signs."""


def as_signer(account: Account) -> Signer:
    """``account`` as a signer."""
    return LocalSigner(account) if isinstance(account, LocalAccount) else account

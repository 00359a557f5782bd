"""Signatures from outside the process, in the only form that the contracts and verifiers accept."""

from __future__ import annotations

from eth_keys.constants import SECPK1_N

from cityledger.errors import KeyringError, VerificationError
from cityledger.keccak import keccak
from cityledger.proofs.signatures import recover_signer

_PLACES = (27, 28)


def canonical_signature(address: str, preimage: bytes, rs: bytes) -> bytes:
    """r ‖ s ‖ v of ``address`` over ``keccak(preimage)`` from r ‖ s (64 bytes): s in the lower half, and the
    v that leads to the account.

    Raises:
        KeyringError: it is not a signature of this account.
    """
    r, s = rs[:32], int.from_bytes(rs[32:64], "big")
    low = r + min(s, -s % SECPK1_N).to_bytes(32, "big")
    for v in _PLACES:
        signature = low + bytes([v])
        if _signer(keccak(preimage), signature) == address:
            return signature
    raise KeyringError(f"the key source of {address} answered with another account's signature")


def _signer(digest: bytes, signature: bytes) -> str:
    try:
        return recover_signer(digest, signature)
    except VerificationError:
        return ""

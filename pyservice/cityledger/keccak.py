"""Keccak-256 as Ethereum uses it (the padding of the original submission, not of SHA-3)."""

from __future__ import annotations

from Crypto.Hash import keccak as _pycryptodome


def keccak(data: bytes) -> bytes:
    """The 32-byte Keccak-256 digest of ``data``."""
    return _pycryptodome.new(data=data, digest_bits=256).digest()

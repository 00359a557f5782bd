"""Keccak-256 as Ethereum uses it (the padding of the original submission, not of SHA-3)."""

from __future__ import annotations

try:
    from sha3 import keccak_256 as _fast
except ImportError:  # a client's base install hashes little and has fewer compiled packages
    _fast = None

from Crypto.Hash import keccak as _pycryptodome


def portable_keccak(data: bytes) -> bytes:
    """As ``keccak``, by the library that every install has. About five times slower."""
    return _pycryptodome.new(data=data, digest_bits=256).digest()


def _fast_keccak(data: bytes) -> bytes:
    digest: bytes = _fast(data).digest()
    return digest


keccak = portable_keccak if _fast is None else _fast_keccak
"""``keccak(data)`` is the 32-byte Keccak-256 digest of ``data``."""

"""A block's bloom filter over the addresses and topics of its logs. It never excludes a value that the block
has, and rarely admits one that it has not.
"""

from __future__ import annotations

from functools import cache

from cityledger.keccak import keccak


def may_hold(bloom: bytes, *values: bytes) -> bool:
    """Whether the block may have logs with all of the values: addresses (20 bytes) or topics (32)."""
    bits = int.from_bytes(bloom, "big")
    return all(bits & mask == mask for mask in map(_mask, values))


@cache
def _mask(value: bytes) -> int:
    """Three bits of 2048, as the Yellow Paper (section 4.3.1) derives them from the hash."""
    hashed, mask = keccak(value), 0
    for at in (0, 2, 4):
        mask |= 1 << (int.from_bytes(hashed[at : at + 2], "big") & 2047)
    return mask

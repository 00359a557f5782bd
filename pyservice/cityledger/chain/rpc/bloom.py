"""A block's bloom filter, which says whether the block may hold our events: never no for a block that has
some, and rarely yes for one that has none. The events themselves are proven by the receipts root.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from eth_utils.address import to_canonical_address

from cityledger.chain.contracts.decoding import LoggedEvent, topics_by_name
from cityledger.keccak import keccak
from cityledger.types import Address


def may_hold(bloom: bytes, addresses: Iterable[Address]) -> bool:
    """Whether the block may hold a log of these contracts. Topics are not compared: an event of a kind that
    is unknown here has to be found, and stops the index.
    """
    bits = int.from_bytes(bloom, "big")
    return any(_holds(bits, to_canonical_address(address)) for address in addresses)


def find_foreign(bloom: bytes, events: Iterable[LoggedEvent]) -> LoggedEvent | None:
    """An event that cannot be of the block with this filter, None where there is none."""
    bits = int.from_bytes(bloom, "big")
    for one in events:
        topic = topics_by_name()[type(one.event).__name__]
        if not (_holds(bits, to_canonical_address(one.address)) and _holds(bits, topic)):
            return one
    return None


def _holds(bits: int, value: bytes) -> bool:
    mask = _mask(value)
    return bits & mask == mask


@cache
def _mask(value: bytes) -> int:
    """Three bits of 2048, as the Yellow Paper (section 4.3.1) takes them from the hash."""
    hashed, mask = keccak(value), 0
    for at in (0, 2, 4):
        mask |= 1 << (int.from_bytes(hashed[at : at + 2], "big") & 2047)
    return mask

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cityledger.chain.rpc.bloom import may_hold
from cityledger.keccak import keccak

OURS, OTHER, TOPIC = b"\x11" * 20, b"\x22" * 20, keccak(b"an event")


def bloom_of(*values: bytes) -> bytes:
    """By go-ethereum's way of writing it: bits counted from the last byte."""
    bits = bytearray(256)
    for value in values:
        hashed = keccak(value)
        for at in (0, 2, 4):
            bit = ((hashed[at] << 8) | hashed[at + 1]) % 2048
            bits[255 - bit // 8] |= 1 << bit % 8
    return bytes(bits)


def test_may_hold_excludes_every_value_from_an_empty_bloom() -> None:
    assert not may_hold(bytes(256), OURS)
    assert not may_hold(bytes(256), OURS, TOPIC)


def test_may_hold_admits_a_value_whatever_else_the_block_has() -> None:
    assert may_hold(bloom_of(OTHER, OURS, TOPIC), OURS)


def test_may_hold_needs_all_of_the_values() -> None:
    assert not may_hold(bloom_of(OURS), OURS, TOPIC)
    assert not may_hold(bloom_of(TOPIC), OURS, TOPIC)
    assert may_hold(bloom_of(OURS, TOPIC), OURS, TOPIC)


@given(noise=st.lists(st.binary(min_size=20, max_size=32), max_size=300))
def test_may_hold_never_excludes_a_value_of_the_block(noise: list[bytes]) -> None:
    assert may_hold(bloom_of(OURS, TOPIC, *noise), OURS, TOPIC)

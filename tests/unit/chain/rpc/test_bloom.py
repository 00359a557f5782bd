from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cityledger.chain.contracts.decoding import Event, LogClosed, LoggedEvent, PurposeSet, topics_by_name
from cityledger.chain.rpc.bloom import find_foreign, may_hold
from cityledger.keccak import keccak
from cityledger.types import Address, LogId, Purpose
from support.chain.manifests import address

OURS, THEIRS = address(100), address(900)
PURPOSE = PurposeSet(Purpose(bytes(32)), is_listed=True)
CLOSED = LogClosed(LogId(1))


def bloom_of(*values: bytes) -> bytes:
    """By go-ethereum's way of writing it: bits counted from the last byte."""
    bits = bytearray(256)
    for value in values:
        hashed = keccak(value)
        for at in (0, 2, 4):
            bit = ((hashed[at] << 8) | hashed[at + 1]) % 2048
            bits[255 - bit // 8] |= 1 << bit % 8
    return bytes(bits)


def logged(event: Event, at: Address = OURS) -> LoggedEvent:
    return LoggedEvent(event, at, 1, bytes(32), bytes(32), 0)


def bloom_of_events(*events: LoggedEvent) -> bytes:
    values: list[bytes] = []
    for one in events:
        values += [bytes.fromhex(one.address[2:]), topics_by_name()[type(one.event).__name__]]
    return bloom_of(*values)


def test_an_empty_bloom_admits_nothing_and_excludes_every_event() -> None:
    assert not may_hold(bytes(256), [OURS])
    assert find_foreign(bytes(256), [logged(PURPOSE)]) == logged(PURPOSE)


def test_a_contract_of_ours_is_admitted_whatever_the_event() -> None:
    assert may_hold(bloom_of(bytes.fromhex(OURS[2:]), b"a kind that is unknown here"), [address(101), OURS])


def test_events_of_others_are_none_of_ours() -> None:
    assert not may_hold(bloom_of_events(logged(PURPOSE, THEIRS)), [OURS])


@given(noise=st.lists(st.binary(min_size=20, max_size=32), max_size=300))
def test_whatever_else_a_block_holds_it_is_admitted(noise: list[bytes]) -> None:
    whole = int.from_bytes(bloom_of_events(logged(PURPOSE)), "big") | int.from_bytes(bloom_of(*noise), "big")
    assert may_hold(whole.to_bytes(256, "big"), [OURS])
    assert find_foreign(whole.to_bytes(256, "big"), [logged(PURPOSE), logged(CLOSED)]) in (
        None,
        logged(CLOSED),
    )

from __future__ import annotations

import itertools
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cityledger.errors import SealingError, VerificationError
from cityledger.sealing.context import derive_part_keys
from cityledger.sealing.envelope import (
    HEADER_BYTES,
    SEALED_SEGMENT_BYTES,
    ciphertext_digest,
    commitment,
    seal,
)
from cityledger.sealing.padding import ROOM_BYTES, SEGMENT_BYTES
from cityledger.sealing.streaming import SealingStream, open_stream, verify_stream
from cityledger.types import Aead

CONTEXT = b"\x07" * 32
KEYS = derive_part_keys(b"\x01" * 32, CONTEXT, Aead.AES_256_GCM)
SIZES = st.sampled_from(
    [0, 1, 512, 513, ROOM_BYTES - 1, ROOM_BYTES, ROOM_BYTES + 1, 2 * ROOM_BYTES, 3 * SEGMENT_BYTES + 5]
)


def _cut(data: bytes, sizes: list[int]) -> Iterator[bytes]:
    """The data in pieces of these sizes, again and again."""
    start = 0
    for size in itertools.cycle(sizes):
        if start >= len(data):
            return
        yield data[start : start + size]
        start += size


@settings(max_examples=60, deadline=None)
@given(size=SIZES, cuts=st.lists(st.integers(1, 200_000), min_size=1, max_size=4), aead=st.sampled_from(Aead))
def test_stream_seals_and_opens_the_very_bytes_of_the_envelope(
    size: int, cuts: list[int], aead: Aead
) -> None:
    keys = derive_part_keys(b"\x01" * 32, CONTEXT, aead)
    payload = bytes(range(256)) * (size // 256 + 1)
    payload = payload[:size]
    stream = SealingStream(_cut(payload, cuts), keys, CONTEXT, aead, 9)

    ciphertext = b"".join(stream)

    assert ciphertext == seal(payload, keys, CONTEXT, aead, 9)
    assert (stream.digest, stream.sealed_bytes) == (ciphertext_digest(ciphertext), len(ciphertext))
    assert (stream.commitment, stream.payload_bytes) == (commitment(keys.opening, payload), size)
    assert b"".join(open_stream(_cut(ciphertext, cuts), keys, CONTEXT)) == payload
    assert verify_stream(_cut(ciphertext, cuts), keys, CONTEXT, stream.digest, stream.commitment) == size


PAYLOAD = bytes(2 * SEGMENT_BYTES + 100)
CIPHERTEXT = seal(PAYLOAD, KEYS, CONTEXT, Aead.AES_256_GCM, 9)
ONE, TWO = HEADER_BYTES + SEALED_SEGMENT_BYTES, HEADER_BYTES + 2 * SEALED_SEGMENT_BYTES
ALTERED = {
    "empty": b"",
    "cut in the header": CIPHERTEXT[:20],
    "header only": CIPHERTEXT[:HEADER_BYTES],
    "cut after a segment": CIPHERTEXT[:ONE],
    "cut after two": CIPHERTEXT[:TWO],
    "cut in a segment": CIPHERTEXT[:-1],
    "segments swapped": CIPHERTEXT[:HEADER_BYTES]
    + CIPHERTEXT[ONE:TWO]
    + CIPHERTEXT[HEADER_BYTES:ONE]
    + CIPHERTEXT[TWO:],
    "a byte more": CIPHERTEXT + b"\0",
    "a segment twice": CIPHERTEXT + CIPHERTEXT[TWO:],
    "a bit turned": CIPHERTEXT[:100] + bytes([CIPHERTEXT[100] ^ 1]) + CIPHERTEXT[101:],
    "another's kc": CIPHERTEXT[:8] + bytes(32) + CIPHERTEXT[40:],
}


@pytest.mark.parametrize("ciphertext", ALTERED.values(), ids=ALTERED)
def test_open_stream_refuses_every_alteration(ciphertext: bytes) -> None:
    with pytest.raises(SealingError):
        list(open_stream(_cut(ciphertext, [1_000]), KEYS, CONTEXT))


def test_open_stream_checks_the_key_before_the_first_segment() -> None:
    other = derive_part_keys(b"\x02" * 32, CONTEXT, Aead.AES_256_GCM)

    with pytest.raises(SealingError, match="another key"):
        next(open_stream([CIPHERTEXT], other, CONTEXT))


def test_verify_stream_refuses_another_ciphertext_or_payload_than_the_leaf_names() -> None:
    digest, committed = ciphertext_digest(CIPHERTEXT), commitment(KEYS.opening, PAYLOAD)
    assert verify_stream([CIPHERTEXT], KEYS, CONTEXT, digest, committed) == len(PAYLOAD)

    with pytest.raises(VerificationError):
        verify_stream([CIPHERTEXT], KEYS, CONTEXT, bytes(32), committed)
    with pytest.raises(SealingError, match="commitment"):
        verify_stream([CIPHERTEXT], KEYS, CONTEXT, digest, bytes(32))


def test_streams_hold_a_few_segments_however_long_they_are() -> None:
    def payload() -> Iterator[bytes]:
        return (bytes(SEGMENT_BYTES) for _ in range(400))

    tracemalloc.start()
    try:
        stream = SealingStream(payload(), KEYS, CONTEXT, Aead.AES_256_GCM, 9)
        opened = sum(len(plain) for plain in open_stream(stream, KEYS, CONTEXT))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert opened == 400 * SEGMENT_BYTES
    assert peak < 20 * SEGMENT_BYTES

"""Empty gzip members, and empty blocks within one, cost work and gave no byte that a limit would count
(audit 17).
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator

import pytest

from cityledger.errors import TooLargeError
from cityledger.formats.compression import Limits, unpacked

LIMITS = Limits(1 << 30)
EMPTY = gzip.compress(b"")


def _endless(first: bytes, repeated: bytes) -> Iterator[bytes]:
    """Chunks as they come over HTTP, so many that a test that read them all would not end."""
    yield first
    while True:
        yield repeated * (65_536 // len(repeated))


def _unpack(chunks: Iterator[bytes]) -> int:
    return sum(len(chunk) for chunk in unpacked(chunks, LIMITS))


def test_a_file_of_empty_members_is_refused() -> None:
    with pytest.raises(TooLargeError, match="more members"):
        _unpack(_endless(gzip.compress(b"id\n"), EMPTY))


def test_a_member_of_empty_blocks_is_refused() -> None:
    packer = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
    header = packer.compress(b"id\n") + packer.flush(zlib.Z_SYNC_FLUSH)

    with pytest.raises(TooLargeError, match="longer than its content"):
        _unpack(_endless(header, b"\x00\x00\x00\xff\xff"))


def test_a_header_that_does_not_end_is_refused() -> None:
    with pytest.raises(TooLargeError, match="longer than its content"):
        _unpack(_endless(b"\x1f\x8b\x08\x08" + bytes(6), b"a"))


def test_members_of_an_honest_size_pass_in_any_number() -> None:
    plain = bytes(range(256)) * 8
    member = gzip.compress(plain, 1)

    assert _unpack(iter([member * 3_000])) == 3_000 * len(plain)


def test_a_file_that_does_not_compress_passes() -> None:
    noise = zlib.compress(b"", 0) + bytes((i * i * 7919 >> 3) & 255 for i in range(300_000))

    assert _unpack(iter([gzip.compress(noise, 0)] * 10)) == 10 * len(noise)

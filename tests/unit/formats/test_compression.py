"""gzip is known by its content, unpacked in bounded memory, and never a bomb."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityledger.errors import FormatError, InputError, TooLargeError
from cityledger.formats.compression import CHUNK_BYTES, Limits, unpacked

LIMITS = Limits(1 << 30)


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def plain(data: bytes, size: int = 65_536, limits: Limits = LIMITS) -> bytes:
    return b"".join(unpacked(pieces(data, size), limits))


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=3), st.integers(1, 70))
def test_members_in_any_pieces_come_out_as_they_went_in(members: list[bytes], size: int) -> None:
    packed = b"".join(gzip.compress(one) for one in members)
    assert plain(packed, size) == b"".join(members)


@given(st.binary(max_size=200).filter(lambda data: not data.startswith(b"\x1f\x8b")), st.integers(1, 50))
def test_what_is_not_gzip_comes_out_as_it_is(data: bytes, size: int) -> None:
    assert plain(data, size) == data


@given(st.binary(min_size=1, max_size=300), st.data())
def test_a_file_cut_off_anywhere_is_refused(data: bytes, draw: st.DataObject) -> None:
    packed = gzip.compress(data)
    cut = draw.draw(st.integers(2, len(packed) - 1))
    with pytest.raises(FormatError, match="cut off"):
        plain(packed[:cut])


@given(st.binary(min_size=1, max_size=60))
def test_what_goes_on_after_the_end_is_refused_unless_it_is_a_member(tail: bytes) -> None:
    with pytest.raises(FormatError):
        plain(gzip.compress(b"x") + b"\0" + tail)


@given(st.binary(max_size=100))
def test_bytes_that_only_begin_like_gzip_raise_nothing_else(tail: bytes) -> None:
    with pytest.raises(InputError):
        plain(b"\x1f\x8b" + tail)


def test_a_bomb_is_refused_by_its_density_before_it_is_unpacked() -> None:
    with pytest.raises(TooLargeError, match="200 times"):
        plain(gzip.compress(bytes(50_000_000)))


def test_a_small_dense_file_is_taken() -> None:
    assert plain(gzip.compress(bytes(2_000_000))) == bytes(2_000_000)


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "packed"])
def test_the_limit_counts_plain_bytes(packed: bool) -> None:
    data = zlib.compress(b"")[:3] + bytes(range(256)) * 4
    packed_data = gzip.compress(data) if packed else data
    assert plain(packed_data, limits=Limits(len(data))) == data
    with pytest.raises(TooLargeError, match="longer than"):
        plain(packed_data, limits=Limits(len(data) - 1))


def test_chunks_and_memory_are_bounded() -> None:
    line = b"".join(zlib.crc32(b"%d" % n).to_bytes(4, "big") * 12 for n in range(200_000))
    packed = gzip.compress(line)
    tracemalloc.start()
    total = longest = 0
    for chunk in unpacked(pieces(packed, 65_536), LIMITS):
        total += len(chunk)
        longest = max(longest, len(chunk))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert (total, longest <= CHUNK_BYTES) == (len(line), True)
    assert peak < 8 * CHUNK_BYTES

"""Compressed files: gzip (RFC 1952) is recognized by its first two bytes, and unpacked as a stream."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cityledger.errors import FormatError, TooLargeError

GZIP_MAGIC = b"\x1f\x8b"
CHUNK_BYTES = 262_144
MAX_RATIO = 200
"""Text compresses to a tenth, rarely to a fiftieth; a bomb unpacks to a thousandfold."""
_RATIO_FROM_BYTES = 8_388_608
"""Up to this much plain text a high ratio is harmless."""
_EMPTY_MEMBERS = 1_000
_PLAIN_BYTES_A_MEMBER = 1_024
"""Programs that write many members (bgzip) fill each with 64 KiB; even an empty one costs an inflater."""
_WASTE_BYTES = 1_048_576
"""Maximum excess of packed over plain bytes: names in headers, and chunks that are unpacked later."""
_GZIP_WINDOW = 16 + zlib.MAX_WBITS


@dataclass(frozen=True, slots=True)
class Limits:
    """``plain_bytes`` bounds the unpacked bytes; ``ratio`` is their maximum multiple of the packed bytes."""

    plain_bytes: int
    ratio: int = MAX_RATIO


def unpacked(chunks: Iterable[bytes], limits: Limits) -> Iterator[bytes]:
    """The plain bytes in chunks of bounded size, whether the source is gzip or not; constant memory.

    Raises:
        TooLargeError: more plain bytes than the limit, or a higher compression ratio than is accepted, or
            more members or packed bytes than so few plain bytes need.
        FormatError: begins like gzip but is not gzip, is cut off, or continues after its end.
    """
    source = iter(chunks)
    first = b""
    while len(first) < len(GZIP_MAGIC) and (chunk := next(source, None)) is not None:
        first += chunk
    whole = _chain(first, source)
    plain = _gunzipped(whole, limits) if first.startswith(GZIP_MAGIC) else whole
    total = 0
    for chunk in plain:
        total += len(chunk)
        if total > limits.plain_bytes:
            raise TooLargeError("", f"the file is longer than {limits.plain_bytes} bytes")
        yield chunk


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from rest


def _gunzipped(chunks: Iterator[bytes], limits: Limits) -> Iterator[bytes]:
    packed = plain = members = 0
    for chunk, taken, begun in _members(chunks):
        packed += taken
        plain += len(chunk)
        members += begun
        if members > _EMPTY_MEMBERS + plain // _PLAIN_BYTES_A_MEMBER:
            raise TooLargeError("", "the gzip file has more members than its content needs")
        if packed > _WASTE_BYTES + 2 * plain:
            raise TooLargeError("", "the gzip file is longer than its content")
        if plain > _RATIO_FROM_BYTES and plain > limits.ratio * packed:
            raise TooLargeError("", f"the file unpacks to more than {limits.ratio} times its size")
        if chunk:
            yield chunk


def _members(chunks: Iterator[bytes]) -> Iterator[tuple[bytes, int, int]]:
    """``(plain bytes, packed bytes read for them, members begun)``; a gzip file may have several members
    (RFC 1952 §2.2).
    """
    inflater = zlib.decompressobj(_GZIP_WINDOW)
    for chunk in chunks:
        pending, taken, begun = chunk, len(chunk), 0
        while pending:
            if inflater.eof:
                inflater, begun = zlib.decompressobj(_GZIP_WINDOW), 1
            yield _inflated(inflater, pending), taken, begun
            pending, taken, begun = inflater.unconsumed_tail or inflater.unused_data, 0, 0
    while not inflater.eof and (more := _inflated(inflater, inflater.unconsumed_tail)):
        yield more, 0, 0
    if not inflater.eof:
        raise FormatError("", "the gzip file is cut off")


def _inflated(inflater: zlib._Decompress, packed: bytes) -> bytes:
    try:
        return inflater.decompress(packed, CHUNK_BYTES)
    except zlib.error:
        raise FormatError("", "begins like gzip, but is not gzip or is damaged") from None

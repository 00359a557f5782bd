"""The envelope for payloads that do not fit in memory: the same bytes as ``envelope``, one segment at a time.

A payload that is sent as a stream is read twice: ``verify_stream`` reads all of it and makes every check of
SPEC.md §5, and only then ``open_stream`` yields plaintext. The second read authenticates it again, segment by
segment.
"""

from __future__ import annotations

import hashlib
import hmac
import itertools
from collections.abc import Callable, Iterable, Iterator

from cityledger.errors import SealingError, VerificationError
from cityledger.sealing.context import PartKeys
from cityledger.sealing.envelope import (
    HEADER_BYTES,
    SEALED_SEGMENT_BYTES,
    Header,
    open_segment,
    parse_header,
    seal_segments,
)
from cityledger.sealing.padding import Unpadding
from cityledger.types import Aead


class SealingStream:
    """Yields the ciphertext when iterated, once; afterwards it has the digests for the leaf."""

    def __init__(
        self, payload: Iterable[bytes], keys: PartKeys, context: bytes, aead: Aead, padding: int
    ) -> None:
        self._sealed = seal_segments(self._tee(payload), keys, context, aead, padding)
        self._digest = hashlib.sha256()
        self._commitment = hmac.new(keys.opening, digestmod=hashlib.sha256)
        self.payload_bytes = 0
        self.sealed_bytes = 0

    def __iter__(self) -> Iterator[bytes]:
        for sealed in self._sealed:
            self._digest.update(sealed)
            self.sealed_bytes += len(sealed)
            yield sealed

    @property
    def digest(self) -> bytes:
        """SHA-256 of the ciphertext, 32 bytes."""
        return self._digest.digest()

    @property
    def commitment(self) -> bytes:
        """HMAC-SHA256 of the payload under the part's opening, 32 bytes."""
        return self._commitment.digest()

    def _tee(self, payload: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in payload:
            self._commitment.update(chunk)
            self.payload_bytes += len(chunk)
            yield chunk


def verify_stream(
    ciphertext: Iterable[bytes], keys: PartKeys, context: bytes, digest: bytes, committed: bytes
) -> int:
    """Makes every check of SPEC.md §5 over a whole ciphertext; returns the payload's length in bytes.

    ``digest`` and ``committed`` are those of the record's leaf, 32 bytes each.

    Raises:
        SealingError: as ``envelope.open_sealed``.
        VerificationError: it is not the ciphertext that the leaf names.
    """
    hasher = hashlib.sha256()
    payload = hmac.new(keys.opening, digestmod=hashlib.sha256)
    payload_bytes = 0
    for plain in open_stream(_hashed(ciphertext, hasher.update), keys, context):
        payload.update(plain)
        payload_bytes += len(plain)
    if hasher.digest() != digest:
        raise VerificationError("the ciphertext is not the one that the record leaf names")
    if not hmac.compare_digest(payload.digest(), committed):
        raise SealingError("the payload does not match its commitment")
    return payload_bytes


def open_stream(ciphertext: Iterable[bytes], keys: PartKeys, context: bytes) -> Iterator[bytes]:
    """The payload in pieces, each authenticated before it is yielded; use ``verify_stream`` first.

    Raises:
        SealingError: sealed under another key, altered, cut off, continued or padded otherwise; the bytes
            yielded before are authentic, the rest is missing.
    """
    header, sealed = _split(iter(ciphertext))
    if not hmac.compare_digest(header.kc, keys.kc):
        raise SealingError("sealed under another key")
    unpadding = Unpadding(header.padding)
    for number, is_last, segment in sealed:
        if payload := unpadding.take(open_segment(header, keys, context, number, is_last, segment)):
            yield payload
    unpadding.finish()


def _hashed(chunks: Iterable[bytes], update: Callable[[bytes], None]) -> Iterator[bytes]:
    for chunk in chunks:
        update(chunk)
        yield chunk


def _split(chunks: Iterator[bytes]) -> tuple[Header, Iterator[tuple[int, bool, bytes]]]:
    """The header, and the sealed segments as (number, is last, segment)."""
    buffer = bytearray()
    while len(buffer) < HEADER_BYTES and (chunk := next(chunks, None)) is not None:
        buffer += chunk
    return parse_header(bytes(buffer[:HEADER_BYTES])), _segments(bytes(buffer[HEADER_BYTES:]), chunks)


def _segments(first: bytes, chunks: Iterator[bytes]) -> Iterator[tuple[int, bool, bytes]]:
    buffer, number = bytearray(), 0
    for chunk in itertools.chain([first], chunks):
        buffer += chunk
        # Strictly more: a segment is only known not to be the last when a byte follows it.
        while len(buffer) > SEALED_SEGMENT_BYTES:
            yield number, False, bytes(buffer[:SEALED_SEGMENT_BYTES])
            del buffer[:SEALED_SEGMENT_BYTES]
            number += 1
    yield number, True, bytes(buffer)

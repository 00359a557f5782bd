"""The envelope of one part: header ‖ segments, and the commitment to its payload. Source: SPEC.md §5.

For payloads that fit in memory; ``streaming`` makes and opens the same bytes without holding them.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

from cityledger.errors import SealingError
from cityledger.sealing.context import PartKeys, require_length
from cityledger.types import Aead

MAGIC = b"CLE1"
SEGMENT_EXPONENT = 16
SEGMENT_BYTES = 1 << SEGMENT_EXPONENT
TAG_BYTES = 16
HEADER_BYTES = 40
SEALED_SEGMENT_BYTES = SEGMENT_BYTES + TAG_BYTES
_CIPHERS: dict[Aead, type[AESGCM] | type[ChaCha20Poly1305]] = {
    Aead.AES_256_GCM: AESGCM,
    Aead.CHACHA20_POLY1305: ChaCha20Poly1305,
}


@dataclass(frozen=True, slots=True)
class Header:
    """The first 40 bytes of a ciphertext. ``raw`` is what the segments authenticate."""

    aead: Aead
    kc: bytes
    raw: bytes


def seal(payload: bytes, keys: PartKeys, context: bytes, aead: Aead) -> bytes:
    """The ciphertext of a payload (0 bytes or more). Deterministic: one data key seals one version once.

    ``keys`` must come from ``derive_part_keys`` with the same ``context`` (32 bytes) and ``aead``.
    """
    return b"".join(seal_segments((payload,), keys, context, aead))


def seal_segments(chunks: Iterable[bytes], keys: PartKeys, context: bytes, aead: Aead) -> Iterator[bytes]:
    """``seal`` for a payload that arrives in chunks of any size: yields the header, then each sealed
    segment."""
    require_length("part context", context, 32)
    header = _header(aead, keys.kc)
    cipher = _CIPHERS[aead](keys.part_key)
    yield header
    for number, is_last, plain in _plain_segments(chunks):
        # A fixed nonce sequence is safe: the part key is fresh for each record version, and (number, last)
        # never repeats.
        yield cipher.encrypt(_nonce(number, is_last), plain, header + context)


def open_sealed(ciphertext: bytes, keys: PartKeys, context: bytes, committed: bytes) -> bytes:
    """The payload, after every check of SPEC.md §5 in its order.

    ``context`` is ``Context.for_part`` and ``committed`` the commitment that stands in the record's leaf, 32
    bytes each.

    Raises:
        SealingError: altered, truncated, re-ordered, trailing bytes, another key, part, record or version, or
            another payload than the leaf commits to. No plaintext has left by then.
    """
    require_length("part context", context, 32)
    # (1) magic, aead, exponent and reserved bytes.
    header = parse_header(ciphertext)
    # (2) The header's key commitment, in constant time. Without it one ciphertext could open under two keys.
    if not hmac.compare_digest(header.kc, keys.kc):
        raise SealingError("sealed under another key")
    # (3) each segment, (4) the last flag and that nothing follows.
    payload = b"".join(_open_segments(memoryview(ciphertext)[HEADER_BYTES:], header, keys, context))
    # (5) The commitment. Whoever released the keys chose them freely; only this ties the payload to the
    # anchored leaf.
    verify_commitment(keys.opening, payload, committed)
    return payload


def parse_header(ciphertext: bytes) -> Header:
    """The header of a ciphertext; its ``aead`` tells which part key to derive.

    Raises:
        SealingError: shorter than a header, or magic, aead, exponent or reserved bytes are not ours.
    """
    raw = bytes(ciphertext[:HEADER_BYTES])
    if len(raw) != HEADER_BYTES:
        raise SealingError("ciphertext is shorter than its header")
    if raw[:4] != MAGIC:
        raise SealingError("not a sealed part: wrong magic")
    if raw[4] not in tuple(Aead):
        raise SealingError("unknown aead")
    if raw[5] != SEGMENT_EXPONENT:
        raise SealingError("unknown segment size")
    if raw[6:8] != b"\0\0":
        raise SealingError("reserved bytes are not zero")
    return Header(Aead(raw[4]), raw[8:], raw)


def payload_length(sealed_bytes: int) -> int:
    """The length in bytes of the payload behind a ciphertext of ``sealed_bytes``; 0 is an absent part.

    Raises:
        SealingError: no ciphertext has that length.
    """
    segments = max(1, -(-(sealed_bytes - HEADER_BYTES) // SEALED_SEGMENT_BYTES))
    length = sealed_bytes - HEADER_BYTES - segments * TAG_BYTES
    if length < 0:
        raise SealingError("no ciphertext has this length")
    return length


def ciphertext_digest(ciphertext: bytes) -> bytes:
    """SHA-256 of the whole ciphertext, as the part's leaf holds it."""
    return hashlib.sha256(ciphertext).digest()


def commitment(opening: bytes, payload: bytes) -> bytes:
    """HMAC-SHA256 of the exact payload bytes under the part's opening (32 bytes), as the part's leaf holds
    it."""
    require_length("opening", opening, 32)
    return hmac.digest(opening, payload, "sha256")


def verify_commitment(opening: bytes, payload: bytes, committed: bytes) -> None:
    """Refuse a payload that the commitment is not of.

    Raises:
        SealingError: it is not.
    """
    if not hmac.compare_digest(commitment(opening, payload), committed):
        raise SealingError("the payload is not the one committed to")


def _header(aead: Aead, kc: bytes) -> bytes:
    return MAGIC + bytes([aead, SEGMENT_EXPONENT, 0, 0]) + kc


def _nonce(number: int, is_last: bool) -> bytes:
    return bytes(7) + number.to_bytes(4, "big") + bytes([is_last])


def _plain_segments(chunks: Iterable[bytes]) -> Iterator[tuple[int, bool, bytes]]:
    """(number, is last, plain segment), all full but the last. An empty payload gives one empty last
    segment."""
    number, waiting = 0, b""
    for chunk in chunks:
        waiting += chunk
        start = 0
        # Strictly more: a segment is only known not to be the last when a byte follows it.
        while len(waiting) - start > SEGMENT_BYTES:
            yield number, False, waiting[start : start + SEGMENT_BYTES]
            start += SEGMENT_BYTES
            number += 1
        waiting = waiting[start:]
    yield number, True, waiting


def open_segment(
    header: Header, keys: PartKeys, context: bytes, number: int, is_last: bool, segment: bytes | memoryview
) -> bytes:
    """One segment's plaintext. Only the first may be empty, and then it is the last one too.

    Raises:
        SealingError: altered, moved, cut off, or sealed for something else.
    """
    if len(segment) < TAG_BYTES:
        raise SealingError("a segment is cut off")
    cipher = _CIPHERS[header.aead](keys.part_key)
    try:
        plain = cipher.decrypt(_nonce(number, is_last), segment, header.raw + context)
    except InvalidTag as error:
        raise SealingError("a segment was altered, moved or cut, or is sealed for something else") from error
    if not plain and number > 0:
        raise SealingError("an empty segment follows the payload")
    return plain


def _open_segments(sealed: memoryview, header: Header, keys: PartKeys, context: bytes) -> Iterator[bytes]:
    count = max(1, -(-len(sealed) // SEALED_SEGMENT_BYTES))
    for number in range(count):
        start = number * SEALED_SEGMENT_BYTES
        segment = sealed[start : start + SEALED_SEGMENT_BYTES]
        yield open_segment(header, keys, context, number, number == count - 1, segment)

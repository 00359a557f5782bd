"""The envelope of one part: header ‖ segments, and the commitment to its payload. Source: SPEC.md §5.

The padded payload is sealed (``padding``); the commitment is to the payload's exact bytes.

For payloads that fit in memory; ``streaming`` makes and opens the same bytes in segments.
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
from cityledger.sealing.padding import (
    LARGEST_PADDING,
    SEGMENT_BYTES,
    SMALLEST_PADDING,
    Unpadding,
    frames,
)
from cityledger.types import Aead

MAGIC = b"CLE2"
SEGMENT_EXPONENT = SEGMENT_BYTES.bit_length() - 1
TAG_BYTES = 16
HEADER_BYTES = 40
SEALED_SEGMENT_BYTES = SEGMENT_BYTES + TAG_BYTES
_CIPHERS: dict[Aead, type[AESGCM] | type[ChaCha20Poly1305]] = {
    Aead.AES_256_GCM: AESGCM,
    Aead.CHACHA20_POLY1305: ChaCha20Poly1305,
}


@dataclass(frozen=True, slots=True)
class Header:
    """The first 40 bytes of a ciphertext. The segments authenticate ``raw``; 2^``padding`` bytes are the
    smallest length that its payload is padded to.
    """

    aead: Aead
    padding: int
    kc: bytes
    raw: bytes


def seal(payload: bytes, keys: PartKeys, context: bytes, aead: Aead, padding: int) -> bytes:
    """The ciphertext of a payload (0 bytes or more). Deterministic: one data key seals one version once.

    ``keys`` must come from ``derive_part_keys`` with the same ``context`` (32 bytes) and ``aead``.
    ``padding`` is the exponent of the smallest padded length.
    """
    return b"".join(seal_segments((payload,), keys, context, aead, padding))


def seal_segments(
    chunks: Iterable[bytes], keys: PartKeys, context: bytes, aead: Aead, padding: int
) -> Iterator[bytes]:
    """``seal`` for a payload that arrives in chunks of any size: yields the header, then each sealed
    segment."""
    require_length("part context", context, 32)
    header = _header(aead, padding, keys.kc)
    cipher = _CIPHERS[aead](keys.part_key)
    yield header
    for number, is_last, plain in frames(chunks, padding):
        # A fixed nonce sequence is safe: the part key is fresh for each record version, and (number, last)
        # never repeats.
        yield cipher.encrypt(_nonce(number, is_last), plain, header + context)


def open_sealed(ciphertext: bytes, keys: PartKeys, context: bytes, committed: bytes) -> bytes:
    """The payload, after every check of SPEC.md §5 in its order.

    ``context`` is ``Context.for_part`` and ``committed`` the commitment in the record's leaf, 32 bytes each.

    Raises:
        SealingError: altered, truncated, re-ordered, trailing bytes, another key, part, record or version, or
            another payload than the leaf commits to. No plaintext was returned.
    """
    require_length("part context", context, 32)
    # (1) magic, aead, exponents and the reserved byte.
    header = parse_header(ciphertext)
    # (2) The header's key commitment, in constant time. Without it one ciphertext could open under two keys.
    if not hmac.compare_digest(header.kc, keys.kc):
        raise SealingError("sealed under another key")
    # (3) each segment, (4) the last flag and that nothing follows, (5) the padding.
    unpadding = Unpadding(header.padding)
    plain = _open_segments(memoryview(ciphertext)[HEADER_BYTES:], header, keys, context)
    payload = b"".join(unpadding.take(frame) for frame in plain)
    unpadding.finish()
    # (6) The commitment. The releaser chose the keys freely; only this ties the payload to the
    # anchored leaf.
    verify_commitment(keys.opening, payload, committed)
    return payload


def parse_header(ciphertext: bytes) -> Header:
    """The header of a ciphertext; its ``aead`` determines the part key to derive.

    Raises:
        SealingError: shorter than a header, or magic, aead, an exponent or the reserved byte is invalid.
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
    if not SMALLEST_PADDING <= raw[6] <= LARGEST_PADDING:
        raise SealingError("unknown padding")
    if raw[7] != 0:
        raise SealingError("the reserved byte is not zero")
    return Header(Aead(raw[4]), raw[6], raw[8:], raw)


def ciphertext_digest(ciphertext: bytes) -> bytes:
    """SHA-256 of the whole ciphertext, as in the part's leaf."""
    return hashlib.sha256(ciphertext).digest()


def commitment(opening: bytes, payload: bytes) -> bytes:
    """HMAC-SHA256 of the exact payload bytes under the part's opening (32 bytes), as in the part's leaf."""
    require_length("opening", opening, 32)
    return hmac.digest(opening, payload, "sha256")


def verify_commitment(opening: bytes, payload: bytes, committed: bytes) -> None:
    """Refuses a payload that does not match the commitment.

    Raises:
        SealingError: it does not match.
    """
    if not hmac.compare_digest(commitment(opening, payload), committed):
        raise SealingError("the payload does not match its commitment")


def _header(aead: Aead, padding: int, kc: bytes) -> bytes:
    if not SMALLEST_PADDING <= padding <= LARGEST_PADDING:
        raise SealingError("unknown padding")
    return MAGIC + bytes([aead, SEGMENT_EXPONENT, padding, 0]) + kc


def _nonce(number: int, is_last: bool) -> bytes:
    return bytes(7) + number.to_bytes(4, "big") + bytes([is_last])


def open_segment(
    header: Header, keys: PartKeys, context: bytes, number: int, is_last: bool, segment: bytes | memoryview
) -> bytes:
    """One segment's plaintext: a frame of the padded payload.

    Raises:
        SealingError: altered, moved, cut off, or sealed for something else.
    """
    if len(segment) < TAG_BYTES:
        raise SealingError("a segment is cut off")
    cipher = _CIPHERS[header.aead](keys.part_key)
    try:
        return cipher.decrypt(_nonce(number, is_last), segment, header.raw + context)
    except InvalidTag as error:
        raise SealingError("a segment was altered, moved or cut, or is sealed for something else") from error


def _open_segments(sealed: memoryview, header: Header, keys: PartKeys, context: bytes) -> Iterator[bytes]:
    count = max(1, -(-len(sealed) // SEALED_SEGMENT_BYTES))
    for number in range(count):
        start = number * SEALED_SEGMENT_BYTES
        segment = sealed[start : start + SEALED_SEGMENT_BYTES]
        yield open_segment(header, keys, context, number, number == count - 1, segment)

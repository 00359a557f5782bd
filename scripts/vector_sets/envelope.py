"""Sealed parts, and ciphertexts that must not open."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from scripts.vector_sets.two_keys import first_block, two_key_segment
from scripts.vector_sets.values import (
    CONTEXT,
    DATA_KEY,
    DATASET,
    INSTANCE,
    RECORD,
    Vector,
    fixed,
    flip,
    vector,
)

from cityledger.sealing.context import PartKeys, derive_part_keys
from cityledger.sealing.envelope import (
    HEADER_BYTES,
    ciphertext_digest,
    commitment,
    seal,
)
from cityledger.sealing.padding import ROOM_BYTES, padded_bytes
from cityledger.types import (
    Aead,
    RecordId,
)

PART = "summary"
PADDING = 9
SIZES = (
    (0, 9),
    (1, 9),
    (48, 9),
    (512, 9),
    (513, 9),
    (48, 11),
    (ROOM_BYTES, 9),
    (ROOM_BYTES + 1, 9),
    (65_536, 16),
    (700_000, 13),
    (1_048_576, 13),
    (1_048_577, 13),
)
"""Payload length and padding exponent: the ends of buckets, of frames and of the two rules."""


def patterned(length: int) -> bytes:
    return bytes(i % 251 for i in range(length))


def envelope_fields(keys: PartKeys, context: bytes, payload: bytes, **more: object) -> Vector:
    return {
        "partKey": keys.part_key,
        "kc": keys.kc,
        "opening": keys.opening,
        "context": context,
        "payloadLength": len(payload),
        "commitment": commitment(keys.opening, payload),
    } | more


def make_envelope() -> Iterable[Vector]:
    for aead in Aead:
        context, keys = CONTEXT.for_part(PART), derive_part_keys(DATA_KEY, CONTEXT.for_part(PART), aead)
        for length, padding in SIZES:
            payload = patterned(length)
            sealed = seal(payload, keys, context, aead, padding)
            inputs = {"instance": INSTANCE, "dataset": DATASET, "record": RECORD, "version": 1, "part": PART}
            shown = {"ciphertext": sealed} if length < 100 and padding == PADDING else {}
            padded = {"padding": padding, "paddedLength": padded_bytes(length, padding)}
            more = inputs | {"dataKey": DATA_KEY, "aead": aead} | padded | shown
            yield vector(
                f"aead {aead}: {length} bytes, padding {padding}",
                "ok",
                "payload byte i is i mod 251; a long ciphertext is given by its digest only",
                **envelope_fields(keys, context, payload, **more, ciphertextDigest=ciphertext_digest(sealed)),
            )
        yield from make_bad_envelopes(aead, keys, context)
    yield from make_two_keys()


def make_bad_envelopes(aead: Aead, keys: PartKeys, context: bytes) -> Iterable[Vector]:
    payload = patterned(48)
    sealed = seal(payload, keys, context, aead, PADDING)
    other_keys = derive_part_keys(fixed("other data key"), context, aead)
    later, neighbour = (
        replace(CONTEXT, version=2).for_part(PART),
        replace(CONTEXT, record=RecordId(fixed("r2"))),
    )
    header_only = PartKeys(keys.part_key, other_keys.kc, keys.opening)

    def refuse(name: str, why: str, ciphertext: bytes, **change: object) -> Vector:
        fields = envelope_fields(keys, context, payload, ciphertext=ciphertext) | change
        return vector(f"aead {aead}: {name}", "refuse", why, **fields)

    yield refuse("wrong magic", "first check", b"CLE1" + sealed[4:])
    yield refuse("unknown aead", "1 and 2 only", sealed[:4] + b"\3" + sealed[5:])
    yield refuse("the other aead", "the aead is authenticated", sealed[:4] + bytes([3 - aead]) + sealed[5:])
    yield refuse("another segment size", "16 only", sealed[:5] + b"\x0f" + sealed[6:])
    yield refuse("padding 8", "9 to 16 only", sealed[:6] + b"\x08" + sealed[7:])
    yield refuse("padding 17", "9 to 16 only", sealed[:6] + b"\x11" + sealed[7:])
    yield refuse("another padding", "the header is authenticated", sealed[:6] + b"\x0a" + sealed[7:])
    yield refuse("reserved byte set", "it is zero", sealed[:7] + b"\1" + sealed[8:])
    yield refuse("kc altered in the header", "kc must be the key's", sealed[:8] + flip(sealed[8:], 0))
    yield refuse(
        "header resealed with another kc",
        "the header is authenticated",
        seal(payload, header_only, context, aead, PADDING),
    )
    yield refuse("no bytes at all", "shorter than a header", b"")
    yield refuse("header only", "a segment is missing", sealed[:40])
    yield refuse("last byte cut", "the tag does not fit", sealed[:-1])
    yield refuse("only half a tag", "a segment is cut off", sealed[:48])
    yield refuse("trailing byte", "nothing may follow", sealed + b"\0")
    yield refuse("first payload byte altered", "the segment is authenticated", flip(sealed, 40))
    yield refuse("tag altered", "the segment is authenticated", flip(sealed, len(sealed) - 1))
    yield refuse("context of another version", "bound to the version", sealed, context=later)
    yield refuse("context of another record", "bound to the record", sealed, context=neighbour.for_part(PART))
    yield refuse("context of another part", "bound to the part", sealed, context=CONTEXT.for_part("notes"))
    yield refuse("another data key", "kc differs", sealed, partKey=other_keys.part_key, kc=other_keys.kc)
    yield refuse("another part key with this kc", "the segment differs", sealed, partKey=other_keys.part_key)
    yield refuse("another opening", "last check: the commitment", sealed, opening=other_keys.opening)
    yield refuse("another commitment", "last check: the commitment", sealed, commitment=fixed("c"))
    yield from make_wrong_padding(aead, keys, context)
    yield from make_long_refusals(aead, keys, context)


def make_wrong_padding(aead: Aead, keys: PartKeys, context: bytes) -> Iterable[Vector]:
    """A segment that opens to other bytes than the frame of the payload."""
    payload = patterned(48)
    framed, rest = (48).to_bytes(4, "big") + payload, bytes(464)
    for name, why, plain in (
        ("no frame", "a segment holds a frame", b""),
        ("half a count", "a frame begins with its count", b"\0\0"),
        ("a frame of a count alone", "every frame has room", bytes(4)),
        ("not padded", "48 bytes are padded to 512", framed),
        ("padded by a byte too few", "the length is the rule's", framed + rest[1:]),
        ("padded by a byte too many", "the length is the rule's", framed + rest + b"\0"),
        ("padded to the next length", "the smallest that holds it", framed + bytes(2_000)),
        ("a byte of the padding set", "padding is zeros", framed + rest[1:] + b"\1"),
        ("a count beyond the frame", "the frame is too short", (513).to_bytes(4, "big") + payload + rest),
        (
            "a count short of the payload",
            "a byte that is not 0 follows",
            (47).to_bytes(4, "big") + payload + rest,
        ),
    ):
        ciphertext = one_segment(aead, keys, context, plain)
        yield vector(
            f"aead {aead}: {name}",
            "refuse",
            why,
            **envelope_fields(keys, context, payload, ciphertext=ciphertext),
        )


def one_segment(aead: Aead, keys: PartKeys, context: bytes, plain: bytes) -> bytes:
    """A ciphertext of one segment with any content."""
    header = seal(b"", keys, context, aead, PADDING)[:HEADER_BYTES]
    cipher = AESGCM if aead is Aead.AES_256_GCM else ChaCha20Poly1305
    return header + cipher(keys.part_key).encrypt(bytes(11) + b"\1", plain, header + context)


def make_long_refusals(aead: Aead, keys: PartKeys, context: bytes) -> Iterable[Vector]:
    """Too long to print: ``sealedLength`` patterned bytes are sealed, then ``segments`` are put together in
    that order."""
    # 131,074 bytes are padded to 524,288: eight frames and the rest.
    for name, order, why in (
        ("swapped segments", [1, 0, *range(2, 9)], "the nonce counts"),
        ("a segment twice", [0, 0, *range(1, 9)], "the nonce counts"),
        ("first segment missing", list(range(1, 9)), "the nonce counts"),
        ("last segment missing", list(range(8)), "the last flag is in the nonce"),
        ("padding left out", [0, 1, 2, 8], "the nonce counts"),
        ("last segment first", [8, *range(8)], "only the last segment may be short"),
        ("last segment twice", [*range(9), 8], "nothing may follow"),
    ):
        length = 2 * ROOM_BYTES + 10
        fields = envelope_fields(keys, context, patterned(length), aead=aead, padding=PADDING, segments=order)
        yield vector(f"aead {aead}: {name}", "refuse", why, **fields)


def make_two_keys() -> Iterable[Vector]:
    """One AES-GCM segment that opens under two keys, as in Dodis et al., "Fast Message Franking" (2018)."""
    context = CONTEXT.for_part(PART)
    ours = derive_part_keys(DATA_KEY, context, Aead.AES_256_GCM)
    theirs = derive_part_keys(fixed("other data key"), context, Aead.AES_256_GCM)
    header = b"CLE2\x01\x10\x09\0" + ours.kc
    sealed = header + two_key_segment(ours.part_key, theirs.part_key, header + context)
    why = "the segment opens under both keys; "
    for name, kc, reason in (
        ("two keys open one ciphertext", theirs.kc, "the second key has another kc"),
        (
            "two keys, and the second comes with the first's kc",
            ours.kc,
            "only padding and commitment are left to refuse it",
        ),
    ):
        keys = PartKeys(theirs.part_key, kc, ours.opening)
        opened = {
            "ciphertext": sealed,
            "commitment": commitment(ours.opening, first_block(ours.part_key, sealed[40:56])),
        }
        yield vector(name, "refuse", why + reason, **(envelope_fields(keys, context, b"") | opened))

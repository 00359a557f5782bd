"""Sealed parts, and ciphertexts that must not open."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

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
from cityledger.sealing.envelope import SEGMENT_BYTES, ciphertext_digest, commitment, seal
from cityledger.types import (
    Aead,
    RecordId,
)

PART = "summary"


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
        for length in (0, 1, 48, SEGMENT_BYTES, SEGMENT_BYTES + 1):
            payload = patterned(length)
            sealed = seal(payload, keys, context, aead)
            inputs = {"instance": INSTANCE, "dataset": DATASET, "record": RECORD, "version": 1, "part": PART}
            shown = {"ciphertext": sealed} if length < 100 else {}
            more = inputs | {"dataKey": DATA_KEY, "aead": aead} | shown
            yield vector(
                f"aead {aead}: {length} bytes",
                "ok",
                "payload byte i is i mod 251; a long ciphertext is given by its digest only",
                **envelope_fields(keys, context, payload, **more, ciphertextDigest=ciphertext_digest(sealed)),
            )
        yield from make_bad_envelopes(aead, keys, context)
    yield from make_two_keys()


def make_bad_envelopes(aead: Aead, keys: PartKeys, context: bytes) -> Iterable[Vector]:
    payload = patterned(48)
    sealed = seal(payload, keys, context, aead)
    other_keys = derive_part_keys(fixed("other data key"), context, aead)
    later, neighbour = (
        replace(CONTEXT, version=2).for_part(PART),
        replace(CONTEXT, record=RecordId(fixed("r2"))),
    )
    header_only = PartKeys(keys.part_key, other_keys.kc, keys.opening)

    def refuse(name: str, why: str, ciphertext: bytes, **change: object) -> Vector:
        fields = envelope_fields(keys, context, payload, ciphertext=ciphertext) | change
        return vector(f"aead {aead}: {name}", "refuse", why, **fields)

    yield refuse("wrong magic", "first check", b"CLE2" + sealed[4:])
    yield refuse("unknown aead", "1 and 2 only", sealed[:4] + b"\3" + sealed[5:])
    yield refuse("the other aead", "the aead is authenticated", sealed[:4] + bytes([3 - aead]) + sealed[5:])
    yield refuse("another segment size", "16 only", sealed[:5] + b"\x0f" + sealed[6:])
    yield refuse("reserved bytes set", "they are zero", sealed[:7] + b"\1" + sealed[8:])
    yield refuse("kc altered in the header", "kc must be the key's", sealed[:8] + flip(sealed[8:], 0))
    yield refuse(
        "header resealed with another kc",
        "the header is authenticated",
        seal(payload, header_only, context, aead),
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
    yield from make_long_refusals(aead, keys, context)


def make_long_refusals(aead: Aead, keys: PartKeys, context: bytes) -> Iterable[Vector]:
    """Too long to print: ``sealedLength`` patterned bytes are sealed, then ``segments`` are put together in
    that order."""
    for name, order, why in (
        ("swapped segments", [1, 0, 2], "the nonce counts"),
        ("a segment twice", [0, 0, 1, 2], "the nonce counts"),
        ("first segment missing", [1, 2], "the nonce counts"),
        ("last segment missing", [0, 1], "the last flag is in the nonce"),
        ("last segment first", [2, 0, 1], "only the last segment may be short"),
        ("last segment twice", [0, 1, 2, 2], "nothing may follow"),
    ):
        length = 2 * SEGMENT_BYTES + 5
        fields = envelope_fields(keys, context, patterned(length), aead=aead, segments=order)
        yield vector(f"aead {aead}: {name}", "refuse", why, **fields)


def make_two_keys() -> Iterable[Vector]:
    """One AES-GCM segment that opens under two keys, as in Dodis et al., "Fast Message Franking" (2018)."""
    context = CONTEXT.for_part(PART)
    ours = derive_part_keys(DATA_KEY, context, Aead.AES_256_GCM)
    theirs = derive_part_keys(fixed("other data key"), context, Aead.AES_256_GCM)
    header = b"CLE1\x01\x10\0\0" + ours.kc
    sealed = header + two_key_segment(ours.part_key, theirs.part_key, header + context)
    why = "the segment opens under both keys; "
    for name, kc, reason in (
        ("two keys open one ciphertext", theirs.kc, "the second key has another kc"),
        (
            "two keys, and the second comes with the first's kc",
            ours.kc,
            "only the commitment is left to refuse it",
        ),
    ):
        keys = PartKeys(theirs.part_key, kc, ours.opening)
        opened = {
            "ciphertext": sealed,
            "commitment": commitment(ours.opening, first_block(ours.part_key, sealed[40:56])),
        }
        yield vector(name, "refuse", why + reason, **(envelope_fields(keys, context, b"") | opened))

"""Released part keys. HPKE draws its own randomness: a stored message is kept while it opens correctly."""

from __future__ import annotations

from collections.abc import Iterable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from scripts.vector_sets.values import (
    Vector,
    fixed,
    flip,
    vector,
)

from cityledger.sealing.release import release_info
from cityledger.sealing.sealing_key import SealingPrivateKey, hpke_public_key
from cityledger.types import (
    Kem,
)

RECEIPTS = [fixed("receipt 1"), fixed("receipt 2")]
SEALING_KEYS = {
    Kem.X25519: SealingPrivateKey(Kem.X25519, fixed("x25519", 32)),
    Kem.X_WING: SealingPrivateKey(Kem.X_WING, fixed("x-wing", 96)),
}
SUITES = {
    Kem.X25519: Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM),
    Kem.X_WING: Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM),
}


def released_part(bit: int) -> bytes:
    return bytes([bit]) + b"".join(fixed(f"part {bit} {use}") for use in ("key", "kc", "opening"))


def make_release(stored_vectors: Iterable[Vector]) -> Iterable[Vector]:
    """``stored_vectors`` are those of the last run, or none."""
    stored = {item["name"]: bytes.fromhex(item["message"][2:]) for item in stored_vectors}
    for kem in SEALING_KEYS:
        messages = []
        for bits in ([0], [0, 2, 7], list(range(8))):
            name, entries = f"kem {kem}: parts {bits}", b"".join(map(released_part, bits))
            messages.append(keep_or_seal(stored.get(name), kem, bytes([len(bits)]) + entries))
            fields = release_fields(kem, messages[-1])
            yield vector(name, "ok", "the stored message opens to these parts", **fields, parts=bits)
        yield from make_bad_plaintexts(kem, stored)
        yield from make_bad_messages(kem, messages[0])


def make_bad_plaintexts(kem: Kem, stored: dict[str, bytes]) -> Iterable[Vector]:
    zero, one = released_part(0), released_part(1)
    for name, why, plaintext in (
        ("no part", "1 to 8 parts", b"\0"),
        ("empty plaintext", "1 to 8 parts", b""),
        ("parts descend", "ascending bit numbers", b"\2" + one + zero),
        ("a part twice", "ascending bit numbers", b"\2" + one + one),
        ("part bit 8", "0 to 7", b"\1" + b"\x08" + one[1:]),
        ("fewer parts than the count", "the count is exact", b"\2" + zero),
        ("more parts than the count", "the count is exact", b"\1" + zero + one),
        ("trailing byte in the plaintext", "the count is exact", b"\1" + zero + b"\0"),
    ):
        message = keep_or_seal(stored.get(f"kem {kem}: {name}"), kem, plaintext)
        yield vector(f"kem {kem}: {name}", "refuse", why, **release_fields(kem, message))


def make_bad_messages(kem: Kem, message: bytes) -> Iterable[Vector]:
    good = release_fields(kem, message)
    stranger = SealingPrivateKey(kem, fixed("stranger", len(SEALING_KEYS[kem].secret)))
    changes: list[tuple[str, str, Vector]] = [
        ("another's private key", "sealed for one key", {"privateKey": stranger.serialize()}),
        ("other receipts", "no log, no key", {"receiptDigests": [fixed("receipt 3")]}),
        ("receipts in another order", "the order is in the info", {"receiptDigests": RECEIPTS[::-1]}),
        ("one receipt left out", "all receipts are in the info", {"receiptDigests": RECEIPTS[:1]}),
        ("no receipt", "no log, no key", {"receiptDigests": []}),
        ("encapsulation altered", "authenticated", {"message": flip(message, 0)}),
        ("ciphertext altered", "authenticated", {"message": flip(message, len(message) - 20)}),
        ("truncated", "authenticated", {"message": message[:-1]}),
        ("empty", "shorter than an encapsulation", {"message": b""}),
        ("trailing byte", "nothing may follow", {"message": message + b"\0"}),
    ]
    for name, why, change in changes:
        yield vector(f"kem {kem}: {name}", "refuse", why, **(good | change))


def release_fields(kem: Kem, message: bytes) -> Vector:
    key = SEALING_KEYS[kem]
    return {
        "privateKey": key.serialize(),
        "publicKey": key.public_bytes,
        "sealingKeyDigest": key.digest,
        "receiptDigests": RECEIPTS,
        "info": release_info(kem, RECEIPTS),
        "message": message,
    }


def keep_or_seal(stored: bytes | None, kem: Kem, plaintext: bytes) -> bytes:
    key, info = SEALING_KEYS[kem], release_info(kem, RECEIPTS)
    try:
        if stored is not None and SUITES[kem].decrypt(stored, key.hpke_key(), info) == plaintext:
            return stored
    except (InvalidTag, ValueError):
        pass  # the stored message is of older bytes: seal again
    return SUITES[kem].encrypt(plaintext, hpke_public_key(kem, key.public_bytes), info)

"""Releases part keys to a consumer's sealing key, bound to the receipts of the read. Source: SPEC.md §5,
"Release".

The HPKE library draws its own randomness for the encapsulation; it accepts none as an argument.
"""

from __future__ import annotations

from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from cityledger.errors import SealingError
from cityledger.keccak import keccak
from cityledger.sealing.context import KEY_BYTES, PartKeys, require_length
from cityledger.sealing.sealing_key import SealingPrivateKey, hpke_public_key, require_kem
from cityledger.types import Kem

MAX_PARTS = 8
_LABEL = b"cityledger/v1/release"
_ENTRY_BYTES = 1 + 3 * KEY_BYTES
_HPKE_KEMS = {Kem.X25519: KEM.X25519, Kem.X_WING: KEM.MLKEM768_X25519}


def release_info(kem: Kem, receipt_digests: Sequence[bytes]) -> bytes:
    """The HPKE info, which binds a message to its kem and to the digests (32 bytes each, in order) of the
    read's receipts.

    Raises:
        SealingError: unknown kem, no receipt, or a digest that is not 32 bytes. No log, no key.
    """
    require_kem(kem)
    if not receipt_digests:
        raise SealingError("a release names at least one receipt")
    for digest in receipt_digests:
        require_length("receipt digest", digest, 32)
    return _LABEL + b"\0" + bytes([kem]) + keccak(b"".join(receipt_digests))


def seal_release(
    parts: Sequence[tuple[int, PartKeys]], kem: Kem, public_key: bytes, receipt_digests: Sequence[bytes]
) -> bytes:
    """enc ‖ ciphertext: the keys of 1 to 8 parts, by ascending part bit number, for the holder of
    ``public_key``.

    Raises:
        SealingError: part bits out of order or range, unknown kem, or not a public key of it.
    """
    info = release_info(kem, receipt_digests)
    _require_ascending([bit for bit, _ in parts])
    plaintext = bytes([len(parts)]) + b"".join(_entry(bit, keys) for bit, keys in parts)
    try:
        return _suite(kem).encrypt(plaintext, hpke_public_key(kem, public_key), info)
    except ValueError as error:
        # X25519 with a point of small order: the shared secret would be all zero.
        raise SealingError("the sealing key cannot be sealed to") from error


def open_release(
    message: bytes, private_key: SealingPrivateKey, receipt_digests: Sequence[bytes]
) -> dict[int, PartKeys]:
    """The released keys by part bit number.

    Raises:
        SealingError: sealed for another key or other receipts, altered, or not of the one form that
            ``seal_release`` writes.
    """
    info = release_info(private_key.kem, receipt_digests)
    try:
        plaintext = _suite(private_key.kem).decrypt(message, private_key.hpke_key(), info)
    except (InvalidTag, ValueError) as error:
        raise SealingError("the release was altered, or is for another key or other receipts") from error
    return _parse(plaintext)


def _suite(kem: Kem) -> Suite:
    return Suite(_HPKE_KEMS[kem], KDF.HKDF_SHA256, AEAD.AES_256_GCM)


def _entry(bit: int, keys: PartKeys) -> bytes:
    return bytes([bit]) + keys.part_key + keys.kc + keys.opening


def _parse(plaintext: bytes) -> dict[int, PartKeys]:
    if not plaintext or len(plaintext) != 1 + plaintext[0] * _ENTRY_BYTES:
        raise SealingError("the release does not hold as many parts as it states")
    entries = [plaintext[start : start + _ENTRY_BYTES] for start in range(1, len(plaintext), _ENTRY_BYTES)]
    _require_ascending([entry[0] for entry in entries])
    return {entry[0]: PartKeys(entry[1:33], entry[33:65], entry[65:97]) for entry in entries}


def _require_ascending(bits: Sequence[int]) -> None:
    if not 1 <= len(bits) <= MAX_PARTS:
        raise SealingError("a release holds 1 to 8 parts")
    if list(bits) != sorted(set(bits)) or not 0 <= bits[0] <= bits[-1] < MAX_PARTS:
        raise SealingError("part bit numbers of a release ascend within 0 to 7")

from __future__ import annotations

import hashlib
import json
import random
from typing import Any

import pytest
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from cityledger.errors import SealingError
from cityledger.sealing.context import PartKeys
from cityledger.sealing.release import open_release, release_info, seal_release
from cityledger.sealing.sealing_key import SealingPrivateKey, sealing_key_digest
from cityledger.types import Kem
from support.imports.public_data import public_data
from support.vector_files import load_vectors, unhex

KEYS = PartKeys(b"p" * 32, b"k" * 32, b"o" * 32)
RECEIPTS = [b"r" * 32]
KEMS = [Kem.X25519, Kem.X_WING]
randbytes = random.Random(1).randbytes


@pytest.mark.parametrize("vector", load_vectors("release.json", "ok"))
def test_open_release_agrees_with_vectors(vector: dict[str, Any]) -> None:
    key = SealingPrivateKey.load(unhex(vector["privateKey"]))
    receipts = [unhex(digest) for digest in vector["receiptDigests"]]
    assert key.public_bytes == unhex(vector["publicKey"])
    assert key.digest == unhex(vector["sealingKeyDigest"])
    assert release_info(key.kem, receipts) == unhex(vector["info"])
    opened = open_release(unhex(vector["message"]), key, receipts)
    assert list(opened) == vector["parts"]
    again = seal_release(list(opened.items()), key.kem, key.public_bytes, receipts)
    assert open_release(again, key, receipts) == opened


@pytest.mark.parametrize("vector", load_vectors("release.json", "refuse"))
def test_open_release_refuses_vectors(vector: dict[str, Any]) -> None:
    key = SealingPrivateKey.load(unhex(vector["privateKey"]))
    with pytest.raises(SealingError):
        open_release(unhex(vector["message"]), key, [unhex(digest) for digest in vector["receiptDigests"]])


@pytest.mark.parametrize("kem", KEMS)
def test_open_release_refuses_a_message_of_the_other_kem(kem: Kem) -> None:
    ours = SealingPrivateKey.generate(kem, randbytes)
    theirs = SealingPrivateKey.generate(next(k for k in KEMS if k != kem), randbytes)
    message = seal_release([(0, KEYS)], theirs.kem, theirs.public_bytes, RECEIPTS)
    with pytest.raises(SealingError):
        open_release(message, ours, RECEIPTS)


@pytest.mark.parametrize("bits", [[], [1, 0], [0, 0], [8], [-1], list(range(9))])
def test_seal_release_refuses_parts(bits: list[int]) -> None:
    key = SealingPrivateKey.generate(Kem.X25519, randbytes)
    with pytest.raises(SealingError):
        seal_release([(bit, KEYS) for bit in bits], key.kem, key.public_bytes, RECEIPTS)


@pytest.mark.parametrize("receipts", [[], [b"r" * 31]])
def test_release_info_refuses_without_a_receipt(receipts: list[bytes]) -> None:
    with pytest.raises(SealingError):
        release_info(Kem.X25519, receipts)


@pytest.mark.parametrize(("kem", "public_key"), [(Kem.X25519, bytes(32)), (Kem.X_WING, b"\xff" * 1216)])
def test_seal_release_refuses_a_key_that_is_none(kem: Kem, public_key: bytes) -> None:
    with pytest.raises(SealingError):
        seal_release([(0, KEYS)], kem, public_key, RECEIPTS)


@pytest.mark.parametrize(("kem", "length"), [(Kem.NONE, 32), (Kem.X25519, 31), (Kem.X_WING, 1184)])
def test_sealing_key_digest_refuses_other_forms(kem: Kem, length: int) -> None:
    with pytest.raises(SealingError):
        sealing_key_digest(kem, bytes(length))


@pytest.mark.parametrize("kem", KEMS)
def test_sealing_private_key_loads_what_it_serialized(kem: Kem) -> None:
    key = SealingPrivateKey.generate(kem, randbytes)
    assert SealingPrivateKey.load(key.serialize()) == key
    assert key.secret.hex() not in repr(key)
    for wrong in (b"", b"\0" + key.secret, b"\3" + key.secret, key.serialize()[:-1], key.serialize() + b"\0"):
        with pytest.raises(SealingError):
            SealingPrivateKey.load(wrong)


def test_sealing_private_key_agrees_with_hpke_public_keys() -> None:
    """RFC 9180's key pairs, and draft-connolly X-Wing's (its 32-byte seed expands to ours by SHAKE-256)."""
    for case in json.loads(public_data("vectors/hpke/rfc9180-x25519.sample.json").read_bytes()):
        key = SealingPrivateKey(Kem.X25519, bytes.fromhex(case["skRm"]))
        assert key.public_bytes.hex() == case["pkRm"]
    for case in json.loads(public_data("vectors/hpke/hpke-pq-xwing.sample.json").read_bytes()):
        key = SealingPrivateKey(Kem.X_WING, hashlib.shake_256(bytes.fromhex(case["skRm"])).digest(96))
        assert key.public_bytes.hex() == case["pkRm"]


def test_release_is_plain_hpke() -> None:
    """Another HPKE implementation opens it with the info alone: nothing else is bound in."""
    key = SealingPrivateKey.generate(Kem.X25519, randbytes)
    message = seal_release([(3, KEYS)], key.kem, key.public_bytes, RECEIPTS)
    suite = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
    plain = suite.decrypt(message, key.hpke_key(), release_info(key.kem, RECEIPTS))
    assert plain == b"\1\3" + b"p" * 32 + b"k" * 32 + b"o" * 32

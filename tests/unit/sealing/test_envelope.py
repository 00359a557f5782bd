from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityledger.errors import SealingError
from cityledger.sealing.context import PartKeys, derive_part_keys
from cityledger.sealing.envelope import (
    HEADER_BYTES,
    TAG_BYTES,
    ciphertext_digest,
    commitment,
    open_sealed,
    open_segment,
    parse_header,
    seal,
    seal_segments,
    verify_commitment,
)
from cityledger.sealing.padding import SEGMENT_BYTES
from cityledger.types import Aead
from support.imports.public_data import public_data
from support.vector_files import load_vectors, unhex

CONTEXT = b"c" * 32
aeads = st.sampled_from(list(Aead))


def patterned(length: int) -> bytes:
    return bytes(i % 251 for i in range(length))


def keys_of(vector: dict[str, Any]) -> PartKeys:
    return PartKeys(unhex(vector["partKey"]), unhex(vector["kc"]), unhex(vector["opening"]))


def keys_for(aead: Aead, data_key: bytes = b"k" * 32) -> PartKeys:
    return derive_part_keys(data_key, CONTEXT, aead)


@pytest.mark.parametrize("vector", load_vectors("envelope.json", "ok"))
def test_seal_agrees_with_vectors(vector: dict[str, Any]) -> None:
    payload, keys, context = patterned(vector["payloadLength"]), keys_of(vector), unhex(vector["context"])
    sealed = seal(payload, keys, context, Aead(vector["aead"]), vector["padding"])
    assert ciphertext_digest(sealed) == unhex(vector["ciphertextDigest"])
    assert sealed == unhex(vector.get("ciphertext", "0x" + sealed.hex()))
    assert commitment(keys.opening, payload) == unhex(vector["commitment"])
    assert open_sealed(sealed, keys, context, unhex(vector["commitment"])) == payload


@pytest.mark.parametrize("vector", load_vectors("envelope.json", "refuse"))
def test_open_sealed_refuses_vectors(vector: dict[str, Any]) -> None:
    keys, context = keys_of(vector), unhex(vector["context"])
    with pytest.raises(SealingError) as caught:
        open_sealed(ciphertext_of(vector, keys, context), keys, context, unhex(vector["commitment"]))
    for secret in (keys.part_key, keys.kc, keys.opening):
        assert secret.hex() not in str(caught.value)


def ciphertext_of(vector: dict[str, Any], keys: PartKeys, context: bytes) -> bytes:
    if "ciphertext" in vector:
        return unhex(vector["ciphertext"])
    sealed = seal(patterned(vector["payloadLength"]), keys, context, Aead(vector["aead"]), vector["padding"])
    size = SEGMENT_BYTES + TAG_BYTES
    segments = [sealed[at : at + size] for at in range(HEADER_BYTES, len(sealed), size)]
    return sealed[:HEADER_BYTES] + b"".join(segments[i] for i in vector["segments"])


def test_two_key_vector_really_opens_under_both_keys() -> None:
    """Else the refusal by kc would show nothing."""
    vector = next(v.values[0] for v in load_vectors("envelope.json") if "and the second comes" in v.id)
    keys, context, sealed = keys_of(vector), unhex(vector["context"]), unhex(vector["ciphertext"])
    assert open_segment(parse_header(sealed), keys, context, 0, True, sealed[HEADER_BYTES:])
    with pytest.raises(SealingError, match="padding"):
        open_sealed(sealed, keys, context, unhex(vector["commitment"]))


@given(payload=st.binary(max_size=300), aead=aeads, data_key=st.binary(min_size=32, max_size=32))
def test_open_sealed_gives_back_the_payload(payload: bytes, aead: Aead, data_key: bytes) -> None:
    keys = keys_for(aead, data_key)
    sealed = seal(payload, keys, CONTEXT, aead, 9)
    assert open_sealed(sealed, keys, CONTEXT, commitment(keys.opening, payload)) == payload


@given(payload=st.binary(max_size=60), aead=aeads, data=st.data())
def test_open_sealed_refuses_any_flipped_byte(payload: bytes, aead: Aead, data: st.DataObject) -> None:
    keys = keys_for(aead)
    sealed = bytearray(seal(payload, keys, CONTEXT, aead, 9))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(SealingError):
        open_sealed(bytes(sealed), keys, CONTEXT, commitment(keys.opening, payload))


@given(payload=st.binary(max_size=60), aead=aeads, data=st.data())
def test_open_sealed_refuses_any_cut(payload: bytes, aead: Aead, data: st.DataObject) -> None:
    keys = keys_for(aead)
    sealed = seal(payload, keys, CONTEXT, aead, 9)
    cut = sealed[: data.draw(st.integers(0, len(sealed) - 1))]
    with pytest.raises(SealingError):
        open_sealed(cut, keys, CONTEXT, commitment(keys.opening, payload))


@pytest.mark.parametrize("length", [0, 1, SEGMENT_BYTES, SEGMENT_BYTES + 1, 2 * SEGMENT_BYTES])
@pytest.mark.parametrize("step", [1_000, SEGMENT_BYTES, 3 * SEGMENT_BYTES])
def test_seal_segments_is_seal_whatever_the_chunks(length: int, step: int) -> None:
    payload, keys = patterned(length), keys_for(Aead.AES_256_GCM)
    chunks = [payload[at : at + step] for at in range(0, length, step)]
    assert b"".join(seal_segments(chunks, keys, CONTEXT, Aead.AES_256_GCM, 9)) == seal(
        payload, keys, CONTEXT, Aead.AES_256_GCM, 9
    )


def test_parse_header_names_the_aead_before_any_key_is_derived() -> None:
    sealed = seal(b"x", keys_for(Aead.CHACHA20_POLY1305), CONTEXT, Aead.CHACHA20_POLY1305, 9)
    assert parse_header(sealed).aead is Aead.CHACHA20_POLY1305


def test_verify_commitment_agrees_with_wycheproof_hmac() -> None:
    groups = json.loads(public_data("vectors/wycheproof/hmac_sha256.sample.json").read_bytes())["testGroups"]
    checked = 0
    for group in groups:
        for case in group["tests"]:
            if group["keySize"] == 256 and group["tagSize"] == 256:
                arguments = (
                    bytes.fromhex(case["key"]),
                    bytes.fromhex(case["msg"]),
                    bytes.fromhex(case["tag"]),
                )
                checked += 1
                if case["result"] == "valid":
                    verify_commitment(*arguments)
                else:
                    with pytest.raises(SealingError):
                        verify_commitment(*arguments)
    assert checked

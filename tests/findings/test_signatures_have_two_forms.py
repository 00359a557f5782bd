"""Sign-in accepted the other form of a signature (s in the upper half) and v 0 or 1."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from cityledger.errors import FieldError, VerificationError
from cityledger.proofs.leaves import Tombstone
from cityledger.proofs.tombstone_object import TombstoneObject, from_bytes, signed, signer_of, to_bytes
from cityledger.types import ErasureReason, LeafHash, LogId
from support.node.chain_facts import INSTANCE
from support.node.node_fixture import TestNode

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def high_s(signature: bytes) -> bytes:
    s = int.from_bytes(signature[32:64], "big")
    return signature[:32] + (ORDER - s).to_bytes(32, "big") + bytes([55 - signature[64]])


def low_v(signature: bytes) -> bytes:
    return signature[:64] + bytes([signature[64] - 27])


OTHER_FORMS = [high_s, low_v]


@pytest.mark.parametrize("change", OTHER_FORMS)
def test_sign_in_takes_one_form(node: TestNode, change: Callable[[bytes], bytes]) -> None:
    nonce = node.client.get("/v1/siwe/nonce").json()["nonce"]
    form = node.siwe_form("HEALTH", "steward", nonce)
    good = bytes.fromhex(form["signature"][2:])

    refused = node.client.post("/v1/token", data={**form, "signature": "0x" + change(good).hex()})

    assert refused.status_code == 401
    assert "signature" in refused.json()["detail"]


@pytest.mark.parametrize("change", OTHER_FORMS)
def test_tombstone_objects_take_one_form(node: TestNode, change: Callable[[bytes], bytes]) -> None:
    services = node.context.services
    leaf = Tombstone(INSTANCE, LogId(3), 0, LeafHash(bytes(32)), ErasureReason.LAW, 1, 2)
    one = signed(TombstoneObject(leaf, LogId(3), 0), services.domain, services.operator)
    assert signer_of(one, services.domain) == services.operator.address

    with pytest.raises(VerificationError):
        signer_of(dataclasses.replace(one, signature=change(one.signature)), services.domain)


@pytest.mark.parametrize("change", [bytes.upper, lambda text: text.replace(b"0x", b"0x ", 1)])
def test_tombstone_objects_hold_one_text_of_a_signature(
    node: TestNode, change: Callable[[bytes], bytes]
) -> None:
    services = node.context.services
    leaf = Tombstone(INSTANCE, LogId(3), 0, LeafHash(bytes(32)), ErasureReason.LAW, 1, 2)
    one = signed(TombstoneObject(leaf, LogId(3), 0), services.domain, services.operator)
    text = ("0x" + one.signature.hex()).encode()
    assert from_bytes(to_bytes(one)) == one

    with pytest.raises(FieldError, match="signature"):
        from_bytes(to_bytes(one).replace(text, change(text)))

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_account import Account
from eth_account.messages import encode_typed_data
from hypothesis import given
from hypothesis import strategies as st

from cityledger.errors import FieldError, VerificationError
from cityledger.keccak import keccak
from cityledger.proofs import leaves
from cityledger.proofs.leaf_json import leaf_from_json, leaf_to_json, receipt_from_json, receipt_to_json
from cityledger.proofs.leaves import (
    ReceiptDomain,
    leaf_hash,
    receipt_signing_digest,
    recover_receipt_signer,
    sign_receipt,
)
from cityledger.proofs.typed_data import encode_word
from support.vector_files import load_vectors, unhex

OK = load_vectors("leaves.json", "ok")
RECEIPTS = [vector for vector in OK if "signature" in vector.values[0]]
LEAVES = [vector for vector in OK if "leafHash" in vector.values[0]]
SPEC_TEXTS = {
    "RecordLeaf": leaves.RECORD_LEAF_TEXT,
    "Tombstone": leaves.TOMBSTONE_TEXT,
    "ReceiptLeaf": leaves.RECEIPT_LEAF_TEXT,
    "Receipt": leaves.RECEIPT_TEXT,
}


@pytest.mark.parametrize("vector", LEAVES)
def test_leaf_hash_agrees_with_vectors(vector: dict[str, Any]) -> None:
    leaf = leaf_from_json(vector["value"])
    assert leaf_to_json(leaf) == vector["value"]
    assert leaf.struct_hash() == unhex(vector["structHash"])
    assert leaf_hash(leaf.struct_hash()) == unhex(vector["leafHash"])


@pytest.mark.parametrize("vector", load_vectors("leaves.json", "refuse"))
def test_leaf_from_json_refuses_vectors(vector: dict[str, Any]) -> None:
    with pytest.raises(FieldError, match=r"^leaf"):
        leaf_from_json(vector["value"])


@pytest.mark.parametrize("vector", RECEIPTS)
def test_receipt_agrees_with_vectors(vector: dict[str, Any]) -> None:
    receipt, domain = receipt_from_json(vector["value"]), domain_of(vector)
    assert receipt_to_json(receipt) == vector["value"]
    assert receipt.struct_hash() == unhex(vector["structHash"])
    assert receipt_signing_digest(receipt, domain) == unhex(vector["signingDigest"])
    account = Account.from_key(vector["operatorKey"])
    assert sign_receipt(receipt, domain, account) == unhex(vector["signature"])
    assert recover_receipt_signer(receipt, domain, unhex(vector["signature"])) == vector["operator"]


def domain_of(vector: dict[str, Any]) -> ReceiptDomain:
    return ReceiptDomain(vector["chainId"], vector["ledger"])


@pytest.mark.parametrize("vector", OK)
def test_struct_hash_agrees_with_eth_account(vector: dict[str, Any]) -> None:
    """Our own encoding against another implementation of EIP-712."""
    name = vector["value"].get("type", "Receipt")
    message = dict(vector["value"])
    if name == "RecordLeaf":
        message["parts"] = [
            {**part, "nameHash": "0x" + keccak(part.pop("name").encode()).hex()}
            for part in [dict(part) for part in message["parts"]]
        ]
    message.pop("type", None)
    signable = encode_typed_data(full_message=typed_data(name, message))
    assert signable.body == unhex(vector["structHash"])


def typed_data(name: str, message: dict[str, Any]) -> dict[str, Any]:
    types = {"EIP712Domain": [{"name": "name", "type": "string"}]}
    for text in filter(None, SPEC_TEXTS[name].split(")")):
        struct, members = text.split("(")
        types[struct] = [dict(zip(("type", "name"), m.split(" "), strict=True)) for m in members.split(",")]
    ints = {member["name"] for member in types[name] if member["type"].startswith("uint")}
    message = {key: int(value) if key in ints else value for key, value in message.items()}
    return {"types": types, "primaryType": name, "domain": {"name": "x"}, "message": message}


@pytest.mark.parametrize("vector", RECEIPTS)
def test_signing_digest_agrees_with_eth_account(vector: dict[str, Any]) -> None:
    data = typed_data("Receipt", vector["value"])
    data["types"]["EIP712Domain"] = [
        {"name": "name", "type": "string"},
        {"name": "version", "type": "string"},
        {"name": "chainId", "type": "uint256"},
        {"name": "verifyingContract", "type": "address"},
    ]
    data["domain"] = {
        "name": "cityledger",
        "version": "1",
        "chainId": vector["chainId"],
        "verifyingContract": vector["ledger"],
    }
    signed = Account.sign_typed_data(vector["operatorKey"], full_message=data)
    assert signed.message_hash == unhex(vector["signingDigest"])
    assert signed.signature == unhex(vector["signature"])


@given(st.sampled_from(["uint8", "uint32", "uint40", "uint64", "uint256"]), st.integers(-1, 2**256))
def test_encode_word_agrees_with_eth_abi(kind: str, value: int) -> None:
    if 0 <= value < 1 << int(kind[4:]):
        assert encode_word(kind, "x", value) == encode([kind], [value])
    else:
        with pytest.raises(FieldError, match=r"^x: "):
            encode_word(kind, "x", value)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("uint8", True),
        ("bool", 1),
        ("bytes32", b"\0" * 31),
        ("bytes32", "0x" + "00" * 32),
        ("address", "0x12"),
        ("address", "0x" + "0_" * 20),
        ("string", b"x"),
        ("string", "\ud800"),
        ("bytes32[]", [b"x"]),
    ],
)
def test_encode_word_refuses_what_does_not_fit(kind: str, value: object) -> None:
    with pytest.raises(FieldError):
        encode_word(kind, "x", value)


@pytest.mark.parametrize("vector", RECEIPTS)
def test_recover_receipt_signer_tells_another_receipt_or_domain_apart(vector: dict[str, Any]) -> None:
    receipt, domain, signature = (
        receipt_from_json(vector["value"]),
        domain_of(vector),
        unhex(vector["signature"]),
    )
    changed = dataclasses.replace(receipt, code=receipt.code - 1)
    assert recover_receipt_signer(changed, domain, signature) != vector["operator"]
    elsewhere = ReceiptDomain(domain.chain_id + 1, domain.ledger)
    assert recover_receipt_signer(receipt, elsewhere, signature) != vector["operator"]


def test_recover_receipt_signer_refuses_other_forms() -> None:
    vector = RECEIPTS[0].values[0]
    receipt, domain, signature = (
        receipt_from_json(vector["value"]),
        domain_of(vector),
        unhex(vector["signature"]),
    )
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    high_s = (order - int.from_bytes(signature[32:64], "big")).to_bytes(32, "big")
    for wrong in (
        b"",
        signature[:-1],
        signature + b"\0",
        signature[:64] + b"\0",
        signature[:64] + b"\x1d",
        signature[:32] + high_s + bytes([55 - signature[64]]),
        bytes(64) + b"\x1b",
        b"\xff" * 32 + signature[32:],
    ):
        with pytest.raises(VerificationError):
            recover_receipt_signer(receipt, domain, wrong)


@pytest.mark.parametrize(
    "change", [{"kem": 0}, {"sealing_key_digest": bytes(32)}, {"action": 14}, {"parts": 256}]
)
def test_receipt_refuses(change: dict[str, Any]) -> None:
    receipt = receipt_from_json(RECEIPTS[0].values[0]["value"])
    with pytest.raises(FieldError):
        dataclasses.replace(receipt, **change)


def test_receipt_from_json_refuses_unknown_and_missing() -> None:
    value = RECEIPTS[0].values[0]["value"]
    with pytest.raises(FieldError, match="unknown member"):
        receipt_from_json(value | {"note": 1})
    with pytest.raises(FieldError, match=r"^salt: is missing"):
        receipt_from_json({name: item for name, item in value.items() if name != "salt"})

"""Every field of a release's receipts, against the vectors."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
from eth_utils.address import to_checksum_address

from cityledger.client.access_context import AccessContext
from cityledger.client.releases.checks import (
    Caller,
    ReleaseExpectation,
    verify_expected_leaf,
    verify_expected_receipts,
)
from cityledger.errors import FieldError, VerificationError
from cityledger.proofs.leaf_json import leaf_from_json, receipt_from_json
from cityledger.proofs.leaves import Receipt, ReceiptDomain, ReceiptLeaf, RecordLeaf, json_name
from cityledger.proofs.ledger import LogInfo, QueriedBlock
from cityledger.proofs.receipts import SignedReceipt, verify_receipt
from cityledger.sealing.sealing_key import SealingPrivateKey
from cityledger.types import (
    Address,
    AgencyId,
    DatasetId,
    LogId,
    LogKind,
    RecordId,
    purpose_from_name,
)
from support.chain.memory_reader import MemoryReader
from support.vector_files import load_vectors, unhex


def of_kind(expect: str) -> list[Any]:
    found = [one for one in load_vectors("receipts.json", expect) if one.values[0]["kind"] == "release"]
    assert found
    return found


def expectation_of(vector: dict[str, Any]) -> ReleaseExpectation:
    said = vector["asked"]
    return ReleaseExpectation(
        instance=unhex(said["instance"]),
        caller=Caller(AgencyId(said["consumer"]), said["officer"], said["system"]),
        dataset=DatasetId(unhex(said["dataset"])),
        record=RecordId(unhex(said["record"])),
        version=said["version"],
        parts=frozenset(said["parts"]),
        purpose=purpose_from_name(said["purpose"]),
        case_digest=AccessContext("X", said["case"]).case_digest,
        sent=said["sent"],
        received=said["received"],
    )


def reader_of(vector: dict[str, Any], leaf: RecordLeaf) -> MemoryReader:
    chain = vector["chain"]
    ledger = Address(to_checksum_address(chain["ledger"]))
    reader = MemoryReader(
        chain["chainId"], ledger, leaf.instance, QueriedBlock(chain["block"], is_final=False)
    )
    info = LogInfo(AgencyId(chain["agency"]), LogKind(chain["kind"]), 0)
    operators = [(one["block"], Address(to_checksum_address(one["account"]))) for one in chain["operators"]]
    for log in (LogId(8), LogId(9)):
        reader.logs[log], reader.operators[log] = info, operators
    reader.providers[leaf.dataset] = AgencyId(chain["datasetProvider"])
    return reader


def signed_of(view: dict[str, Any]) -> SignedReceipt:
    leaf = leaf_from_json(view["leaf"])
    assert isinstance(leaf, ReceiptLeaf)
    return SignedReceipt(receipt_from_json(view["receipt"]), leaf, unhex(view["signature"]))


def verify(vector: dict[str, Any]) -> None:
    leaf, expected = leaf_from_json(vector["leaf"]), expectation_of(vector)
    assert isinstance(leaf, RecordLeaf)
    reader, key = reader_of(vector, leaf), SealingPrivateKey.load(unhex(vector["asked"]["privateKey"]))
    receipts = [signed_of(one) for one in vector["receipts"]]
    verify_expected_leaf(leaf, expected)
    verify_expected_receipts(receipts, leaf, frozenset(vector["released"]), expected, key)
    for one in receipts:
        verify_receipt(one, ReceiptDomain(reader.chain_id, reader.ledger), reader)


@pytest.mark.parametrize("vector", of_kind("ok"))
def test_receipts_of_the_expected_release_are_valid(vector: dict[str, Any]) -> None:
    verify(vector)


@pytest.mark.parametrize("vector", of_kind("refuse"))
def test_receipts_of_anything_else_are_refused(vector: dict[str, Any]) -> None:
    with pytest.raises((VerificationError, FieldError)):
        verify(vector)


def test_every_field_has_a_refusal() -> None:
    """Of a receipt; ``salt`` alone may be anything."""
    text = " ".join(one.values[0]["name"] for one in of_kind("refuse"))
    missing = {json_name(one.name) for one in fields(Receipt) if json_name(one.name) not in text}
    assert missing == {"salt"}

"""Receipts that a verifier refuses, each for one reason."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from eth_account import Account
from eth_account.signers.local import LocalAccount
from scripts.vector_sets.leaves import LEDGER, RECEIPT, RECORD_LEAF, SUBJECTS, part
from scripts.vector_sets.release import SEALING_KEYS
from scripts.vector_sets.values import Vector, fixed, vector

from cityledger.proofs.leaf_json import leaf_to_json, receipt_to_json
from cityledger.proofs.leaves import (
    Receipt,
    ReceiptDomain,
    ReceiptLeaf,
    leaf_hash,
    receipt_signing_digest,
    sign_receipt,
)
from cityledger.types import (
    ZERO32,
    Action,
    Address,
    AgencyId,
    Kem,
    LeafHash,
    LogId,
    purpose_from_name,
)

DOMAIN = ReceiptDomain(31337, Address(LEDGER))
OPERATOR = Account.from_key(fixed("operator"))
STRANGER = Account.from_key(fixed("stranger's account"))
SECP256K1_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def make_receipts() -> Iterable[Vector]:
    yield from make_signatures()
    yield from make_releases()


def make_releases() -> Iterable[Vector]:
    """The receipts of a release of two subjects, and for each field one with a wrong value, although signed
    by the operator."""
    yield release_vector("what was asked and released", "ok", "every field is as it must be", [FIRST, SECOND])
    for name, change in CHANGES.items():
        changed = [replace(FIRST, **change), replace(SECOND, **change)]
        yield release_vector(name, "refuse", f"{name} in every receipt", changed)
    for name, change in DIFFERENCES.items():
        changed = [FIRST, replace(SECOND, **change)]
        yield release_vector(f"{name}, in the second alone", "refuse", "one read, one decision", changed)
    both = [FIRST, SECOND]
    yield release_vector("one subject left out", "refuse", "one receipt per subject", [FIRST])
    yield release_vector("subjects in another order", "refuse", "in their order", [SECOND, FIRST])
    yield release_vector("no receipt", "refuse", "no log, no key", [])
    yield release_vector("signed by a stranger", "refuse", "the log's operator signs", both, STRANGER)
    for name, log in LOGS.items():
        yield release_vector(name, "refuse", "whose receipt: SPEC.md §3", both, log=log)
    for name, wanted in WANTED.items():
        yield release_vector(f"asked for {name}", "refuse", "not what was asked", both, requested=wanted)


def release_vector(
    name: str,
    expect: str,
    why: str,
    receipts: list[Receipt],
    signer: LocalAccount = OPERATOR,
    requested: Vector = {},  # noqa: B006 - never changed
    log: Vector = {},  # noqa: B006 - never changed
) -> Vector:
    return vector(
        f"release: {name}",
        expect,
        why,
        kind="release",
        asked=REQUESTED | requested,
        chain=CHAIN | log,
        leaf=leaf_to_json(LEAF),
        released=[0, 1],
        receipts=[signed_view(one, seq, signer) for seq, one in enumerate(receipts)],
    )


def signed_view(receipt: Receipt, seq: int, signer: LocalAccount) -> Vector:
    previous = LeafHash(ZERO32 if seq == 0 else fixed("previous"))
    leaf = ReceiptLeaf(
        receipt.instance, receipt.log, seq, receipt.struct_hash(), previous, 1, LeafHash(ZERO32)
    )
    signature = "0x" + sign_receipt(receipt, DOMAIN, signer).hex()
    return {"receipt": receipt_to_json(receipt), "leaf": leaf_to_json(leaf), "signature": signature}


LEAF = replace(RECORD_LEAF, subjects=SUBJECTS[:2], parts=(part("summary"), part("影像")))
KEY = SEALING_KEYS[Kem.X25519]
FIRST = replace(
    RECEIPT,
    action=Action.RELEASE,
    block_number=100,
    subject=SUBJECTS[0],
    record_leaf=leaf_hash(LEAF.struct_hash()),
    kem=KEY.kem,
    sealing_key_digest=KEY.digest,
)
SECOND = replace(FIRST, subject=SUBJECTS[1], salt=fixed("another salt"))
REQUESTED: Vector = {
    "instance": FIRST.instance,
    "consumer": FIRST.consumer,
    "officer": FIRST.officer,
    "system": FIRST.system,
    "dataset": FIRST.dataset,
    "record": FIRST.record,
    "version": 1,
    "parts": ["summary", "影像"],
    "purpose": "TREATMENT",
    "case": "2026-东城-0117",
    "sent": FIRST.at - 1,
    "received": FIRST.at + 1,
    "privateKey": KEY.serialize(),
}
CHAIN: Vector = {
    "chainId": DOMAIN.chain_id,
    "ledger": LEDGER.lower(),
    "block": 120,
    "agency": FIRST.provider,
    "kind": 2,
    "datasetProvider": FIRST.provider,
    "operators": [{"block": 7, "account": OPERATOR.address.lower()}],
}
LOGS: dict[str, Vector] = {
    "a log of another agency": {"agency": 4},
    "a log of records": {"kind": 1},
    "a dataset of another provider": {"datasetProvider": 4},
    "a block above the verifier's": {"block": 99},
    "a log that was not open yet": {"operators": [{"block": 101, "account": OPERATOR.address.lower()}]},
    "an operator of before": {
        "operators": [
            {"block": 7, "account": OPERATOR.address.lower()},
            {"block": 100, "account": STRANGER.address.lower()},
        ]
    },
}
WANTED: dict[str, Vector] = {
    "another deployment": {"instance": fixed("elsewhere")},
    "another dataset": {"dataset": fixed("another dataset")},
    "another record": {"record": fixed("another record")},
    "another version": {"version": 2},
    "one part": {"parts": ["summary"]},
    "another case": {"case": ""},
    "a read of long ago": {"sent": FIRST.at - 1_000, "received": FIRST.at - 61},
    "a read to come": {"sent": FIRST.at + 61, "received": FIRST.at + 62},
}
CHANGES: dict[str, Vector] = {
    "instance": {"instance": fixed("elsewhere")},
    "at, too early": {"at": FIRST.at - 62},
    "at, too late": {"at": FIRST.at + 62},
    "action": {"action": Action.READ},
    "permit": {"permit": False},
    "code": {"code": 40},
    "artefactId": {"artefact_id": fixed("artefact")},
    "facts": {"facts": FIRST.facts | 1 << 25},
    "provider": {"provider": AgencyId(4)},
    "consumer": {"consumer": AgencyId(13)},
    "officer": {"officer": "officer-other"},
    "system": {"system": "another desk"},
    "represents": {"represents": AgencyId(3)},
    "caseDigest": {"case_digest": ZERO32},
    "dataset": {"dataset": fixed("another dataset")},
    "record": {"record": fixed("another record")},
    "version": {"version": 2},
    "purpose": {"purpose": purpose_from_name("RESEARCH")},
    "parts": {"parts": 1},
    "recordLeaf": {"record_leaf": fixed("another leaf")},
    "kem": {"kem": Kem.X_WING},
    "sealingKeyDigest": {"sealing_key_digest": fixed("another key")},
}
"""Fields with exactly one valid value."""
DIFFERENCES: dict[str, Vector] = {
    "policy": {"policy": Account.from_key(fixed("another policy")).address},
    "log": {"log": LogId(9)},
    "blockNumber": {"block_number": 99},
    "blockHash": {"block_hash": fixed("another block")},
    "grantId": {"grant_id": fixed("another grant")},
    "at": {"at": FIRST.at + 1},
}
"""Fields that may have any value, the same in all receipts of one read."""


def make_signatures() -> Iterable[Vector]:
    """The operator's signature, and signatures that a lenient library would accept instead."""
    good, digest = sign_receipt(RECEIPT, DOMAIN, OPERATOR), receipt_signing_digest(RECEIPT, DOMAIN)
    r, s, v = good[:32], int.from_bytes(good[32:64], "big"), good[64]
    other_s = (SECP256K1_ORDER - s).to_bytes(32, "big")
    for name, expect, why, signature in (
        ("the operator's", "ok", "65 bytes, v is 27 or 28, s in the lower half", good),
        ("v is 0 or 1", "refuse", "v is 27 or 28", good[:64] + bytes([v - 27])),
        ("v is 29", "refuse", "v is 27 or 28", good[:64] + b"\x1d"),
        ("s in the upper half", "refuse", "the second form of one signature", r + other_s + bytes([55 - v])),
        ("64 bytes (EIP-2098)", "refuse", "65 bytes", good[:64]),
        ("66 bytes", "refuse", "65 bytes", good + b"\0"),
        ("r is 0", "refuse", "fits no account", bytes(32) + good[32:]),
        ("s is 0", "refuse", "fits no account", r + bytes(32) + good[64:]),
    ):
        fields = {"signingDigest": digest, "operator": OPERATOR.address, "signature": signature}
        yield vector(f"signature: {name}", expect, why, kind="signature", **fields)

"""Leaves and receipts: their JSON view, hashes and signatures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from eth_account import Account
from scripts.vector_sets.values import (
    DATASET,
    INSTANCE,
    RECORD,
    Vector,
    fixed,
    vector,
)

from cityledger.keccak import keccak
from cityledger.policy.facts import Facts
from cityledger.proofs.leaf_json import leaf_to_json, receipt_to_json
from cityledger.proofs.leaves import (
    Leaf,
    PartLeaf,
    Receipt,
    ReceiptDomain,
    ReceiptLeaf,
    RecordLeaf,
    Tombstone,
    leaf_hash,
    receipt_signing_digest,
    sign_receipt,
)
from cityledger.types import (
    ZERO32,
    Action,
    Address,
    AgencyId,
    ErasureReason,
    Kem,
    LeafHash,
    LogId,
    Purpose,
    SubjectId,
    purpose_from_name,
)

SUBJECTS = tuple(SubjectId(subject) for subject in sorted(fixed(f"subject {i}") for i in range(3)))
LEDGER = Account.from_key(fixed("ledger")).address


def part(name: str) -> PartLeaf:
    return PartLeaf(name, fixed(f"{name} digest"), fixed(f"{name} commitment"))


RECORD_LEAF = RecordLeaf(
    instance=INSTANCE,
    log=LogId(7),
    seq=41,
    dataset=DATASET,
    record=RECORD,
    version=1,
    subjects=SUBJECTS[:1],
    schema=fixed("schema"),
    parts=(part("summary"),),
)
TOMBSTONE = Tombstone(
    instance=INSTANCE,
    log=LogId(7),
    seq=42,
    erased_leaf=leaf_hash(RECORD_LEAF.struct_hash()),
    reason=ErasureReason.SUBJECT_REQUEST,
    erased_at=1_780_000_000,
    unrecoverable_at=1_782_592_000,
)
PERMITTING = (
    Facts.CONSUMER_ACTIVE
    | Facts.ROLE_HELD
    | Facts.CREDENTIAL_LIVE
    | Facts.PURPOSE_KNOWN
    | Facts.PURPOSE_ALLOWED
    | Facts.PROVIDER_ACTIVE
    | Facts.DATASET_ACTIVE
    | Facts.GRANT_SATISFIED
    | Facts.SHARED
    | Facts.CONSENT_SATISFIED
)
"""Facts that rule 12 permits by a grant: code 120."""
RECEIPT = Receipt(
    instance=INSTANCE,
    policy=Account.from_key(fixed("policy")).address,
    log=LogId(8),
    block_number=2**53 + 1,
    block_hash=fixed("block"),
    at=1_780_000_000,
    action=Action.READ,
    permit=True,
    code=120,
    grant_id=fixed("grant"),
    artefact_id=ZERO32,
    facts=int(PERMITTING),
    provider=AgencyId(3),
    consumer=AgencyId(12),
    officer="officer-7f3a",
    system="ward desk",
    represents=AgencyId(0),
    case_digest=keccak("2026-东城-0117".encode()),
    dataset=DATASET,
    record=RECORD,
    version=1,
    subject=SUBJECTS[0],
    purpose=Purpose(purpose_from_name("TREATMENT")),
    parts=0b11,
    record_leaf=leaf_hash(RECORD_LEAF.struct_hash()),
    kem=Kem.X_WING,
    sealing_key_digest=fixed("sealing key digest"),
    salt=fixed("salt"),
)
DENIAL = replace(
    RECEIPT,
    permit=False,
    code=101,
    facts=int(PERMITTING | Facts.RESTRICTED_FOR_ALL),
    grant_id=ZERO32,
    officer="官员-é-7",
    system="",
    case_digest=ZERO32,
    version=0,
    record_leaf=LeafHash(ZERO32),
    kem=Kem.NONE,
    sealing_key_digest=ZERO32,
)
RECEIPT_LEAF = ReceiptLeaf(
    instance=INSTANCE,
    log=LogId(8),
    seq=5,
    receipt=RECEIPT.struct_hash(),
    previous=LeafHash(fixed("previous")),
    read_no=2,
    prev_read_of_record=LeafHash(fixed("previous read")),
)
FIRST_RECEIPT_LEAF = replace(
    RECEIPT_LEAF, seq=0, previous=LeafHash(ZERO32), read_no=1, prev_read_of_record=LeafHash(ZERO32)
)


def make_leaves() -> Iterable[Vector]:
    eight = tuple(part(f"part {i}") for i in range(8))
    good: list[tuple[str, Leaf]] = [
        ("record leaf with one subject and one part", RECORD_LEAF),
        ("record leaf without subjects", replace(RECORD_LEAF, subjects=())),
        ("record leaf with several subjects", replace(RECORD_LEAF, subjects=SUBJECTS)),
        ("record leaf with eight parts", replace(RECORD_LEAF, parts=eight)),
        (
            "record leaf with part names beyond ASCII",
            replace(RECORD_LEAF, parts=(part("病历"), part("résumé 🚑"))),
        ),
        ("record leaf with a part name of 32 bytes", replace(RECORD_LEAF, parts=(part("é" * 16),))),
        (
            "record leaf at the limits",
            replace(RECORD_LEAF, log=LogId(2**64 - 1), seq=2**64 - 1, version=2**32 - 1),
        ),
        ("tombstone", TOMBSTONE),
        ("tombstone at the limits", replace(TOMBSTONE, erased_at=2**40 - 1, unrecoverable_at=2**40 - 1)),
        ("receipt leaf", RECEIPT_LEAF),
        ("first receipt leaf of its log", FIRST_RECEIPT_LEAF),
        ("receipt leaf that reads one record each time", replace(RECEIPT_LEAF, read_no=6)),
    ]
    for name, leaf in good:
        hashed = leaf.struct_hash()
        yield vector(
            name,
            "ok",
            "a leaf of SPEC.md §3",
            value=leaf_to_json(leaf),
            structHash=hashed,
            leafHash=leaf_hash(hashed),
        )
    yield from make_receipts()
    for name, base, change in bad_leaves():
        yield vector(name, "refuse", "out of the ranges of SPEC.md §3", value=leaf_to_json(base) | change)


def make_receipts() -> Iterable[Vector]:
    domain, account = ReceiptDomain(31337, Address(LEDGER)), Account.from_key(fixed("operator"))
    for name, receipt in (
        ("receipt of a permit", RECEIPT),
        ("receipt of a denial, text beyond ASCII", DENIAL),
    ):
        yield vector(
            name,
            "ok",
            "a receipt, its digest, and the operator's signature in the ledger's domain",
            value=receipt_to_json(receipt),
            structHash=receipt.struct_hash(),
            chainId=domain.chain_id,
            ledger=domain.ledger,
            signingDigest=receipt_signing_digest(receipt, domain),
            operatorKey=fixed("operator"),
            operator=account.address,
            signature=sign_receipt(receipt, domain, account),
        )


def bad_leaves() -> Iterable[tuple[str, Leaf, Vector]]:
    first, second, _ = ("0x" + subject.hex() for subject in SUBJECTS)
    nine = [leaf_to_json(replace(RECORD_LEAF, parts=(part(f"part {i}"),)))["parts"][0] for i in range(9)]  # type: ignore[index]
    yield "subjects descend", RECORD_LEAF, {"subjects": [second, first]}
    yield "a subject stands twice", RECORD_LEAF, {"subjects": [first, first]}
    yield "the zero subject", RECORD_LEAF, {"subjects": ["0x" + "00" * 32]}
    yield "no part", RECORD_LEAF, {"parts": []}
    yield "nine parts", RECORD_LEAF, {"parts": nine}
    yield "a part name stands twice", RECORD_LEAF, {"parts": [nine[0], nine[0]]}
    yield "an empty part name", RECORD_LEAF, {"parts": [nine[0] | {"name": ""}]}
    long_name = nine[0] | {"name": "é" * 16 + "x"}
    yield "a part name of 33 bytes in 17 characters", RECORD_LEAF, {"parts": [long_name]}
    yield "version 0", RECORD_LEAF, {"version": 0}
    yield "log 0", RECORD_LEAF, {"log": "0"}
    yield "a number beyond uint64", RECORD_LEAF, {"seq": str(2**64)}
    yield "unknown reason", TOMBSTONE, {"reason": 5}
    yield "unrecoverable before erased", TOMBSTONE, {"unrecoverableAt": 1_779_999_999}
    yield "a time beyond uint40", TOMBSTONE, {"unrecoverableAt": 2**40}
    yield "a later receipt leaf without previous", RECEIPT_LEAF, {"previous": "0x" + "00" * 32}
    yield "a first receipt leaf with previous", FIRST_RECEIPT_LEAF, {"previous": "0x" + "11" * 32}
    yield "a second read without the first", RECEIPT_LEAF, {"prevReadOfRecord": "0x" + "00" * 32}
    yield "a first read that names one before", FIRST_RECEIPT_LEAF, {"prevReadOfRecord": "0x" + "11" * 32}
    yield "a read number beyond the log's numbers", RECEIPT_LEAF, {"readNo": "7"}
    yield (
        "a second read in the first leaf",
        FIRST_RECEIPT_LEAF,
        {"readNo": "2", "prevReadOfRecord": "0x" + "11" * 32},
    )

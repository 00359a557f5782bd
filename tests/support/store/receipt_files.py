"""Exports of receipts that a test makes without a node, as any holder of a key can."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import msgspec
from eth_account import Account
from eth_account.signers.local import LocalAccount

from cityledger.client.answers import NodeInfo, ProvenFile, Read
from cityledger.client.audit.file import header_line, read_line
from cityledger.keccak import keccak
from cityledger.proofs.leaves import (
    Receipt,
    ReceiptDomain,
    ReceiptLeaf,
    leaf_hash,
    sign_receipt,
)
from cityledger.proofs.merkle import Tree
from cityledger.proofs.proof_file import Anchor, Proof, TreePlace, format_proof
from cityledger.proofs.receipts import SignedReceipt
from cityledger.proofs.verify import verify_proof
from cityledger.types import (
    NO_AGENCY,
    NO_SUBJECT,
    ZERO32,
    Action,
    Address,
    AgencyId,
    DatasetId,
    Kem,
    LeafHash,
    LogId,
    LogKind,
    RecordId,
    purpose_from_name,
)
from support.chain.memory_reader import MemoryReader
from support.city.permitting_facts import PERMITTING

CHAIN_ID, LEDGER = 31337, Address("0x5FbDB2315678afecb367f032d93F642f64180aa3")
INSTANCE, DATASET = keccak(b"instance"), DatasetId(keccak(b"dataset"))
DOMAIN = ReceiptDomain(CHAIN_ID, LEDGER)
PROVIDER, CONSUMER, EVIL = AgencyId(1), AgencyId(2), AgencyId(3)
LOG = LogId(4)
OPERATOR: LocalAccount = Account.from_key(keccak(b"operator"))
STRANGER: LocalAccount = Account.from_key(keccak(b"stranger"))
RECEIPT = Receipt(
    instance=INSTANCE,
    policy=Address("0x" + "77" * 20),
    log=LOG,
    block_number=50,
    block_hash=keccak(b"block 50"),
    at=1_800_000_000,
    action=Action.READ,
    permit=True,
    code=120,
    grant_id=ZERO32,
    artefact_id=ZERO32,
    facts=int(PERMITTING),
    provider=PROVIDER,
    consumer=CONSUMER,
    officer="chief.wang",
    system="desk",
    represents=NO_AGENCY,
    case_digest=ZERO32,
    dataset=DATASET,
    record=RecordId(keccak(b"record")),
    version=1,
    subject=NO_SUBJECT,
    purpose=purpose_from_name("CREDIT"),
    parts=1,
    record_leaf=LeafHash(keccak(b"leaf")),
    kem=Kem.NONE,
    sealing_key_digest=ZERO32,
    salt=keccak(b"salt"),
)


def chained(receipts: Sequence[Receipt], signer: LocalAccount = OPERATOR) -> list[SignedReceipt]:
    """The receipts, signed and numbered from 0; every read is of a record of its own."""
    made: list[SignedReceipt] = []
    previous = LeafHash(ZERO32)
    for seq, one in enumerate(receipts):
        receipt = replace(one, record=RecordId(keccak(b"record %d" % seq)))
        leaf = ReceiptLeaf(
            receipt.instance, receipt.log, seq, receipt.struct_hash(), previous, 1, LeafHash(ZERO32)
        )
        previous = leaf_hash(leaf.struct_hash())
        made.append(SignedReceipt(receipt, leaf, sign_receipt(receipt, DOMAIN, signer)))
    return made


def proofs_of(signed: Sequence[SignedReceipt]) -> list[Proof]:
    """Their proofs, all in one batch."""
    tree = Tree([leaf_hash(one.leaf.struct_hash()) for one in signed])
    anchor = Anchor(CHAIN_ID, LEDGER, keccak(b"transaction"), 60, keccak(b"block 60"))
    return [
        Proof(one.leaf, TreePlace(one.leaf.log, 0, tree.size, i, tree.root, tree.inclusion_proof(i)), anchor)
        for i, one in enumerate(signed)
    ]


def export(
    signed: Sequence[SignedReceipt], proofs: Sequence[Proof | None], agency: AgencyId = CONSUMER
) -> list[bytes]:
    """The lines of a file."""
    node = NodeInfo(INSTANCE, CHAIN_ID, {"RecordLedger": LEDGER}, "city.test", (PROVIDER,))
    lines = [header_line(node, agency, 1_800_000_100)]
    for one, proof in zip(signed, proofs, strict=True):
        file = None if proof is None else ProvenFile(format_proof(proof), proof, verify_proof(proof))
        lines.append(read_line(_read_of(one), file))
    return lines


def chain_of(proofs: Sequence[Proof], agency: AgencyId = PROVIDER) -> MemoryReader:
    """A chain on which the batch of these proofs is anchored, in a log of ``agency``."""
    reader = MemoryReader(CHAIN_ID, LEDGER, INSTANCE, providers={DATASET: PROVIDER})
    reader.open_log(LOG, agency, LogKind.RECEIPTS, Address(OPERATOR.address))
    for proof in proofs:
        reader.anchor(proof)
    return reader


def receipt_file(one: SignedReceipt) -> bytes:
    """The file that ``cityledger verify --receipt`` reads."""
    decoded = msgspec.json.decode(read_line(_read_of(one), None))
    return msgspec.json.encode(decoded["whole"])


def _read_of(one: SignedReceipt) -> Read:
    receipt = one.receipt
    return Read(
        at=receipt.at,
        action=receipt.action,
        permit=receipt.permit,
        code=receipt.code,
        provider=receipt.provider,
        consumer=receipt.consumer,
        officer=receipt.officer,
        system=receipt.system,
        represents=receipt.represents or None,
        case_digest=receipt.case_digest,
        dataset=receipt.dataset,
        record=receipt.record,
        purpose=receipt.purpose,
        whole=one,
    )

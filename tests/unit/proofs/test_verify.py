from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from cityledger.errors import VerificationError
from cityledger.proofs.leaves import ReceiptLeaf, RecordLeaf, Tombstone, leaf_hash
from cityledger.proofs.ledger import LogInfo
from cityledger.proofs.merkle import Tree
from cityledger.proofs.proof_file import Proof, parse_proof
from cityledger.proofs.verify import Companion, Level, verify_payload, verify_proof
from cityledger.types import Address, AgencyId, LogId, LogKind
from support.chain.memory_reader import HEAD, MemoryReader
from support.vector_files import load_vectors


def proof_named(name: str) -> Proof:
    vector = next(v.values[0] for v in load_vectors("proof_files.json", "ok") if v.id == name)
    return parse_proof(vector["file"].encode())


RECORD = proof_named("record leaf with openings")
RECEIPT = proof_named("receipt leaf")
TOMBSTONE = proof_named("tombstone")


OPERATOR = Address("0x" + "33" * 20)
AGENCY = AgencyId(3)


def holding(*proofs: Proof, kind: LogKind | None = None) -> MemoryReader:
    """A ledger that has anchored the batches of these proofs, all in logs of one agency."""
    first = proofs[0]
    reader = MemoryReader(first.anchor.chain_id, first.anchor.ledger, first.leaf.instance)
    for proof in proofs:
        is_receipt = isinstance(proof.leaf, ReceiptLeaf)
        fitting = LogKind.RECEIPTS if is_receipt else LogKind.RECORDS
        reader.open_log(proof.leaf.log, AGENCY, kind or fitting, OPERATOR)
        reader.anchor(proof)
        if isinstance(proof.leaf, RecordLeaf):
            reader.providers[proof.leaf.dataset] = AGENCY
    return reader


LEVELS = [(RECORD, Level.ANCHORED), (TOMBSTONE, Level.ROOT_ONLY), (RECEIPT, Level.ROOT_ONLY)]


@pytest.mark.parametrize(("proof", "level"), LEVELS)
def test_verify_proof_reaches_its_level_where_the_ledger_has_the_root(proof: Proof, level: Level) -> None:
    alone = verify_proof(proof)
    assert (alone.level, alone.block) == (Level.PATH_ONLY, None)
    verdict = verify_proof(proof, holding(proof))
    assert (verdict.level, verdict.block) == (level, HEAD)


@pytest.mark.parametrize(("proof", "_level"), LEVELS)
def test_verify_proof_refuses_a_log_of_the_other_kind(proof: Proof, _level: Level) -> None:
    other = LogKind.RECORDS if isinstance(proof.leaf, ReceiptLeaf) else LogKind.RECEIPTS
    with pytest.raises(VerificationError, match="another kind"):
        verify_proof(proof, holding(proof, kind=other))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"chain_id": 1}, "another chain or ledger"),
        ({"ledger": "0x" + "00" * 20}, "another chain or ledger"),
        ({"stated_instance": b"x" * 32}, "another deployment"),
        ({"batches": {}}, "no such batch"),
        ({"logs": {}}, "another kind"),
        ({"providers": {}}, "not the dataset's provider's"),
        (
            {"logs": {RECORD.tree.log: LogInfo(AgencyId(4), LogKind.RECORDS, 0)}},
            "not the dataset's provider's",
        ),
    ],
)
def test_verify_proof_refuses_what_the_ledger_does_not_hold(change: dict[str, Any], reason: str) -> None:
    ledger = dataclasses.replace(holding(RECORD), **change)
    with pytest.raises(VerificationError, match=reason):
        verify_proof(RECORD, ledger)


@pytest.mark.parametrize("count", [6, 8])
def test_verify_proof_binds_the_count_by_the_ledgers_word(count: int) -> None:
    """The path alone may fit another count of the same shape; the anchor does not."""
    changed = dataclasses.replace(RECORD, tree=dataclasses.replace(RECORD.tree, count=count))
    with pytest.raises(VerificationError, match="no such batch"):
        verify_proof(changed, holding(RECORD))


def test_verify_payload_takes_the_exact_bytes_only() -> None:
    verify_payload(RECORD, 0, b"payload of summary")
    verify_payload(RECORD, 1, "payload of 影像".encode())
    for part, payload in ((0, b"payload of summary "), (1, b"payload of summary")):
        with pytest.raises(VerificationError, match=f"not what part {part} commits to"):
            verify_payload(RECORD, part, payload)


@pytest.mark.parametrize(
    ("proof", "part"), [(RECORD, 2), (proof_named("record leaf without openings"), 0), (RECEIPT, 0)]
)
def test_verify_payload_needs_the_opening(proof: Proof, part: int) -> None:
    with pytest.raises(VerificationError, match="no opening"):
        verify_payload(proof, part, b"x")


def tombstone_of(erased: Proof) -> Proof:
    """The proof of a tombstone of a record leaf, in a batch of its own."""
    hashed = leaf_hash(erased.leaf.struct_hash())
    assert isinstance(TOMBSTONE.leaf, Tombstone)
    leaf = dataclasses.replace(TOMBSTONE.leaf, erased_leaf=hashed, log=LogId(9), seq=0)
    root = Tree([leaf_hash(leaf.struct_hash())]).root
    place = dataclasses.replace(TOMBSTONE.tree, log=LogId(9), first=0, count=1, index=0, root=root, path=())
    return dataclasses.replace(TOMBSTONE, leaf=leaf, tree=place)


def test_a_tombstone_is_anchored_with_the_leaf_that_it_erased() -> None:
    tombstone = tombstone_of(RECORD)
    assert verify_proof(tombstone, None, Companion(erased=RECORD)).level is Level.PATH_ONLY
    reader = holding(RECORD, tombstone)
    assert verify_proof(tombstone, reader, Companion(erased=RECORD)).level is Level.ANCHORED


def test_a_tombstone_of_another_agencys_log_erases_nothing() -> None:
    tombstone = tombstone_of(RECORD)
    reader = holding(RECORD, tombstone)
    reader.open_log(tombstone.leaf.log, AgencyId(4), LogKind.RECORDS, OPERATOR)
    with pytest.raises(VerificationError, match="log of another agency"):
        verify_proof(tombstone, reader, Companion(erased=RECORD))


def test_a_tombstone_erases_the_leaf_that_it_names() -> None:
    other = proof_named("record leaf without openings")
    with pytest.raises(VerificationError, match="another leaf"):
        verify_proof(tombstone_of(RECORD), None, Companion(erased=other))
    with pytest.raises(VerificationError, match="not of a tombstone"):
        verify_proof(RECORD, None, Companion(erased=RECORD))


def test_the_erased_leaf_has_to_be_anchored_too() -> None:
    tombstone = tombstone_of(RECORD)
    reader = holding(RECORD, tombstone)
    del reader.batches[RECORD.tree.log, RECORD.tree.first]
    with pytest.raises(VerificationError, match="no such batch"):
        verify_proof(tombstone, reader, Companion(erased=RECORD))

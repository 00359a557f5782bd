"""Verifies a proof: alone (path only), or against a chain that the verifier reads (root only, anchored).
Source: SPEC.md §7."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from enum import Enum

from cityledger.errors import VerificationError
from cityledger.keccak import keccak
from cityledger.proofs.leaves import Leaf, ReceiptDomain, ReceiptLeaf, RecordLeaf, Tombstone, leaf_hash
from cityledger.proofs.ledger import LedgerReader, QueriedBlock
from cityledger.proofs.merkle import MAX_BATCH_LEAVES, verify_inclusion
from cityledger.proofs.proof_file import Proof
from cityledger.proofs.receipts import SignedReceipt, verify_receipt
from cityledger.types import ZERO32, LeafHash, LogKind


class Level(Enum):
    """The strength of a verdict, in the words that the verifier prints."""

    PATH_ONLY = "path only"
    """The file is consistent in itself."""
    ROOT_ONLY = "root only"
    """The ledger holds the batch, but the leaf names by hash what was not presented: a tombstone the leaf
    that it erased, a receipt leaf its receipt. So the record or read in question is not known."""
    ANCHORED = "anchored"
    """The ledger holds the batch, and the agency of its log may make the leaf's statement."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of a verification. A verdict exists only for a valid proof. ``block`` is None if no chain
    was read."""

    level: Level
    leaf_hash: LeafHash
    root: bytes
    block: QueriedBlock | None = None


@dataclass(frozen=True, slots=True)
class Companion:
    """Evidence that a leaf names by hash only. ``erased``: the proof of the leaf that a tombstone erased;
    ``receipt``: the signed receipt of a receipt leaf."""

    erased: Proof | None = None
    receipt: SignedReceipt | None = None


ALONE = Companion()


def verify_proof(proof: Proof, reader: LedgerReader | None = None, companion: Companion = ALONE) -> Verdict:
    """Checks a proof by the steps of SPEC.md §7; without ``reader`` the verdict is path only.

    Raises:
        VerificationError: a step fails; the message names it.
    """
    hashed = verify_path(proof)
    if reader is not None:
        verify_anchor(proof, reader)
    _verify_companion(proof, companion, reader)
    if reader is None:
        return Verdict(Level.PATH_ONLY, hashed, proof.tree.root)
    is_whole = isinstance(proof.leaf, RecordLeaf) or companion != ALONE
    level = Level.ANCHORED if is_whole else Level.ROOT_ONLY
    return Verdict(level, hashed, proof.tree.root, reader.block)


def verify_path(proof: Proof) -> LeafHash:
    """Steps (2) to (4): the file is consistent in itself. Step (1), its form, is ``parse_proof``.

    Raises:
        VerificationError: it is not.
    """
    leaf, tree = proof.leaf, proof.tree
    # (2) The position is the leaf's: same log, count in range, index = seq − first.
    if tree.log != leaf.log:
        raise VerificationError("the tree is of another log than the leaf")
    if not 1 <= tree.count <= MAX_BATCH_LEAVES:
        raise VerificationError(f"the batch does not hold 1 to {MAX_BATCH_LEAVES} leaves")
    if tree.index != leaf.seq - tree.first:
        raise VerificationError("the index is not seq − first")
    # (3) The leaf hash, from the leaf's own fields.
    hashed = leaf_hash(leaf.struct_hash())
    # (4) The path leads from it to the root, without a rest.
    verify_inclusion(hashed, tree.index, tree.count, tree.path, tree.root)
    return hashed


def verify_anchor(proof: Proof, reader: LedgerReader) -> None:
    """Steps (5) to (7): the chain holds the root, and the log may hold this leaf.

    Raises:
        VerificationError: it does not, or the file names another chain, ledger or deployment.
    """
    leaf, tree = proof.leaf, proof.tree
    # (5) The same chain, ledger and deployment. A root found in a ledger that the file chose would prove
    # nothing.
    if (proof.anchor.chain_id, proof.anchor.ledger) != (reader.chain_id, reader.ledger):
        raise VerificationError("the proof names another chain or ledger than the verifier's")
    if leaf.instance != reader.instance():
        raise VerificationError("the leaf is of another deployment")
    # (6) The ledger's entry of this batch is this root and count.
    word = reader.batch_word(tree.log, tree.first)
    if word == ZERO32 or word != batch_word(tree.root, tree.count):
        raise VerificationError("the ledger has no such batch")
    # (7) The log may hold such a leaf.
    _verify_log(leaf, reader)


def verify_payload(proof: Proof, part_bit: int, payload: bytes) -> None:
    """Checks that ``payload`` is, byte for byte, what the leaf's part commits to, with the opening in the
    file.

    Raises:
        VerificationError: it is not, or the file has no opening for the part.
    """
    for opening in proof.openings:
        if opening.part == part_bit and isinstance(proof.leaf, RecordLeaf):
            computed = hmac.digest(opening.opening, payload, "sha256")
            if not hmac.compare_digest(computed, proof.leaf.parts[part_bit].commitment):
                raise VerificationError(f"the payload is not what part {part_bit} commits to")
            return
    raise VerificationError(f"the proof has no opening for part {part_bit}")


def batch_word(root: bytes, count: int) -> bytes:
    """The 32 bytes that the ledger stores of a batch: keccak(abi.encode(root, count)). Source: SPEC.md §4."""
    return keccak(root + count.to_bytes(32, "big"))


def _verify_log(leaf: Leaf, reader: LedgerReader) -> None:
    log = reader.log_info(leaf.log)
    expected = LogKind.RECEIPTS if isinstance(leaf, ReceiptLeaf) else LogKind.RECORDS
    if log is None or log.kind is not expected:
        raise VerificationError("the log is of another kind than the leaf")
    if isinstance(leaf, RecordLeaf) and log.agency != reader.dataset_provider(leaf.dataset):
        raise VerificationError("the log is not the dataset's provider's")


def _verify_companion(proof: Proof, companion: Companion, reader: LedgerReader | None) -> None:
    """Step (8): the evidence that the leaf names by hash.

    Raises:
        VerificationError: it is of another leaf, or of another agency's log.
    """
    if companion.erased is not None:
        _verify_erased(proof, companion.erased, reader)
    if companion.receipt is not None:
        if companion.receipt.leaf != proof.leaf:
            raise VerificationError("the receipt is of another leaf than the proof")
        domain = ReceiptDomain(proof.anchor.chain_id, proof.anchor.ledger)  # step (5): the verifier's
        verify_receipt(companion.receipt, domain, reader)


def _verify_erased(proof: Proof, erased: Proof, reader: LedgerReader | None) -> None:
    tombstone, leaf = proof.leaf, erased.leaf
    if not isinstance(tombstone, Tombstone) or not isinstance(leaf, RecordLeaf):
        raise VerificationError("the proofs are not of a tombstone and of the record leaf that it erased")
    if (tombstone.erased_leaf, tombstone.instance) != (verify_path(erased), leaf.instance):
        raise VerificationError("the tombstone names another leaf than the one shown as erased")
    if reader is not None:
        verify_anchor(erased, reader)
        owner, erasing = reader.log_info(leaf.log), reader.log_info(tombstone.log)
        if owner is None or erasing is None or owner.agency != erasing.agency:
            raise VerificationError("the tombstone is in a log of another agency than the leaf that it names")

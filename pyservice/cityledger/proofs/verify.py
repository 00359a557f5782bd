"""Whether a proof holds: alone (path only), or against a chain that the verifier asks (anchored). Source:
SPEC.md §7."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from cityledger.errors import VerificationError
from cityledger.keccak import keccak
from cityledger.proofs.leaves import Leaf, ReceiptLeaf, RecordLeaf, leaf_hash
from cityledger.proofs.merkle import MAX_BATCH_LEAVES, verify_inclusion
from cityledger.proofs.proof_file import Proof
from cityledger.types import ZERO32, Address, AgencyId, DatasetId, LeafHash, LogId, LogKind


class Level(Enum):
    """How much a verdict says, in the words that the verifier prints."""

    PATH_ONLY = "path only"
    ANCHORED = "anchored"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found. A verdict exists only for a proof that holds."""

    level: Level
    leaf_hash: LeafHash
    root: bytes


@dataclass(frozen=True, slots=True)
class LogInfo:
    """Whose log it is and what it holds."""

    agency: AgencyId
    kind: LogKind


class LedgerReader(Protocol):
    """A chain that the verifier trusts, all answers of one block. It is the verifier who chose ``ledger``,
    not the file."""

    @property
    def chain_id(self) -> int: ...

    @property
    def ledger(self) -> Address: ...

    def instance(self) -> bytes:
        """The deployment's 32 bytes."""
        ...

    def batch_word(self, log: LogId, first: int) -> bytes:
        """keccak(abi.encode(root, count)) of the batch, 32 zero bytes for none."""
        ...

    def log_info(self, log: LogId) -> LogInfo | None:
        """None for a log that does not exist."""
        ...

    def dataset_provider(self, dataset: DatasetId) -> AgencyId:
        """0 for a dataset that does not exist."""
        ...


def verify_proof(proof: Proof, reader: LedgerReader | None = None) -> Verdict:
    """Check a proof by the steps of SPEC.md §7; without ``reader`` the verdict is path only.

    Raises:
        VerificationError: a step fails; the message says which.
    """
    hashed = verify_path(proof)
    if reader is None:
        return Verdict(Level.PATH_ONLY, hashed, proof.tree.root)
    verify_anchor(proof, reader)
    return Verdict(Level.ANCHORED, hashed, proof.tree.root)


def verify_path(proof: Proof) -> LeafHash:
    """Steps (2) to (4): the file agrees with itself. Step (1), its form, is ``parse_proof``.

    Raises:
        VerificationError: it does not.
    """
    leaf, tree = proof.leaf, proof.tree
    # (2) The place is the leaf's: same log, count in range, index = seq − first.
    if tree.log != leaf.log:
        raise VerificationError("the tree is of another log than the leaf")
    if not 1 <= tree.count <= MAX_BATCH_LEAVES:
        raise VerificationError(f"the batch does not hold 1 to {MAX_BATCH_LEAVES} leaves")
    if tree.index != leaf.seq - tree.first:
        raise VerificationError("the index is not seq − first")
    # (3) The leaf hash, from the leaf's own fields.
    hashed = leaf_hash(leaf.struct_hash())
    # (4) The path, wholly used, leads from it to the root.
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
        raise VerificationError("the proof names another chain or ledger than was asked")
    if leaf.instance != reader.instance():
        raise VerificationError("the leaf is of another deployment")
    # (6) The ledger's word for this batch is this root and count.
    word = reader.batch_word(tree.log, tree.first)
    if word == ZERO32 or word != batch_word(tree.root, tree.count):
        raise VerificationError("the ledger has no such batch")
    # (7) The log may hold such a leaf.
    _verify_log(leaf, reader)


def verify_payload(proof: Proof, part_bit: int, payload: bytes) -> None:
    """Check that ``payload`` is, byte for byte, what the leaf's part commits to, with the opening in the
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
    """The one word that the ledger stores of a batch: keccak(abi.encode(root, count)). Source: SPEC.md §4."""
    return keccak(root + count.to_bytes(32, "big"))


def _verify_log(leaf: Leaf, reader: LedgerReader) -> None:
    log = reader.log_info(leaf.log)
    expected = LogKind.RECEIPTS if isinstance(leaf, ReceiptLeaf) else LogKind.RECORDS
    if log is None or log.kind is not expected:
        raise VerificationError("the log is of another kind than the leaf")
    if isinstance(leaf, RecordLeaf) and log.agency != reader.dataset_provider(leaf.dataset):
        raise VerificationError("the log is not the dataset's provider's")

"""Verifies the proof files that a node returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from cityledger.client.answers import ErasureProof, ProvenFile
from cityledger.errors import VerificationError
from cityledger.proofs.leaves import ReceiptLeaf, RecordLeaf
from cityledger.proofs.ledger import LedgerReader
from cityledger.proofs.proof_file import PartOpening, Proof, format_proof, parse_proof
from cityledger.proofs.verify import Companion, verify_proof
from cityledger.types import DatasetId, RecordId


def proven(
    data: bytes,
    reader: LedgerReader | None,
    *,
    dataset: DatasetId | None = None,
    record: RecordId | None = None,
    version: int | None = None,
    receipt: bytes | None = None,
) -> ProvenFile:
    """A proof file, after it was verified and found to be of what was requested.

    Raises:
        VerificationError: it is not valid, or is of something else.
    """
    proof = parse_proof(data)
    leaf = proof.leaf
    if receipt is not None and not (isinstance(leaf, ReceiptLeaf) and leaf.receipt == receipt):
        raise VerificationError("the proof is of another receipt than was requested")
    if dataset is not None:
        _verify_record(proof, dataset, record, version)
    return ProvenFile(data, proof, verify_proof(proof, reader))


def proven_erasure(data: bytes, erased: ProvenFile, reader: LedgerReader | None) -> ErasureProof:
    """The proof file of a tombstone, after it was verified and found to erase the leaf of ``erased``.

    Raises:
        VerificationError: it is not valid, or is of another leaf, or in another agency's log.
    """
    proof = parse_proof(data)
    verdict = verify_proof(proof, reader, Companion(erased=erased.proof))
    return ErasureProof(ProvenFile(data, proof, verdict), erased)


def with_openings(file: ProvenFile, openings: Mapping[int, bytes]) -> ProvenFile:
    """The same proof with the openings of parts, so that a holder of a payload can check the payload too.

    ``openings`` are those of an ``OpenedRecord``, by part bit.
    """
    opened = tuple(PartOpening(bit, opening) for bit, opening in sorted(openings.items()))
    proof = replace(file.proof, openings=opened)
    return ProvenFile(format_proof(proof), proof, file.verdict)


def _verify_record(proof: Proof, dataset: DatasetId, record: RecordId | None, version: int | None) -> None:
    leaf = proof.leaf
    if not isinstance(leaf, RecordLeaf) or leaf.dataset != dataset:
        raise VerificationError("the proof is of another dataset than was requested")
    if record is not None and leaf.record != record:
        raise VerificationError("the proof is of another record than was requested")
    if version is not None and leaf.version != version:
        raise VerificationError("the proof is of another version than was requested")

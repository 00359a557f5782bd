"""The receipts that an agency took home: an NDJSON file, made from a node's answers and verified without it.

The first line names format, deployment and agency; each further line is one read as ``GET /v1/reads`` tells
it, with the receipt's proof file as ``proof``, null where its batch was not mined yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from cityledger import strict_json
from cityledger.client.answers import NodeInfo, ProvenFile, Read, SignedReceipt
from cityledger.client.wire import json_of, read_answer
from cityledger.errors import CityledgerError, InputError, NodeError, VerificationError
from cityledger.proofs.leaves import ReceiptDomain, ReceiptLeaf, leaf_hash, recover_receipt_signer
from cityledger.proofs.proof_file import parse_proof
from cityledger.proofs.verify import LedgerReader, Level, verify_proof
from cityledger.types import Address, AgencyId, LogId, RecordId

FORMAT = "cityledger-audit/1"
_MAX_LINE_BYTES = 262_144


@dataclass(frozen=True, slots=True)
class AuditHeader:
    """What the file is of, unproven: who verifies with a chain takes these from the chain instead."""

    format: str
    instance: bytes
    chain_id: int
    ledger: Address
    agency: AgencyId
    exported_at: int


@dataclass(slots=True)
class AuditTally:
    """What a file held, and how much of it could be held against something.

    ``links`` are receipts whose predecessor in the log is here too, and agrees; ``gaps`` are those whose
    predecessor is not: receipts that the agency may not see whole, or another export. ``unseen`` are the
    reads of which only the outcome was told. ``anchored`` counts proofs that a chain confirmed.
    """

    receipts: int = 0
    unseen: int = 0
    links: int = 0
    gaps: int = 0
    proven: int = 0
    anchored: int = 0
    signers: dict[LogId, set[Address]] = field(default_factory=dict)


def header_line(node: NodeInfo, agency: AgencyId, exported_at: int) -> bytes:
    """The first line; ``exported_at`` in Unix seconds."""
    ledger = node.contracts["RecordLedger"]
    header = AuditHeader(FORMAT, node.instance, node.chain_id, ledger, agency, exported_at)
    return msgspec.json.encode(json_of(header)) + b"\n"


def read_line(read: Read, proof: ProvenFile | None) -> bytes:
    """A read with its proof."""
    held: dict[str, Any] = json_of(read)
    return msgspec.json.encode({**held, "proof": msgspec.Raw(_one_line(proof)) if proof else None}) + b"\n"


def verify_audit(lines: Iterable[bytes], reader: LedgerReader | None = None) -> AuditTally:
    """Checks a file: every receipt, its signature, its place in its log, its number, and its proof.

    ``reader`` asks a chain that the verifier trusts; without it the file is held only against itself.

    Raises:
        VerificationError: something does not hold; names the line.
        ChainError: the chain cannot be asked.
    """
    numbered = iter(enumerate(lines, 1))
    header = _header(next(numbered, (1, b""))[1])
    if reader is not None and reader.instance() != header.instance:
        raise VerificationError("line 1: the file is of another deployment than the chain's")
    seen = _Seen(header, reader)
    for number, line in numbered:
        try:
            seen.take(line)
        except VerificationError as error:
            raise VerificationError(f"line {number}: {error}") from error
    seen.verify_chains()
    return seen.tally


class _Seen:
    """The file so far."""

    def __init__(self, header: AuditHeader, reader: LedgerReader | None) -> None:
        self._header = header
        self._reader = reader
        self._domain = ReceiptDomain(
            reader.chain_id if reader else header.chain_id, reader.ledger if reader else header.ledger
        )
        self._leaves: dict[tuple[LogId, int], ReceiptLeaf] = {}
        self._reads: dict[tuple[LogId, RecordId, int], ReceiptLeaf] = {}
        self.tally = AuditTally()

    def take(self, line: bytes) -> None:
        read, proof = _parsed(line)
        if read.whole is None:
            self.tally.unseen += 1
            return
        # (1) the line tells what the receipt says, and the receipt is the one in its leaf
        _verify_told(read, read.whole)
        # (2) one account signed it, and it is counted under its log
        self._verify_signature(read.whole)
        # (3) its place in the log and among the record's reads is its own
        if self._keep(read.whole, read.record):
            self.tally.receipts += 1
            # (4) its proof is of this leaf, and holds
            self._verify_proof(read.whole.leaf, proof)

    def verify_chains(self) -> None:
        """(5) each leaf names the hash of the one before it, in its log and among its record's reads."""
        for (log, seq), leaf in self._leaves.items():
            before = self._leaves.get((log, seq - 1))
            if before is not None:
                _verify_names(leaf.previous, before, f"receipt {seq} of log {log}", "previous")
                self.tally.links += 1
            elif seq:
                self.tally.gaps += 1
        for (log, record, number), leaf in self._reads.items():
            before = self._reads.get((log, record, number - 1))
            if before is not None:
                told = f"receipt {leaf.seq} of log {log}"
                _verify_names(leaf.prev_read_of_record, before, told, "prevReadOfRecord")

    def _verify_signature(self, whole: SignedReceipt) -> None:
        signer = recover_receipt_signer(whole.receipt, self._domain, whole.signature)
        self.tally.signers.setdefault(whole.leaf.log, set()).add(signer)

    def _keep(self, whole: SignedReceipt, record: RecordId) -> bool:
        """Whether the leaf is new here. A repeat of the same one is no harm; another in its place is."""
        leaf = whole.leaf
        if leaf.instance != self._header.instance:
            raise VerificationError("the receipt is of another deployment")
        held = self._leaves.setdefault((leaf.log, leaf.seq), leaf)
        if held is leaf and self._reads.setdefault((leaf.log, record, leaf.read_no), leaf) is not leaf:
            raise VerificationError("two receipts have one number among the record's reads")
        if held != leaf:
            raise VerificationError("two receipts have one place in the log")
        return held is leaf

    def _verify_proof(self, leaf: ReceiptLeaf, data: bytes | None) -> None:
        if data is None:
            return
        proof = _proof(data)
        if proof.leaf != leaf:
            raise VerificationError("the proof is of another leaf")
        verdict = verify_proof(proof, self._reader)
        self.tally.proven += 1
        self.tally.anchored += verdict.level is not Level.PATH_ONLY


def _header(line: bytes) -> AuditHeader:
    try:
        header = read_answer(AuditHeader, strict_json.parse(line, max_bytes=_MAX_LINE_BYTES), "an export")
    except (InputError, NodeError):
        raise VerificationError(f"line 1: not the first line of {FORMAT}") from None
    if header.format != FORMAT:
        raise VerificationError(f"line 1: format is not {FORMAT}")
    return header


def _parsed(line: bytes) -> tuple[Read, bytes | None]:
    try:
        held = strict_json.parse(line, max_bytes=_MAX_LINE_BYTES)
        if not isinstance(held, dict) or "proof" not in held:
            raise VerificationError("not a read with its proof")
        proof = None if held.pop("proof") is None else strict_json.raw_members(line)["proof"]
        return read_answer(Read, held, "a read"), proof
    except (InputError, NodeError) as error:
        raise VerificationError(f"not a read with its proof: {error}") from error


def _proof(data: bytes) -> Any:
    try:
        return parse_proof(data)
    except CityledgerError as error:
        raise VerificationError(f"the proof: {error}") from error


def _verify_told(read: Read, whole: SignedReceipt) -> None:
    receipt, leaf = whole.receipt, whole.leaf
    if leaf.receipt != receipt.struct_hash() or leaf.log != receipt.log:
        raise VerificationError("the receipt is not the one in its leaf")
    for name in ("at", "action", "permit", "provider", "consumer", "officer", "system", "dataset", "record"):
        if getattr(read, name) != getattr(receipt, name):
            raise VerificationError(f"the receipt says another {name}")
    if (read.purpose, read.case_digest) != (receipt.purpose, receipt.case_digest):
        raise VerificationError("the receipt says another purpose or case")


def _verify_names(named: bytes, before: ReceiptLeaf, told: str, member: str) -> None:
    if named != leaf_hash(before.struct_hash()):
        raise VerificationError(f"{told}: {member} is not the leaf hash of the one before it")


def _one_line(proof: ProvenFile) -> bytes:
    return msgspec.json.encode(msgspec.json.decode(proof.data))


def signers_told(tally: AuditTally) -> Iterator[str]:
    """``log 4: 0x…``, for people."""
    for log, signers in sorted(tally.signers.items()):
        yield f"log {log}: {', '.join(sorted(signers))}"

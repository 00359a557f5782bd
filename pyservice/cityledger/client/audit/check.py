"""Verifies an export of receipts: first each, then that none is unproven or missing. Source: SPEC.md §3,
"Whose receipt", and §7."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from cityledger.client.answers import Read
from cityledger.client.audit.file import AuditHeader, parse_read, read_header
from cityledger.client.releases.decision import verify_decision
from cityledger.errors import CityledgerError, VerificationError
from cityledger.proofs.leaves import ReceiptDomain, ReceiptLeaf, leaf_hash
from cityledger.proofs.ledger import LedgerReader
from cityledger.proofs.proof_file import Proof, parse_proof
from cityledger.proofs.receipts import SignedReceipt, verify_receipt
from cityledger.proofs.verify import Level, verify_proof
from cityledger.types import Address, LogId, LogKind, RecordId

_SAID_TWICE = (
    *("at", "action", "permit", "code", "provider", "consumer", "officer", "system"),
    *("case_digest", "dataset", "record", "purpose"),
)


@dataclass(slots=True)
class AuditTally:
    """The contents of a file, and how much of it is proven.

    ``unseen`` are reads of which only the outcome was disclosed. ``links`` are receipts whose predecessor in
    the log is in the file and agrees; ``gaps`` are those whose predecessor is not. ``anchored`` counts proofs
    that a chain confirmed. ``unchained`` are unproven receipts that no proven one follows in the chain of
    ``previous``. ``missing`` are numbers of the agency's own logs, which it sees whole, below the newest in
    the file and not in it; ``later`` are those above that in the chain.
    """

    receipts: int = 0
    unseen: int = 0
    links: int = 0
    gaps: int = 0
    proven: int = 0
    anchored: int = 0
    unchained: int = 0
    missing: int = 0
    later: int = 0
    signers: dict[LogId, set[Address]] = field(default_factory=dict)

    @property
    def unproven(self) -> int:
        return self.receipts - self.proven

    def verify_complete(self, accept_unproven: int = 0, accept_missing: int = 0) -> None:
        """Rejects a file with more unproven or missing receipts than the caller accepts.

        Raises:
            VerificationError: more receipts are unproven, or missing, than that.
        """
        if self.unproven > accept_unproven:
            raise VerificationError(
                f"{self.unproven} receipts have no proof ({self.unchained} of them are not even chained to a"
                f" proven one); accepted are {accept_unproven}"
            )
        if self.missing > accept_missing:
            raise VerificationError(
                f"{self.missing} receipts of the agency's own logs are missing; accepted are {accept_missing}"
            )


def verify_audit(
    lines: Iterable[bytes],
    reader: LedgerReader | None = None,
    *,
    accept_unproven: int = 0,
    accept_missing: int = 0,
) -> AuditTally:
    """The tally of a file, after the checks of ``examine_audit``, and after no more was found to be unproven
    or missing than is accepted.

    Raises: as ``examine_audit``, and
        VerificationError: more is unproven or missing.
    """
    tally = examine_audit(lines, reader)
    tally.verify_complete(accept_unproven, accept_missing)
    return tally


def examine_audit(lines: Iterable[bytes], reader: LedgerReader | None = None) -> AuditTally:
    """The tally of a file, after the check of every receipt: its signature, its place in its log, its number,
    and its proof if it has one. Unproven and missing receipts are counted and not rejected.

    ``reader`` reads a chain that the verifier trusts. Without it the file is checked only against itself, and
    may have been made and signed by any person.

    Raises:
        VerificationError: a check failed; names the line.
        ChainError: the chain cannot be read.
    """
    numbered = iter(enumerate(lines, 1))
    header = read_header(next(numbered, (1, b""))[1])
    if reader is not None and reader.instance() != header.instance:
        raise VerificationError("line 1: the file is of another deployment than the chain's")
    seen = _Seen(header, reader)
    for number, line in numbered:
        try:
            seen.take(line)
        except VerificationError as error:
            raise VerificationError(f"line {number}: {error}") from error
    seen.finish()
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
        self._proven: set[tuple[LogId, int]] = set()
        self._own_logs: set[LogId] = set()
        self.tally = AuditTally()

    def take(self, line: bytes) -> None:
        read, proof = parse_read(line)
        # (1) the read concerns the agency whose file this is
        if self._header.agency not in (read.provider, read.consumer):
            raise VerificationError("the file's agency is neither provider nor consumer of this read")
        if read.whole is None:
            self.tally.unseen += 1
            return
        # (2) the line says what the receipt says
        _verify_line(read, read.whole)
        # (3) the receipt is a possible one, the one in its leaf, and signed by whom the log's operator was
        self._verify_receipt(read.whole)
        # (4) its place in the log and among the record's reads is its own
        if self._keep(read.whole):
            self.tally.receipts += 1
        # (5) its proof is of this leaf, and holds
        self._verify_proof(read.whole.leaf, proof)

    def finish(self) -> None:
        self._verify_chains()
        self._count_unchained()
        self._count_missing()

    def _verify_receipt(self, whole: SignedReceipt) -> None:
        if whole.leaf.instance != self._header.instance:
            raise VerificationError("the receipt is of another deployment")
        signer = verify_receipt(whole, self._domain, self._reader)
        verify_decision(whole.receipt)
        self.tally.signers.setdefault(whole.leaf.log, set()).add(signer)

    def _keep(self, whole: SignedReceipt) -> bool:
        """Whether the leaf is new here. The same leaf may be repeated; a different one with its number is
        refused."""
        leaf, receipt = whole.leaf, whole.receipt
        known = self._leaves.setdefault((leaf.log, leaf.seq), leaf)
        if known != leaf:
            raise VerificationError("two receipts have one place in the log")
        if (
            known is leaf
            and self._reads.setdefault((leaf.log, receipt.record, leaf.read_no), leaf) is not leaf
        ):
            raise VerificationError("two receipts have one number among the record's reads")
        if receipt.provider == self._header.agency:
            self._own_logs.add(leaf.log)
        return known is leaf

    def _verify_proof(self, leaf: ReceiptLeaf, data: bytes | None) -> None:
        place = (leaf.log, leaf.seq)
        if data is None:
            return
        proof = _proof(data)
        if proof.leaf != leaf:
            raise VerificationError("the proof is of another leaf")
        verdict = verify_proof(proof, self._reader)  # without the receipt, which step (3) has checked
        if place not in self._proven:
            self._proven.add(place)
            self.tally.proven += 1
            self.tally.anchored += verdict.level is not Level.PATH_ONLY

    def _verify_chains(self) -> None:
        """(6) Each leaf names the hash of the one before it, in its log and among its record's reads."""
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
                place = f"receipt {leaf.seq} of log {log}"
                _verify_names(leaf.prev_read_of_record, before, place, "prevReadOfRecord")

    def _count_unchained(self) -> None:
        """Newest first: a leaf is chained by its own proof, or by a chained one that names its hash."""
        chained: set[tuple[LogId, int]] = set()
        for log, seq in sorted(self._leaves, reverse=True):
            if (log, seq) in self._proven or (log, seq + 1) in chained:
                chained.add((log, seq))
        self.tally.unchained = len(self._leaves) - len(chained)

    def _count_missing(self) -> None:
        ends = {log: 1 + max(seq for of, seq in self._leaves if of == log) for log in self._own_logs}
        self.tally.missing = sum(ends.values()) - sum(log in ends for log, _ in self._leaves)
        if self._reader is None:
            return
        for log in self._reader.logs_of(self._header.agency):
            info = self._reader.log_info(log)
            if info is not None and info.kind is LogKind.RECEIPTS:
                self.tally.later += max(0, info.next - ends.get(log, 0))


def signers_shown(tally: AuditTally) -> Iterator[str]:
    """``log 4: 0x…``, for people."""
    for log, signers in sorted(tally.signers.items()):
        yield f"log {log}: {', '.join(sorted(signers))}"


def _proof(data: bytes) -> Proof:
    try:
        return parse_proof(data)
    except CityledgerError as error:
        raise VerificationError(f"the proof: {error}") from error


def _verify_line(read: Read, whole: SignedReceipt) -> None:
    receipt = whole.receipt
    for name in _SAID_TWICE:
        if getattr(read, name) != getattr(receipt, name):
            raise VerificationError(f"the receipt says another {name}")
    if (read.represents or 0) != receipt.represents:
        raise VerificationError("the receipt says another represents")


def _verify_names(named: bytes, before: ReceiptLeaf, place: str, member: str) -> None:
    if named != leaf_hash(before.struct_hash()):
        raise VerificationError(f"{place}: {member} is not the leaf hash of the one before it")

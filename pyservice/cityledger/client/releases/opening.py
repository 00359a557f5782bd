"""A sealed release: parsed from JSON, and opened on the consumer's own machine after every check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cityledger.client.answers import LongPartPlace, NodeInfo, OpenedRecord, Release
from cityledger.client.releases.checks import (
    ReleaseExpectation,
    verify_expected_leaf,
    verify_expected_receipts,
)
from cityledger.client.wire import from_base64url, read_answer
from cityledger.errors import FieldError, NodeError, VerificationError
from cityledger.opening import SealedRelease, open_release_of
from cityledger.proofs.leaves import ReceiptDomain, RecordLeaf
from cityledger.proofs.ledger import LedgerReader
from cityledger.proofs.receipts import SignedReceipt, verify_receipt
from cityledger.sealing.sealing_key import SealingPrivateKey
from cityledger.types import Address, Kem


@dataclass(frozen=True, slots=True)
class _ReleaseAnswer:
    leaf: RecordLeaf
    kem: int
    message: str
    receipts: tuple[SignedReceipt, ...]
    ciphertexts: Mapping[str, str]
    objects: Mapping[str, LongPartPlace]


def release_from_json(value: Any) -> Release:
    """The release in a node's answer.

    Raises:
        NodeError: the answer has another form.
    """
    read = read_answer(_ReleaseAnswer, value, "a release")
    try:
        ciphertexts = {
            int(bit): from_base64url(text, f"ciphertexts.{bit}") for bit, text in read.ciphertexts.items()
        }
        places = {int(bit): place for bit, place in read.objects.items()}
        message, kem = from_base64url(read.message, "message"), Kem(read.kem)
    except (FieldError, ValueError) as error:
        raise NodeError(f"the node's answer to a release has another form: {error}") from error
    digests = tuple(one.receipt.struct_hash() for one in read.receipts)
    lengths = {bit: place.sealed_bytes for bit, place in places.items()}
    sealed = SealedRelease(read.leaf, kem, message, digests, ciphertexts, lengths)
    return Release(sealed, read.receipts, places)


def open_release_from(
    release: Release,
    expected: ReleaseExpectation,
    private_key: SealingPrivateKey,
    domain: ReceiptDomain,
    reader: LedgerReader | None = None,
) -> OpenedRecord:
    """The contents of a release. Nothing of it is returned before the last check.

    Without ``reader`` it is not checked that the signer operates the provider's log; the result names the
    signer.

    Raises:
        VerificationError: leaf, receipts or ciphertexts differ from the request, or do not match each other.
        SealingError: sealed for another key or other receipts, or the ciphertext was altered.
    """
    sealed = release.sealed
    # (1) the leaf is of what was requested
    verify_expected_leaf(sealed.leaf, expected)
    # (2) the receipts state what was requested and released, one for each subject, in their order
    released = frozenset(sealed.ciphertexts.keys() | sealed.objects.keys())
    verify_expected_receipts(release.receipts, sealed.leaf, released, expected, private_key)
    # (3) each is in its leaf, and one account signed them all: by reader, the log's operator
    signer = _signer(release, domain, reader)
    # (4) to (6) keys, ciphertext digests, commitments: SPEC.md §5
    opened = open_release_of(sealed, private_key)
    return OpenedRecord(
        sealed.leaf, opened.payloads, opened.openings, release.receipts, signer, opened.long_parts
    )


def receipt_domain(node: NodeInfo, reader: LedgerReader | None) -> ReceiptDomain:
    """The domain of receipts: from the chain if there is a reader, otherwise from the node's description."""
    if reader is not None:
        return ReceiptDomain(reader.chain_id, reader.ledger)
    return ReceiptDomain(node.chain_id, node.contracts["RecordLedger"])


def _signer(release: Release, domain: ReceiptDomain, reader: LedgerReader | None) -> Address:
    signers = {verify_receipt(one, domain, reader) for one in release.receipts}
    if len(signers) != 1:
        raise VerificationError("the receipts are not signed by one account")
    return signers.pop()

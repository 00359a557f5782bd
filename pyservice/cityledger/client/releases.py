"""A sealed release: read from the wire, and opened on the consumer's own machine after every check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cityledger.client.answers import LongPartPlace, NodeInfo, OpenedRecord, Release
from cityledger.client.wire import from_base64url, read_answer
from cityledger.errors import FieldError, NodeError, VerificationError
from cityledger.exchange.opening import SealedRelease, open_release_of
from cityledger.proofs.leaves import (
    Receipt,
    ReceiptDomain,
    RecordLeaf,
    leaf_hash,
    recover_receipt_signer,
)
from cityledger.proofs.receipts import SignedReceipt
from cityledger.sealing.sealing_key import SealingPrivateKey
from cityledger.types import NO_SUBJECT, Action, Address, DatasetId, Kem, RecordId


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
    told = read_answer(_ReleaseAnswer, value, "a release")
    try:
        ciphertexts = {
            int(bit): from_base64url(text, f"ciphertexts.{bit}") for bit, text in told.ciphertexts.items()
        }
        places = {int(bit): place for bit, place in told.objects.items()}
        message, kem = from_base64url(told.message, "message"), Kem(told.kem)
    except (FieldError, ValueError) as error:
        raise NodeError(f"the node's answer to a release has another form: {error}") from error
    digests = tuple(one.receipt.struct_hash() for one in told.receipts)
    lengths = {bit: place.sealed_bytes for bit, place in places.items()}
    sealed = SealedRelease(told.leaf, kem, message, digests, ciphertexts, lengths)
    return Release(sealed, told.receipts, places)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a release must be of. ``version`` None takes whichever is the newest."""

    node: NodeInfo
    dataset: DatasetId
    record: RecordId | None
    """None where the caller named the provider's own id, whose hash it cannot know."""
    version: int | None
    purpose: bytes


def open_release_from(release: Release, asked: Asked, private_key: SealingPrivateKey) -> OpenedRecord:
    """Opens a release. Nothing of it is returned before the last check.

    Raises:
        VerificationError: leaf, receipts or ciphertexts are not of what was asked, or not of each other.
        SealingError: sealed for another key or other receipts, or the ciphertext was altered.
    """
    leaf = release.sealed.leaf
    # (1) the leaf is of what was asked
    _verify_leaf(leaf, asked)
    # (2) each receipt is of this read, and stands in its log
    for one in release.receipts:
        _verify_receipt(one, leaf, asked, private_key)
    # (3) one receipt per subject, in their order
    subjects = tuple(one.receipt.subject for one in release.receipts)
    if subjects != (leaf.subjects or (NO_SUBJECT,)):
        raise VerificationError("the receipts are not of the record's subjects, one each")
    # (4) one account signed them all
    signer = _signer(release, asked.node)
    # (5) to (7) keys, ciphertext digests, commitments: SPEC.md §5
    opened = open_release_of(release.sealed, private_key)
    return OpenedRecord(leaf, opened.payloads, opened.openings, release.receipts, signer, opened.long_parts)


def _verify_leaf(leaf: RecordLeaf, asked: Asked) -> None:
    if leaf.instance != asked.node.instance or leaf.dataset != asked.dataset:
        raise VerificationError("the release is of another deployment or dataset than was asked for")
    if asked.record is not None and leaf.record != asked.record:
        raise VerificationError("the release is of another record than was asked for")
    if asked.version is not None and leaf.version != asked.version:
        raise VerificationError("the release is of another version than was asked for")


def _verify_receipt(
    one: SignedReceipt, leaf: RecordLeaf, asked: Asked, private_key: SealingPrivateKey
) -> None:
    receipt = one.receipt
    if one.leaf.receipt != receipt.struct_hash() or one.leaf.log != receipt.log:
        raise VerificationError("a receipt is not the one in its leaf")
    if receipt.record_leaf != leaf_hash(leaf.struct_hash()) or _named(receipt) != (
        leaf.instance,
        leaf.dataset,
        leaf.record,
        leaf.version,
    ):
        raise VerificationError("a receipt is of another record than was released")
    if not receipt.permit or receipt.purpose != asked.purpose or receipt.action != Action.RELEASE:
        raise VerificationError("a receipt is of a denial, or of another action or purpose")
    if (receipt.kem, receipt.sealing_key_digest) != (private_key.kem, private_key.digest):
        raise VerificationError("a receipt names another sealing key")


def _named(receipt: Receipt) -> tuple[object, ...]:
    return receipt.instance, receipt.dataset, receipt.record, receipt.version


def _signer(release: Release, node: NodeInfo) -> Address:
    domain = ReceiptDomain(node.chain_id, node.contracts["RecordLedger"])
    signers = {recover_receipt_signer(one.receipt, domain, one.signature) for one in release.receipts}
    if len(signers) != 1:
        raise VerificationError("the receipts are not signed by one account")
    return signers.pop()

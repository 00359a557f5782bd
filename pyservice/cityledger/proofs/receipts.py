"""Signed receipts: their form, and the check that the signer could sign for the log. Source: SPEC.md
§3, "Whose receipt", and §7."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cityledger import strict_json
from cityledger.errors import FieldError, InputError, VerificationError
from cityledger.proofs.json_values import read_object
from cityledger.proofs.leaf_json import leaf_from_json, receipt_from_json
from cityledger.proofs.leaves import (
    Receipt,
    ReceiptDomain,
    ReceiptLeaf,
    recover_receipt_signer,
)
from cityledger.proofs.ledger import LedgerReader
from cityledger.types import NO_AGENCY, ZERO32, Address, Kem, LogKind

MAX_BYTES = 65_536
_SIGNATURE = re.compile(r"0x[0-9a-f]{130}")


@dataclass(frozen=True, slots=True)
class SignedReceipt:
    """A receipt, its place in the receipts log, and the operator's signature of 65 bytes."""

    receipt: Receipt
    leaf: ReceiptLeaf
    signature: bytes


def parse_signed_receipt(data: bytes) -> SignedReceipt:
    """Reads ``{"receipt": …, "leaf": …, "signature": …}``, the form of SPEC.md §7; checks the form only.

    Raises:
        VerificationError: over 64 KB, not strict JSON, or a member is missing, unknown or not in its one
            form.
    """
    try:
        value = strict_json.parse(data, max_bytes=MAX_BYTES, minus_zero=False)
        members = read_object(value, "", ["receipt", "leaf", "signature"])
        leaf, text = leaf_from_json(members["leaf"]), members["signature"]
        if not isinstance(leaf, ReceiptLeaf):
            raise FieldError("leaf.type", "is not ReceiptLeaf")
        if not isinstance(text, str) or not _SIGNATURE.fullmatch(text):
            raise FieldError("signature", "is not 0x and 65 bytes in lower-case hex")
        return SignedReceipt(receipt_from_json(members["receipt"]), leaf, bytes.fromhex(text[2:]))
    except InputError as error:
        raise VerificationError(f"not a signed receipt: {error}") from error


def verify_receipt(one: SignedReceipt, domain: ReceiptDomain, reader: LedgerReader | None = None) -> Address:
    """Checks a signed receipt and returns its signer.

    Without ``reader`` nothing binds the signer to the log: the caller MUST NOT present the result as evidence
    of the signer.

    Raises:
        VerificationError: the receipt is impossible, is not the one in its leaf, or, by ``reader``,
            is not the log's agency's or not signed by the log's operator at the receipt's block.
    """
    receipt, leaf = one.receipt, one.leaf
    # (1) it is a possible receipt
    verify_possible(receipt)
    # (2) it is the one in its leaf
    if (leaf.receipt, leaf.log, leaf.instance) != (receipt.struct_hash(), receipt.log, receipt.instance):
        raise VerificationError("the receipt is not the one in its leaf")
    # (3) its signature, in its one form
    signer = recover_receipt_signer(receipt, domain, one.signature)
    # (4) the log may hold such a receipt, and the signer could sign for it
    if reader is not None:
        _verify_provider(receipt, reader)
        _verify_operator(receipt, signer, reader)
    return signer


def verify_possible(receipt: Receipt) -> None:
    """Refuses a receipt that no decision of this version makes (SPEC.md §3). ``client/releases/decision``
    checks that ``code`` and ``permit`` follow from ``facts``.

    Raises:
        VerificationError: names the field.
    """
    if receipt.represents != NO_AGENCY or receipt.artefact_id != ZERO32:
        raise VerificationError("represents and artefactId are not 0: this version cannot set them")
    if (receipt.version == 0) != (receipt.record_leaf == ZERO32):
        raise VerificationError("version and recordLeaf are not both 0 or both of a version")
    if receipt.version and not receipt.permit:
        raise VerificationError("version: a denial names the version of a record")
    if receipt.kem != Kem.NONE and not receipt.version:
        raise VerificationError("kem: keys were released of no version")


def _verify_provider(receipt: Receipt, reader: LedgerReader) -> None:
    log = reader.log_info(receipt.log)
    if log is None or log.kind is not LogKind.RECEIPTS:
        raise VerificationError("the receipt's log is not a log of receipts")
    if log.agency != receipt.provider:
        raise VerificationError("the receipt's provider is not the agency of its log")
    if reader.dataset_provider(receipt.dataset) != receipt.provider:
        raise VerificationError("the receipt's provider is not its dataset's")


def _verify_operator(receipt: Receipt, signer: Address, reader: LedgerReader) -> None:
    if receipt.block_number > reader.block.number:
        raise VerificationError("the receipt names a block that the chain does not have yet")
    if reader.operator_at(receipt.log, receipt.block_number) != signer:
        raise VerificationError("the receipt is not signed by the operator of its log at the receipt's block")

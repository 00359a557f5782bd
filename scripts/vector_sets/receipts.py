"""Receipts that a verifier refuses, each for one reason."""

from __future__ import annotations

from collections.abc import Iterable

from eth_account import Account
from scripts.vector_sets.leaves import LEDGER, RECEIPT
from scripts.vector_sets.values import Vector, fixed, vector

from cityledger.proofs.leaves import ReceiptDomain, receipt_signing_digest, sign_receipt
from cityledger.types import Address

DOMAIN = ReceiptDomain(31337, Address(LEDGER))
OPERATOR = Account.from_key(fixed("operator"))
SECP256K1_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def make_receipts() -> Iterable[Vector]:
    yield from make_signatures()


def make_signatures() -> Iterable[Vector]:
    """The operator's signature, and what a lenient library accepts in its place."""
    good, digest = sign_receipt(RECEIPT, DOMAIN, OPERATOR), receipt_signing_digest(RECEIPT, DOMAIN)
    r, s, v = good[:32], int.from_bytes(good[32:64], "big"), good[64]
    other_s = (SECP256K1_ORDER - s).to_bytes(32, "big")
    for name, expect, why, signature in (
        ("the operator's", "ok", "65 bytes, v is 27 or 28, s in the lower half", good),
        ("v is 0 or 1", "refuse", "v is 27 or 28", good[:64] + bytes([v - 27])),
        ("v is 29", "refuse", "v is 27 or 28", good[:64] + b"\x1d"),
        ("s in the upper half", "refuse", "the second form of one signature", r + other_s + bytes([55 - v])),
        ("64 bytes (EIP-2098)", "refuse", "65 bytes", good[:64]),
        ("66 bytes", "refuse", "65 bytes", good + b"\0"),
        ("r is 0", "refuse", "fits no account", bytes(32) + good[32:]),
        ("s is 0", "refuse", "fits no account", r + bytes(32) + good[64:]),
    ):
        fields = {"signingDigest": digest, "operator": OPERATOR.address, "signature": signature}
        yield vector(f"signature: {name}", expect, why, kind="signature", **fields)

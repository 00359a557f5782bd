"""Checks of a consumer on the receipts of a release, field by field. Source: SPEC.md §5, "What a consumer
MUST check in a receipt"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

from cityledger.client.releases.decision import verify_decision
from cityledger.errors import VerificationError
from cityledger.proofs.leaves import Receipt, RecordLeaf, leaf_hash
from cityledger.proofs.receipts import SignedReceipt
from cityledger.sealing.sealing_key import SealingPrivateKey
from cityledger.types import NO_SUBJECT, Action, AgencyId, DatasetId, RecordId

SKEW_SECONDS = 60
"""Maximum difference of the clocks of consumer and chain."""
_OF_ONE_SUBJECT = ("subject", "salt")
"""The only fields in which the receipts of one read differ."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The caller for which the release was requested."""

    agency: AgencyId
    officer: str
    system: str


@dataclass(frozen=True, slots=True)
class ReleaseExpectation:
    """The expected content of a release. ``version`` None accepts the newest, ``parts`` None what the grant
    names.

    ``record`` is None where the caller named the provider's own id, whose hash it cannot know.
    ``sent`` and ``received`` are when the request was sent and its answer arrived, in Unix seconds.
    """

    instance: bytes
    caller: Caller
    dataset: DatasetId
    record: RecordId | None
    version: int | None
    parts: frozenset[str] | None
    purpose: bytes
    case_digest: bytes
    sent: float
    received: float


def verify_expected_leaf(leaf: RecordLeaf, expected: ReleaseExpectation) -> None:
    """Checks that the leaf is the one that was requested.

    Raises:
        VerificationError: it is not.
    """
    if leaf.instance != expected.instance or leaf.dataset != expected.dataset:
        raise VerificationError("the release is of another deployment or dataset than was requested")
    if expected.record is not None and leaf.record != expected.record:
        raise VerificationError("the release is of another record than was requested")
    if expected.version is not None and leaf.version != expected.version:
        raise VerificationError("the release is of another version than was requested")


def verify_expected_receipts(
    receipts: Sequence[SignedReceipt],
    leaf: RecordLeaf,
    released_bits: frozenset[int],
    expected: ReleaseExpectation,
    private_key: SealingPrivateKey,
) -> None:
    """Checks that the receipts state exactly what was requested and released.

    Raises:
        VerificationError: names the field.
    """
    for one in receipts:
        _verify_fields(one.receipt, leaf, expected, private_key)
        _verify_parts(one.receipt, leaf, released_bits, expected)
        _verify_time(one.receipt, expected)
        verify_decision(one.receipt)
    if tuple(one.receipt.subject for one in receipts) != (leaf.subjects or (NO_SUBJECT,)):
        raise VerificationError("the receipts are not of the record's subjects, one each: subject")
    for one in receipts[1:]:
        _verify_same(receipts[0].receipt, one.receipt)


def _verify_fields(
    receipt: Receipt, leaf: RecordLeaf, expected: ReleaseExpectation, private_key: SealingPrivateKey
) -> None:
    values: dict[str, object] = {
        "instance": expected.instance,
        "action": Action.RELEASE,
        "permit": True,
        "consumer": expected.caller.agency,
        "officer": expected.caller.officer,
        "system": expected.caller.system,
        "case_digest": expected.case_digest,
        "dataset": leaf.dataset,
        "record": leaf.record,
        "version": leaf.version,
        "purpose": expected.purpose,
        "record_leaf": leaf_hash(leaf.struct_hash()),
        "kem": private_key.kem,
        "sealing_key_digest": private_key.digest,
    }
    for name, value in values.items():
        if getattr(receipt, name) != value:
            raise VerificationError(f"a receipt states another {name} than was requested or released")


def _verify_parts(
    receipt: Receipt, leaf: RecordLeaf, released: frozenset[int], expected: ReleaseExpectation
) -> None:
    if receipt.parts != sum(1 << bit for bit in released):
        raise VerificationError("a receipt states other parts than were released")
    names = {part.name for bit, part in enumerate(leaf.parts) if bit in released}
    if expected.parts is not None and names != expected.parts:
        raise VerificationError("a receipt states other parts than were requested")


def _verify_time(receipt: Receipt, expected: ReleaseExpectation) -> None:
    if not expected.sent - SKEW_SECONDS <= receipt.at <= expected.received + SKEW_SECONDS:
        raise VerificationError(
            f"a receipt states another time (at) than the request, by more than {SKEW_SECONDS} s"
        )


def _verify_same(first: Receipt, other: Receipt) -> None:
    for field in fields(Receipt):
        if field.name not in _OF_ONE_SUBJECT and getattr(first, field.name) != getattr(other, field.name):
            raise VerificationError(f"the receipts of one read differ in {field.name}")

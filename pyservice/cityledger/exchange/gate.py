"""The gate: decide, make the receipts durable, decide again. Every exit of a node goes through here and
nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from cityledger.errors import CityledgerError, ConflictError, StaleIndexError
from cityledger.exchange.access import Access, Target
from cityledger.exchange.alterations import reporting_alterations
from cityledger.exchange.decisions import Ruling, refuse, rule
from cityledger.exchange.receipts import PresentedKey, make_receipts, store_receipts
from cityledger.exchange.rules.crosscheck import Permitted
from cityledger.exchange.services import Services
from cityledger.exchange.withdrawals import verify_unreadable
from cityledger.store.receipts import StoredReceipt

MAX_ATTEMPTS = 3
"""How often a read starts over when the consumer's sealing key changes under it."""


@dataclass(frozen=True, slots=True)
class Passed:
    """A permitted request whose receipts are durable, in the order of the record's subjects."""

    ruling: Ruling
    receipts: tuple[StoredReceipt, ...]

    @property
    def receipt_digests(self) -> list[bytes]:
        return [stored.leaf.receipt for stored in self.receipts]


def pass_gate(services: Services, access: Access, key: PresentedKey | None = None) -> Passed:
    """Returns for a permitted request, or raises after a receipt of the denial is durable.

    Raises:
        DeniedError: the rules deny and the caller may know why.
        NotFoundError: no such record, or none that the caller may know of: one answer for both.
        StaleIndexError, StorageFullError: nothing may be read now.
    """
    for _ in range(MAX_ATTEMPTS):
        passed = _decide_and_log(services, access, key)
        again = decide_again(services, access, passed.ruling)
        if key is None or again.consumer_sealing_digest == key.digest:
            services.cross_check.consider(_permitted(again))
            return passed
    raise ConflictError("the sealing key kept changing during the read; ask again")


def decide_again(services: Services, access: Access, before: Ruling) -> Ruling:
    """Decides once more on what was permitted ``before``; a denial gets a receipt of its own.

    Raises: as ``pass_gate``.
    """
    again = rule(services, access.of(_pinned(access.target, before)))
    if again.block.number < before.block.number:
        raise StaleIndexError("the chain went back during the read; ask again")
    verify_allowed(services, access, again)
    return again


def verify_allowed(services: Services, access: Access, ruling: Ruling) -> None:
    """Raises on a denial or an absent record, after its receipt is durable.

    Raises: as ``pass_gate``.
    """
    if not ruling.is_answered:
        store_receipts(services, ruling, make_receipts(services, access, ruling, None))
        raise _refusal(services, ruling)


def _decide_and_log(services: Services, access: Access, key: PresentedKey | None) -> Passed:
    ruling = rule(services, access)
    # Before anything that depends on the record: else the answer would show whether there is one.
    if key is not None and key.digest != ruling.consumer_sealing_digest:
        raise ConflictError(
            "the sealing key presented is not the one that the registry holds for this agency, or was ended"
            " by a reported compromise; `cityledger agency rotate-keys` registers a new one"
        )
    signed = make_receipts(services, access, ruling, key if ruling.is_answered else None)
    receipts = store_receipts(services, ruling, signed)
    if not ruling.is_answered:
        raise _refusal(services, ruling)
    return Passed(ruling, receipts)


def _permitted(ruling: Ruling) -> Permitted:
    queries = tuple(answer.query for answer in ruling.answers)
    decisions = tuple(answer.decision for answer in ruling.answers)
    return Permitted(ruling.policy, ruling.block, queries, decisions)


def _refusal(services: Services, ruling: Ruling) -> CityledgerError:
    """The refusal. For a caller who may read the record it is returned only after the stored data was found
    to be absent, or really erased or withdrawn.

    Raises:
        VerificationError, SealingError: it was not: an altered row would hide the record.
    """
    if ruling.permit and ruling.unreadable is not None:
        stored = ruling.unreadable.stored
        with reporting_alterations(services.alterations, stored.log, stored.seq):
            verify_unreadable(services, ruling.dataset.provider, ruling.unreadable)
    return refuse(ruling)


def _pinned(target: Target, ruling: Ruling) -> Target:
    # The second decision is about what the receipts name, not about what was written since.
    version = target.version if ruling.version is None else ruling.version.version
    return replace(target, version=version, parts=ruling.parts)

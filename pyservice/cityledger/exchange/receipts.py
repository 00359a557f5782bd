"""Turns a ruling into signed receipts and makes them durable. No log, no key: every release comes after
this.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from cityledger.exchange.access import Access
from cityledger.exchange.decisions import Answer, Ruling
from cityledger.exchange.instruments import DisclosedOutcome
from cityledger.exchange.services import Services
from cityledger.keccak import keccak
from cityledger.policy.disclosure import disclosed_code
from cityledger.proofs.leaves import Receipt, sign_receipt
from cityledger.store.receipts import SignedReceipt, StoredReceipt, append_receipt
from cityledger.types import NO_RECORD, ZERO32, Kem, LeafHash


@dataclass(frozen=True, slots=True)
class PresentedKey:
    """The sealing key that the consumer presents. ``digest`` is checked against the registry before a
    release.
    """

    kem: Kem
    public_key: bytes
    digest: bytes


def make_receipts(
    services: Services, access: Access, ruling: Ruling, key: PresentedKey | None
) -> list[SignedReceipt]:
    """One signed receipt per subject of what is permitted, and exactly one of what is denied: a count would
    disclose how many subjects a hidden record has. ``key`` is None where no key will be released.
    """
    answers = ruling.answers if ruling.permit else ruling.answers[:1]
    return [_signed(services, access, ruling, answer, key) for answer in answers]


def store_receipts(
    services: Services, ruling: Ruling, signed: list[SignedReceipt]
) -> tuple[StoredReceipt, ...]:
    """Numbers the whole group in one durable commit; raises and leaves nothing where that fails."""
    with services.instruments.receipt_commit.time():
        stored = services.journal.run(
            lambda connection: append_receipts(connection, services, ruling, signed)
        )
    count_decision(services, ruling)
    return stored


def append_receipts(
    connection: sa.Connection, services: Services, ruling: Ruling, signed: list[SignedReceipt]
) -> tuple[StoredReceipt, ...]:
    """As ``store_receipts``, inside a transaction that is open already; ``count_decision`` is to follow its
    commit.
    """
    now = max(ruling.block.time, ruling.at)
    return tuple(
        append_receipt(connection, services.instance, ruling.receipts_log, one, now) for one in signed
    )


def count_decision(services: Services, ruling: Ruling) -> None:
    """Counts a decision whose receipts are durable, by the outcome that its caller is answered."""
    services.instruments.decided(ruling.answers[0].query.action, disclosed_outcome(ruling))


def disclosed_outcome(ruling: Ruling) -> DisclosedOutcome:
    """The outcome that the caller is answered: the receipt's own permit would distinguish hidden from
    absent."""
    if ruling.is_answered:
        return DisclosedOutcome.PERMITTED
    is_named = disclosed_code(ruling.deciding.facts) is not None
    return DisclosedOutcome.DENIED if is_named else DisclosedOutcome.NOT_FOUND


def _signed(
    services: Services, access: Access, ruling: Ruling, answer: Answer, key: PresentedKey | None
) -> SignedReceipt:
    session, intent = access.session, access.intent
    query, decision, version = answer.query, answer.decision, ruling.version
    releases = ruling.permit and key is not None and version is not None
    reads = ruling.permit and version is not None
    receipt = Receipt(
        instance=services.instance,
        policy=ruling.policy,
        log=ruling.receipts_log,
        block_number=ruling.block.number,
        block_hash=ruling.block.hash,
        at=query.at,
        action=query.action,
        permit=decision.permit,
        code=decision.code,
        grant_id=decision.grant_id,
        artefact_id=decision.artefact_id,
        facts=decision.facts,
        provider=ruling.dataset.provider,
        consumer=session.agency,
        officer=session.officer,
        system=session.system,
        represents=intent.represents,
        case_digest=keccak(intent.case.encode()) if intent.case else ZERO32,
        dataset=query.dataset,
        record=query.record or NO_RECORD,
        version=version.version if reads and version is not None else 0,
        subject=query.subject,
        purpose=query.purpose,
        parts=query.parts,
        record_leaf=version.leaf_hash if reads and version is not None else LeafHash(ZERO32),
        kem=key.kem if releases and key is not None else Kem.NONE,
        sealing_key_digest=key.digest if releases and key is not None else ZERO32,
        salt=services.random_bytes(32),
    )
    return SignedReceipt(receipt, sign_receipt(receipt, services.domain, services.operator))

"""The receipts in which an agency takes part, as it may see them, and proof that they were numbered.

The provider sees everything. The consumer is shown what its answer disclosed: a receipt with the true code of
a denial that read as "not found" would disclose afterwards what the answer had hidden (SPEC.md §2.1).
"""

from __future__ import annotations

from dataclasses import dataclass

from cityledger.errors import NotFoundError
from cityledger.exchange.alterations import reporting_alterations
from cityledger.exchange.lookup import Inclusion, include
from cityledger.exchange.services import Services
from cityledger.policy.disclosure import disclosed_code
from cityledger.policy.rules import ROLE_NOT_HELD, denial
from cityledger.proofs.leaves import Receipt
from cityledger.store import receipts
from cityledger.store.receipts import StoredReceipt
from cityledger.store.sessions.tokens import Session
from cityledger.types import NO_RECORD, AgencyId, Role

READERS = (Role.READER, Role.STEWARD, Role.AUDITOR)
Cursor = tuple[int, int]
"""(log, seq) of the last receipt on the page before."""


@dataclass(frozen=True, slots=True)
class VisibleReceipt:
    """A receipt as one agency may see it. If not ``is_whole``, only what the caller had sent and the
    disclosed ``code`` may be shown; ``code`` is None for "not found"."""

    stored: StoredReceipt
    is_whole: bool
    code: int | None


@dataclass(frozen=True, slots=True)
class Page:
    """``after`` continues the list; None at its end."""

    items: list[VisibleReceipt]
    after: Cursor | None


def list_reads(services: Services, session: Session, after: Cursor, limit: int) -> Page:
    """Receipts of the caller's agency in the logs of agencies that this node hosts, oldest first within each
    log, at most ``limit``.

    Raises:
        DeniedError: the caller's role does not read.
    """
    _verify_role(session)
    with services.database.reading() as connection:
        hosted = services.keyring.agencies()
        found = receipts.list_receipts(connection, session.agency, hosted, after=after, limit=limit)
    shown = [_seen(one, session.agency) for one in found]
    is_more = len(found) == limit
    return Page(shown, (found[-1].leaf.log, found[-1].leaf.seq) if is_more else None)


def prove_read(services: Services, session: Session, digest: bytes) -> Inclusion:
    """The inclusion of a receipt's leaf under its anchored root.

    Raises:
        DeniedError: the caller's role does not read.
        NotFoundError: no such receipt of this agency's, or one that it may not see whole.
        MisdirectedError: it is in a log of an agency that this node does not host.
        NotAnchoredError: not mined yet.
    """
    _verify_role(session)
    with services.database.reading() as connection:
        stored = receipts.find_receipt(connection, digest)
        if stored is None or not _is_whole(stored.receipt, session.agency):
            raise NotFoundError("read")
        services.verify_hosted(stored.receipt.provider)
        leaf = stored.leaf
        with reporting_alterations(services.alterations, leaf.log, leaf.seq):
            return include(connection, leaf, services.subtree_cache)


def _verify_role(session: Session) -> None:
    if session.role not in READERS:
        raise denial(ROLE_NOT_HELD)


def _seen(stored: StoredReceipt, agency: AgencyId) -> VisibleReceipt:
    receipt = stored.receipt
    is_whole = _is_whole(receipt, agency)
    return VisibleReceipt(stored, is_whole, receipt.code if is_whole else disclosed_code(receipt.facts))


def _is_whole(receipt: Receipt, agency: AgencyId) -> bool:
    if receipt.provider == agency:
        return True
    if receipt.consumer != agency:
        return False
    # A denial names subjects and facts of the record whatever code was disclosed; and a permit without a
    # version says that the record does not exist, where a denial would have read the same.
    return receipt.record == NO_RECORD or receipt.version != 0

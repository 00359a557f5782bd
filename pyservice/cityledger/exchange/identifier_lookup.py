"""Finding records by a business identifier: what a hospital calls a visit, a specimen or a patient."""

from __future__ import annotations

from dataclasses import replace

from cityledger.errors import NotFoundError
from cityledger.exchange.gate import Passed, pass_gate
from cityledger.exchange.lookup import FoundPage, find_by_key, hiding_now
from cityledger.exchange.services import Intent, Services, Target
from cityledger.store import visible_records
from cityledger.store.identifiers import record_identifier_digest
from cityledger.store.tokens import Session
from cityledger.types import DatasetId, RecordId


def find_by_identifier(
    services: Services,
    session: Session,
    intent: Intent,
    dataset: DatasetId,
    system: str,
    value: str,
    *,
    after: RecordId | None,
    limit: int,
) -> tuple[Passed | None, FoundPage]:
    """At most ``limit`` of the newest versions that carry an identifier, of records above ``after``, less
    those that the rules hide from this caller.

    Each record of the page leaves receipts that name it, as a lookup by its id does; records of other pages
    leave none. A hidden record leaves none in addition to that of the request itself, since the numbers of
    the log would disclose it.

    Raises: as ``pass_gate``, and
        MisdirectedError: the provider's keys are not on this node.
    """
    target = Target(dataset, parts=0)
    try:
        passed = pass_gate(services, session, intent, target)
    except NotFoundError as error:
        if error.what != "record":
            raise
        return None, FoundPage((), None)
    key = services.keys_of(passed.ruling.dataset.provider).subject_key
    digest = record_identifier_digest(key, system, value)
    with services.database.reading() as connection:
        hiding = hiding_now(connection, services, session, intent, target)
        visible = visible_records.find_of_identifier(
            connection, dataset, digest, hiding, after=after, limit=limit + 1
        )
    page = FoundPage.of(visible, limit)
    targets = (Target(version.dataset, version.record, parts=0) for version in page.versions)
    answers = (find_by_key(services, session, intent, target) for target in targets)
    permitted = [answer for answer in answers if answer is not None]
    receipts = (receipt for of_record, _ in permitted for receipt in of_record.receipts)
    passed = replace(passed, receipts=(*passed.receipts, *receipts))
    return passed, replace(page, versions=tuple(version for _, version in permitted))

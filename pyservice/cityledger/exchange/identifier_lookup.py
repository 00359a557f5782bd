"""Finding records by a business identifier: what a hospital calls a visit, a specimen or a patient."""

from __future__ import annotations

from dataclasses import replace

from cityledger.errors import NotFoundError
from cityledger.exchange.gate import Passed, pass_gate
from cityledger.exchange.lookup import find_by_key, hiding_now
from cityledger.exchange.services import Intent, Services, Target
from cityledger.store import visible_records
from cityledger.store.identifiers import record_identifier_digest
from cityledger.store.records import StoredVersion
from cityledger.store.tokens import Session
from cityledger.types import DatasetId


def find_by_identifier(
    services: Services, session: Session, intent: Intent, dataset: DatasetId, system: str, value: str
) -> tuple[Passed | None, list[StoredVersion]]:
    """The newest versions that carry an identifier, less those that the rules hide from this caller.

    Each record found leaves receipts that name it, as a lookup by its id does. One that is hidden leaves
    none beyond that of the question itself, or the numbers of the log would tell of it.

    Raises: as ``pass_gate``, and
        MisdirectedError: the provider's keys are not on this node.
    """
    target = Target(dataset, parts=0)
    try:
        passed = pass_gate(services, session, intent, target)
    except NotFoundError as error:
        if error.what != "record":
            raise
        return None, []
    key = services.keys_of(passed.ruling.dataset.provider).subject_key
    digest = record_identifier_digest(key, system, value)
    with services.database.reading() as connection:
        hiding = hiding_now(connection, services, session, intent, target)
        visible = visible_records.find_of_identifier(connection, dataset, digest, hiding)
    targets = (Target(one.dataset, one.record, parts=0) for one in visible)
    asked = (find_by_key(services, session, intent, one) for one in targets)
    told = [one for one in asked if one is not None]
    receipts = (receipt for of_record, _ in told for receipt in of_record.receipts)
    return replace(passed, receipts=(*passed.receipts, *receipts)), [version for _, version in told]

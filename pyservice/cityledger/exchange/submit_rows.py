"""Writes many records of one dataset at once: decided, numbered and stored in one durable step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from cityledger.exchange.placing import discard_after, keys_in
from cityledger.exchange.ruling import refuse, rule_within
from cityledger.exchange.sealing_versions import Content, seal_version
from cityledger.exchange.services import Intent, Services, Target
from cityledger.exchange.submit import records_log
from cityledger.store import record_writes
from cityledger.store.index import Dataset
from cityledger.store.records import SealedRecord, StoredVersion
from cityledger.store.tokens import Session
from cityledger.types import RecordId

Within = Callable[[sa.Connection, Sequence[StoredVersion]], None]
"""Runs in the same transaction as the rows, e.g. to move a cursor."""


@dataclass(frozen=True, slots=True)
class RowDraft:
    """The next version of a record. Its content was checked against the profile, and ``version`` is the one
    that follows what the caller compared it with.
    """

    record: RecordId
    version: int
    content: Content


def seal_rows(services: Services, dataset: Dataset, rows: Sequence[RowDraft]) -> list[SealedRecord]:
    """Seals each row for ``submit_rows``, which takes over the objects of long parts; no row is written."""
    sealed: list[SealedRecord] = []
    try:
        for row in rows:
            sealed.append(seal_version(services, dataset, row.record, row.version, row.content))
    except BaseException as failure:
        discard_after(services, keys_in(part for one in sealed for part in one.parts), failure)
        raise
    return sealed


def submit_rows(
    services: Services,
    session: Session,
    intent: Intent,
    dataset: Dataset,
    sealed: Sequence[SealedRecord],
    within: Within,
) -> list[StoredVersion]:
    """Returns once every row is durable and numbered, together with what ``within`` wrote. All or none.

    The decision is one for all: the rules never hide a record from the provider that writes it.

    Raises:
        DeniedError: the rules deny by now.
        StaleVersionError: another write took a version number; compare and seal again.
        UnavailableError, StorageFullError: nothing was written.
    """

    def work(connection: sa.Connection) -> list[StoredVersion]:
        again = rule_within(connection, services, session, intent, Target(dataset.dataset))
        if not again.permit:
            raise refuse(again)
        now = again.answers[0].query.at
        log = records_log(connection, dataset)
        stored = record_writes.append_versions(connection, services.instance, log, sealed, now)
        within(connection, stored)
        return stored

    try:
        return services.journal.run(work)
    except BaseException as failure:
        discard_after(services, keys_in(part for one in sealed for part in one.parts), failure)
        raise

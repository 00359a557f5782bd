"""The first sentence of the product: validate, seal each part under a fresh data key, number and store in
one durable step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import sqlalchemy as sa

from cityledger.errors import ConflictError, FieldError, StaleVersionError, UnavailableError
from cityledger.exchange.receipting import make_receipts, store_receipts
from cityledger.exchange.ruling import Ruling, refuse, rule, rule_within
from cityledger.exchange.services import Intent, Services, Target
from cityledger.profiles import registry
from cityledger.profiles.record_body import RecordBody
from cityledger.sealing.context import Context, derive_part_keys
from cityledger.sealing.envelope import ciphertext_digest, commitment, seal
from cityledger.sealing.wrap import wrap
from cityledger.store import logs, records
from cityledger.store.records import Erasure, SealedPart, SealedRecord, StoredVersion
from cityledger.store.tokens import Session
from cityledger.types import Aead, ErasureReason, LogId, LogKind

Afterwards = Callable[[sa.Connection, StoredVersion], None]
"""Runs in the same transaction as the write, e.g. to keep the answer of an idempotent request."""
ROUNDS = 32
"""How often a write without If-Match seals again when another write took its version number."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A write. ``expected`` is the newest version that the caller knows: None any, 0 must not exist."""

    target: Target
    body: RecordBody
    expected: int | None = None
    aead: Aead = Aead.AES_256_GCM


def submit(
    services: Services, session: Session, intent: Intent, draft: Draft, afterwards: Afterwards | None = None
) -> StoredVersion:
    """Returns once the version is durable and numbered in the provider's log.

    Raises:
        PayloadError, FieldError: the body does not fit the dataset; names the field.
        DeniedError: after a receipt of the denial is durable.
        StaleVersionError: ``expected`` does not hold.
        MisdirectedError, UnavailableError, StorageFullError: nothing was written.
    """
    ruling = allow(services, session, intent, draft.target)
    registry.get(ruling.dataset.profile).validate(draft.body.parts)
    for _ in range(ROUNDS):
        sealed = _seal(services, ruling, draft)
        try:
            return services.journal.run(partial(_store, services, session, intent, draft, sealed, afterwards))
        except StaleVersionError:
            if draft.expected is not None:
                raise
    raise ConflictError("other writes to this record kept coming first; try again")


def erase(
    services: Services, session: Session, intent: Intent, target: Target, reason: ErasureReason
) -> list[logs.Numbered]:
    """Destroys the wrapped key of every version of a record and numbers a tombstone for each.

    Raises: as ``submit``; NotFoundError where nothing is left to erase.
    """
    ruling = allow(services, session, intent, target)
    if ruling.version is None:
        raise refuse(ruling)
    now = ruling.answers[0].query.at
    when = Erasure(reason, now, now + services.backup_horizon_seconds)

    def work(connection: sa.Connection) -> list[logs.Numbered]:
        again = rule_within(connection, services, session, intent, target)
        if not again.permit:
            raise refuse(again)
        versions = records.list_versions(connection, target.dataset, target.record)
        living = [version for version in versions if version.wrapped is not None]
        return records.erase(connection, services.instance, _records_log(connection, again), living, when)

    return services.journal.run(work)


def allow(services: Services, session: Session, intent: Intent, target: Target) -> Ruling:
    """The ruling on a write that is permitted; a denial is raised after its receipt is durable."""
    ruling = rule(services, session, intent, target)
    if not ruling.permit:
        store_receipts(services, ruling, make_receipts(services, session, intent, ruling, None))
        raise refuse(ruling)
    return ruling


def _seal(services: Services, ruling: Ruling, draft: Draft) -> SealedRecord:
    target, body, dataset = draft.target, draft.body, ruling.dataset
    unknown = body.parts.keys() - set(dataset.part_names)
    if unknown:
        raise FieldError(
            f"parts.{min(unknown)}", f"is not a part of this dataset; it has {', '.join(dataset.part_names)}"
        )
    with services.database.reading() as connection:
        newest = records.newest_version(connection, target.dataset, target.record)
    context = Context(services.instance, target.dataset, target.record, newest + 1)
    data_key = services.random_bytes(32)
    vault_key = services.keys_of(dataset.provider).vault_key
    parts = (
        _seal_part(bit, name, body.parts.get(name, b""), data_key, context, draft.aead)
        for bit, name in enumerate(dataset.part_names)
    )
    return SealedRecord(
        dataset=target.dataset,
        record=target.record,
        version=newest + 1,
        subjects=body.subjects,
        schema=dataset.schema_digest,
        wrapped=wrap(data_key, vault_key, context, services.random_bytes(12)),
        parts=tuple(parts),
    )


def _seal_part(
    bit: int, name: str, payload: bytes, data_key: bytes, context: Context, aead: Aead
) -> SealedPart:
    part_context = context.for_part(name)
    keys = derive_part_keys(data_key, part_context, aead)
    ciphertext = seal(payload, keys, part_context, aead)
    return SealedPart(bit, name, ciphertext, ciphertext_digest(ciphertext), commitment(keys.opening, payload))


def _store(
    services: Services,
    session: Session,
    intent: Intent,
    draft: Draft,
    sealed: SealedRecord,
    afterwards: Afterwards | None,
    connection: sa.Connection,
) -> StoredVersion:
    # Decided again inside the transaction: a provider suspended since the first decision numbers nothing new.
    again = rule_within(connection, services, session, intent, draft.target)
    if not again.permit:
        raise refuse(again)
    _verify_expected(connection, draft)
    log = _records_log(connection, again)
    stored = records.append_version(connection, services.instance, log, sealed, again.answers[0].query.at)
    if afterwards is not None:
        afterwards(connection, stored)
    return stored


def _verify_expected(connection: sa.Connection, draft: Draft) -> None:
    if draft.expected is None:
        return
    found = records.find_version(connection, draft.target.dataset, draft.target.record)
    newest = 0 if found is None else found.version
    if newest != draft.expected:
        raise StaleVersionError(f"the record's newest version is {newest}, not {draft.expected}")


def _records_log(connection: sa.Connection, ruling: Ruling) -> LogId:
    head = logs.find_head(connection, ruling.dataset.provider, LogKind.RECORDS)
    if head is None or head.halted is not None:
        raise UnavailableError(
            "the provider's records log is not open on this node, so nothing can be written"
        )
    return head.log

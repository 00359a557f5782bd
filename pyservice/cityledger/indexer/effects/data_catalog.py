"""Effects of DataCatalog: datasets and their terms, purposes, grants, restrictions and seals."""

from __future__ import annotations

import json

import sqlalchemy as sa

from cityledger.chain.contracts.data_catalog import (
    DatasetPublished,
    DatasetRetired,
    DatasetRevised,
    GrantRevoked,
    GrantSet,
    PurposeSet,
    RestrictionSet,
    SealSet,
    TermsSet,
)
from cityledger.chain.contracts.decoding import LoggedEvent
from cityledger.indexer.effects.effect import Effects
from cityledger.store.index.tables import idx_dataset, idx_grant, idx_purpose, idx_restriction, idx_seal
from cityledger.store.index.terms_json import terms_to_json
from cityledger.store.index.versions import Key, put, remove
from cityledger.types import DatasetStatus


def publish(connection: sa.Connection, event: DatasetPublished, logged: LoggedEvent) -> None:
    publication = event.publication
    put(
        connection,
        idx_dataset,
        logged.block_number,
        {"dataset": event.dataset},
        provider=event.provider,
        path=publication.path,
        title=publication.title,
        local_title=publication.local_title,
        profile=publication.profile,
        part_names=json.dumps(list(publication.parts)),
        schema_digest=publication.schema_digest,
        retention_seconds=publication.retention_seconds,
        dispute_period_seconds=publication.dispute_period_seconds,
        status=int(DatasetStatus.ACTIVE),
        current_terms=terms_to_json(publication.terms),
        pending_terms=None,
        pending_since=0,
    )


def revise(connection: sa.Connection, event: DatasetRevised, logged: LoggedEvent) -> None:
    put(
        connection,
        idx_dataset,
        logged.block_number,
        {"dataset": event.dataset},
        schema_digest=event.schema_digest,
        retention_seconds=event.retention_seconds,
        dispute_period_seconds=event.dispute_period_seconds,
    )


def retire(connection: sa.Connection, event: DatasetRetired, logged: LoggedEvent) -> None:
    status = int(DatasetStatus.RETIRED)
    put(connection, idx_dataset, logged.block_number, {"dataset": event.dataset}, status=status)


def set_terms(connection: sa.Connection, event: TermsSet, logged: LoggedEvent) -> None:
    put(
        connection,
        idx_dataset,
        logged.block_number,
        {"dataset": event.dataset},
        current_terms=terms_to_json(event.current),
        pending_terms=None if event.pending is None else terms_to_json(event.pending),
        pending_since=event.pending_since,
    )


def set_purpose(connection: sa.Connection, event: PurposeSet, logged: LoggedEvent) -> None:
    change = put if event.is_listed else remove
    change(connection, idx_purpose, logged.block_number, {"purpose": event.purpose})


def set_grant(connection: sa.Connection, event: GrantSet, logged: LoggedEvent) -> None:
    grant = event.grant
    put(
        connection,
        idx_grant,
        logged.block_number,
        _slot(event),
        grant_id=grant.grant_id,
        parts=grant.parts,
        since=grant.since,
        until=grant.until,
        provider_epoch=grant.provider_epoch,
        consumer_epoch=grant.consumer_epoch,
    )


def revoke_grant(connection: sa.Connection, event: GrantRevoked, logged: LoggedEvent) -> None:
    remove(connection, idx_grant, logged.block_number, _slot(event))


def set_restriction(connection: sa.Connection, event: RestrictionSet, logged: LoggedEvent) -> None:
    key = {"dataset": event.dataset, "record": event.record, "consumer": event.consumer}
    change = put if event.is_restricted else remove
    change(connection, idx_restriction, logged.block_number, key)


def set_seal(connection: sa.Connection, event: SealSet, logged: LoggedEvent) -> None:
    change = put if event.is_sealed else remove
    change(connection, idx_seal, logged.block_number, {"dataset": event.dataset, "record": event.record})


def _slot(event: GrantSet | GrantRevoked) -> Key:
    return {"dataset": event.dataset, "consumer": event.consumer, "purpose": event.purpose}


EFFECTS: Effects = {
    DatasetPublished: publish,
    DatasetRevised: revise,
    DatasetRetired: retire,
    TermsSet: set_terms,
    PurposeSet: set_purpose,
    GrantSet: set_grant,
    GrantRevoked: revoke_grant,
    RestrictionSet: set_restriction,
    SealSet: set_seal,
}

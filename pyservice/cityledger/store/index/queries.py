"""Reads of the chain's index at its cursor, for the rules and for the directory."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

import sqlalchemy as sa

from cityledger.policy.gather import Known
from cityledger.store.index import tables as t
from cityledger.store.index.terms_json import terms_from_json
from cityledger.store.index.versions import find, select_now
from cityledger.types import (
    EMERGENCY,
    MAX_AGENCY,
    NO_AGENCY,
    OWN_DUTY,
    Address,
    Agency,
    AgencyId,
    AgencyStatus,
    BlockRef,
    DatasetId,
    DatasetStatus,
    Grant,
    LeafHash,
    LogId,
    LogKind,
    Purpose,
    Query,
    RecordId,
    Role,
    Terms,
)


@dataclass(frozen=True, slots=True)
class Dataset:
    dataset: DatasetId
    provider: AgencyId
    path: str
    title: str
    local_title: str
    profile: str
    part_names: tuple[str, ...]
    schema_digest: bytes
    retention_seconds: int
    dispute_period_seconds: int
    status: DatasetStatus
    current_terms: Terms
    pending_terms: Terms | None
    pending_since: int


@dataclass(frozen=True, slots=True)
class ChainLog:
    log: LogId
    agency: AgencyId
    kind: LogKind
    operator: Address
    next_seq: int
    closed: bool


@dataclass(frozen=True, slots=True)
class Head:
    """The current head of a record, and the transaction and block that set it."""

    leaf_hash: LeafHash
    version: int
    transaction: bytes
    block: int


@dataclass(frozen=True, slots=True)
class DirectoryEntry:
    """The address of a name. ``version`` counts the council's changes of it."""

    target: Address
    version: int


@dataclass(frozen=True, slots=True)
class ListedGrant:
    dataset: DatasetId
    consumer: AgencyId
    purpose: Purpose
    grant: Grant


def find_cursor(connection: sa.Connection) -> BlockRef | None:
    """The highest indexed block, None before the first."""
    row = connection.execute(sa.select(t.block).order_by(t.block.c.number.desc()).limit(1)).one_or_none()
    return None if row is None else BlockRef(row.number, row.hash, row.time)


def find_block(connection: sa.Connection, number: int) -> BlockRef | None:
    row = connection.execute(sa.select(t.block).where(t.block.c.number == number)).one_or_none()
    return None if row is None else BlockRef(row.number, row.hash, row.time)


def list_contracts(connection: sa.Connection) -> dict[str, DirectoryEntry]:
    """The directory's contracts, by name."""
    rows = connection.execute(select_now(t.idx_contract)).all()
    return {row.name: DirectoryEntry(Address(row.address), row.version) for row in rows}


def find_contract(connection: sa.Connection, name: str) -> Address | None:
    """The address that the directory names, None if it names none."""
    row = find(connection, t.idx_contract, {"name": name})
    return None if row is None else Address(row.address)


def find_agency(connection: sa.Connection, agency: AgencyId) -> Agency | None:
    """The agency; None also for a number that no agency can have: databases refuse larger integers."""
    if not 0 < agency <= MAX_AGENCY:
        return None
    row = find(connection, t.idx_agency, {"agency": agency})
    return None if row is None else agency_of_row(row)


def is_of_earlier_epoch(connection: sa.Connection, agency: Agency, digest: bytes) -> bool:
    """Returns whether the registry held a key of this digest for the agency in an earlier epoch, so that a
    reported compromise ended the key."""
    if agency.epoch <= 1:  # the usual case costs no statement
        return False
    rows = t.idx_agency.c
    has_key = (rows.credential_key_digest == digest) | (rows.sealing_key_digest == digest)
    query = sa.select(sa.literal(1)).where(
        (rows.agency == agency.agency) & (rows.epoch < agency.epoch) & has_key
    )
    return connection.execute(query.limit(1)).first() is not None


def find_agency_by_code(connection: sa.Connection, code: str) -> Agency | None:
    """The agency; None also for text that cannot be a code: PostgreSQL refuses a NUL in a query."""
    if "\0" in code:
        return None
    row = connection.execute(select_now(t.idx_agency).where(t.idx_agency.c.code == code)).one_or_none()
    return None if row is None else agency_of_row(row)


def list_agencies(connection: sa.Connection) -> list[Agency]:
    rows = connection.execute(select_now(t.idx_agency).order_by(t.idx_agency.c.agency))
    return [agency_of_row(row) for row in rows]


def find_officer(
    connection: sa.Connection, agency: AgencyId, account: Address
) -> tuple[Role, int, int] | None:
    """(role, until, epoch) of an appointment, None if there is none."""
    row = find(connection, t.idx_officer, {"agency": agency, "account": account})
    return None if row is None else (Role(row.role), row.until, row.epoch)


def find_dataset(connection: sa.Connection, dataset: DatasetId) -> Dataset | None:
    row = find(connection, t.idx_dataset, {"dataset": dataset})
    return None if row is None else dataset_of_row(row)


def list_datasets(connection: sa.Connection) -> list[Dataset]:
    rows = connection.execute(select_now(t.idx_dataset).order_by(t.idx_dataset.c.path))
    return [dataset_of_row(row) for row in rows]


def find_grant(
    connection: sa.Connection, dataset: DatasetId, consumer: AgencyId, purpose: Purpose
) -> Grant | None:
    row = find(connection, t.idx_grant, {"dataset": dataset, "consumer": consumer, "purpose": purpose})
    return None if row is None else grant_of_row(row)


def is_purpose_known(connection: sa.Connection, purpose: Purpose) -> bool:
    built_in = purpose in (OWN_DUTY, EMERGENCY)
    return built_in or find(connection, t.idx_purpose, {"purpose": purpose}) is not None


def load_denials(
    connection: sa.Connection, dataset: DatasetId, record: RecordId, consumer: AgencyId
) -> tuple[bool, bool, bool]:
    """Whether the record is sealed by law, restricted for all, and restricted for this consumer: always one
    row of one query.
    """
    key = {"dataset": dataset, "record": record, "consumer": consumer}
    row = connection.execute(_denials(), key).one()
    return bool(row.sealed), bool(row.for_all), bool(row.for_consumer)


def find_log(connection: sa.Connection, log: LogId) -> ChainLog | None:
    row = find(connection, t.idx_log, {"log": log})
    return None if row is None else _log(row)


def list_logs(connection: sa.Connection, operator: Address) -> list[ChainLog]:
    """The open and closed logs of one operator account, oldest first."""
    query = select_now(t.idx_log).where(t.idx_log.c.operator == operator).order_by(t.idx_log.c.log)
    return [_log(row) for row in connection.execute(query)]


def find_head(connection: sa.Connection, dataset: DatasetId, record: RecordId) -> Head | None:
    """The current head of a record, of any log; None if it has none."""
    row = find(connection, t.idx_head, {"dataset": dataset, "record": record})
    return None if row is None else Head(LeafHash(row.leaf_hash), row.version, row.tx_hash, row.valid_from)


def load_known(connection: sa.Connection, query: Query) -> Known:
    """The chain state that one query's decision needs, at the cursor."""
    dataset = find_dataset(connection, query.dataset)
    provider = None if dataset is None else find_agency(connection, dataset.provider)
    consumer = find_agency(connection, query.consumer)
    officer = None if query.officer is None else find_officer(connection, query.consumer, query.officer)
    sealed, for_all, for_consumer = load_denials(connection, query.dataset, query.record, query.consumer)
    return Known(
        consumer_status=AgencyStatus.NONE if consumer is None else consumer.status,
        consumer_epoch=0 if consumer is None else consumer.epoch,
        provider=AgencyId(0) if dataset is None else dataset.provider,
        provider_status=AgencyStatus.NONE if provider is None else provider.status,
        provider_epoch=0 if provider is None else provider.epoch,
        dataset_status=DatasetStatus.NONE if dataset is None else dataset.status,
        current_terms=None if dataset is None else dataset.current_terms,
        pending_terms=None if dataset is None else dataset.pending_terms,
        pending_since=0 if dataset is None else dataset.pending_since,
        grant=find_grant(connection, query.dataset, query.consumer, query.purpose),
        restricted_for_all=for_all,
        restricted_for_consumer=for_consumer,
        sealed_by_law=sealed,
        officer_role=officer,
        purpose_known=is_purpose_known(connection, query.purpose),
    )


@cache
def _denials() -> sa.Select[bool, bool, bool]:
    consumer = t.idx_restriction.c.consumer
    return sa.select(
        _is_now(t.idx_seal).label("sealed"),
        _is_now(t.idx_restriction, consumer == NO_AGENCY).label("for_all"),
        _is_now(t.idx_restriction, consumer == sa.bindparam("consumer")).label("for_consumer"),
    )


def _is_now(table: sa.Table, *conditions: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    of_record = (table.c.dataset == sa.bindparam("dataset")) & (table.c.record == sa.bindparam("record"))
    return sa.exists(select_now(table).where(of_record, *conditions))


def agency_of_row(row: sa.Row[Any]) -> Agency:
    """The agency of a row of ``idx_agency``."""
    return Agency(
        agency=AgencyId(row.agency),
        code=row.code,
        name=row.name,
        local_name=row.local_name,
        endpoint=row.endpoint,
        account=Address(row.account),
        sealing_key_digest=row.sealing_key_digest,
        credential_key_digest=row.credential_key_digest,
        status=AgencyStatus(row.status),
        epoch=row.epoch,
    )


def dataset_of_row(row: sa.Row[tuple[object, ...]]) -> Dataset:
    return Dataset(
        dataset=DatasetId(row.dataset),
        provider=AgencyId(row.provider),
        path=row.path,
        title=row.title,
        local_title=row.local_title,
        profile=row.profile,
        part_names=tuple(json.loads(row.part_names)),
        schema_digest=row.schema_digest,
        retention_seconds=row.retention_seconds,
        dispute_period_seconds=row.dispute_period_seconds,
        status=DatasetStatus(row.status),
        current_terms=terms_from_json(row.current_terms),
        pending_terms=None if row.pending_terms is None else terms_from_json(row.pending_terms),
        pending_since=row.pending_since,
    )


def grant_of_row(row: sa.Row[tuple[object, ...]]) -> Grant:
    return Grant(
        grant_id=row.grant_id,
        parts=row.parts,
        since=row.since,
        until=row.until,
        provider_epoch=row.provider_epoch,
        consumer_epoch=row.consumer_epoch,
    )


def _log(row: sa.Row[tuple[object, ...]]) -> ChainLog:
    return ChainLog(
        log=LogId(row.log),
        agency=AgencyId(row.agency),
        kind=LogKind(row.kind),
        operator=Address(row.operator),
        next_seq=row.next_seq,
        closed=row.closed,
    )

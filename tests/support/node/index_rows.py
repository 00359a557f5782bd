"""Rows of the index, written as the follower would write them for the events of a block."""

from __future__ import annotations

import json

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric import ec

from cityledger.keccak import keccak
from cityledger.profiles import registry
from cityledger.proofs.merkle import Tree
from cityledger.sealing.thumbprint import key_thumbprint
from cityledger.store.anchoring import logs
from cityledger.store.index import tables as t
from cityledger.store.index import versions as history
from cityledger.store.index.terms_json import terms_to_json
from cityledger.types import (
    AgencyId,
    AgencyStatus,
    DatasetId,
    DatasetStatus,
    LogId,
    LogKind,
    Openness,
    Purpose,
    SharingClass,
    Terms,
    purpose_from_name,
)
from support.node.chain_facts import ORIGIN, address_of


def block_hash(number: int) -> bytes:
    return keccak(f"block {number}".encode())


def add_block(connection: sa.Connection, number: int, time: int) -> None:
    values = {"number": number, "hash": block_hash(number), "parent": block_hash(number - 1), "time": time}
    connection.execute(t.block.insert().values(values))


def put_agency(
    connection: sa.Connection, number: int, code: str, sealing: bytes, key: ec.EllipticCurvePrivateKey
) -> None:
    history.put(
        connection,
        t.idx_agency,
        1,
        {"agency": number},
        code=code,
        name=code.title(),
        local_name=code,
        endpoint=ORIGIN,
        account=address_of(code),
        sealing_key_digest=sealing,
        credential_key_digest=key_thumbprint(key),
        status=int(AgencyStatus.ACTIVE),
        epoch=1,
    )


def open_logs(connection: sa.Connection, number: int, operator: str) -> None:
    for kind in LogKind:
        log = LogId(2 * number - 2 + kind)
        logs.open_head(connection, log, AgencyId(number), kind)
        values = {"agency": number, "kind": int(kind), "operator": operator, "next_seq": 0}
        history.put(connection, t.idx_log, 1, {"log": log}, **values, closed=False, predecessor=0)


def put_dataset(
    connection: sa.Connection,
    dataset: DatasetId,
    provider: int,
    path: str,
    profile_name: str,
    sharing_class: int,
    *purposes: str,
) -> None:
    profile = registry.get(profile_name)
    named = tuple(sorted(purpose_from_name(name) for name in purposes))
    terms = Terms(SharingClass(sharing_class), Openness.CLOSED, False, False, named)
    history.put(
        connection,
        t.idx_dataset,
        1,
        {"dataset": dataset},
        provider=provider,
        path=path,
        title=path.rpartition("/")[2].title(),
        local_title="",
        profile=profile_name,
        part_names=json.dumps(profile.part_names),
        schema_digest=profile.schema_digest,
        retention_seconds=315_360_000,
        dispute_period_seconds=2_592_000,
        status=int(DatasetStatus.ACTIVE),
        current_terms=terms_to_json(terms),
        pending_terms=None,
        pending_since=0,
    )


def put_grant(
    connection: sa.Connection,
    block: int,
    dataset: DatasetId,
    consumer: AgencyId,
    purpose: Purpose,
    parts: int,
    since: int,
    until: int,
) -> None:
    history.put(
        connection,
        t.idx_grant,
        block,
        {"dataset": dataset, "consumer": consumer, "purpose": purpose},
        grant_id=keccak(dataset + consumer.to_bytes(4, "big") + purpose),
        parts=parts,
        since=since,
        until=until,
        provider_epoch=1,
        consumer_epoch=1,
    )


def put_batch(connection: sa.Connection, block: int, log: LogId, first: int, count: int, root: bytes) -> None:
    key = {"log": log, "first": first}
    assert root == Tree(logs.load_hashes(connection, log, first, count)).root
    history.put(connection, t.idx_batch, block, key, size=count, root=root, tx_hash=keccak(root))
    history.put(connection, t.idx_log, block, {"log": log}, next_seq=first + count)

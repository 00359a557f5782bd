"""Read receipts: numbered, chained and counted per record, so that an omission is detected."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from cityledger.proofs.leaf_json import receipt_from_json, receipt_to_json
from cityledger.proofs.leaves import Receipt, ReceiptLeaf, leaf_hash
from cityledger.store.anchoring import logs
from cityledger.store.tables import leaf as leaf_table
from cityledger.store.tables import log_head as head_table
from cityledger.store.tables import receipt as table
from cityledger.types import AgencyId, LeafHash, LogId, RecordId


@dataclass(frozen=True, slots=True)
class SignedReceipt:
    receipt: Receipt
    signature: bytes


@dataclass(frozen=True, slots=True)
class StoredReceipt:
    receipt: Receipt
    signature: bytes
    leaf: ReceiptLeaf
    hash: LeafHash


def append_receipt(
    connection: sa.Connection, instance: bytes, log: LogId, signed: SignedReceipt, now: int
) -> StoredReceipt:
    """Numbers and stores one signed receipt."""
    digest = signed.receipt.struct_hash()
    read_no, before = _last_read(connection, log, signed.receipt.record)
    made: list[ReceiptLeaf] = []

    def make(seq: int, previous: LeafHash) -> ReceiptLeaf:
        made.append(ReceiptLeaf(instance, log, seq, digest, previous, read_no + 1, before))
        return made[0]

    numbered = logs.append(connection, log, now, make)
    stored = StoredReceipt(signed.receipt, signed.signature, made[0], numbered.hash)
    connection.execute(table.insert().values(_row(stored)))
    return stored


def list_receipts(
    connection: sa.Connection,
    agency: AgencyId,
    hosted: Collection[AgencyId],
    *,
    after: tuple[int, int] = (0, -1),
    limit: int = 100,
) -> list[StoredReceipt]:
    """The receipts in which an agency is provider or consumer, in (log, seq) order after a cursor, of the
    logs of ``hosted`` agencies. A provider's receipts are in its own logs.
    """
    # Two queries, each with an index: "provider or consumer" would read the receipts of all agencies.
    is_hosted = head_table.c.agency.in_(hosted)
    hosted_logs = sa.select(head_table.c.log).where(is_hosted)
    own_logs = hosted_logs.where(head_table.c.agency == agency)
    provided = (table.c.provider == agency) & table.c.log.in_(own_logs)
    consumed = (table.c.consumer == agency) & table.c.log.in_(hosted_logs)
    rows: dict[tuple[int, int], sa.Row[Any]] = {}
    for concerned in (provided, consumed):
        later = sa.tuple_(table.c.log, table.c.seq) > sa.tuple_(*map(sa.literal, after))
        query = sa.select(table).where(concerned, later).order_by(table.c.log, table.c.seq).limit(limit)
        rows |= {(row.log, row.seq): row for row in connection.execute(query)}
    return [_load(connection, rows[place]) for place in sorted(rows)[:limit]]


def find_receipt(connection: sa.Connection, digest: bytes) -> StoredReceipt | None:
    row = connection.execute(sa.select(table).where(table.c.digest == digest)).one_or_none()
    return None if row is None else _load(connection, row)


def _last_read(connection: sa.Connection, log: LogId, record: RecordId) -> tuple[int, LeafHash]:
    of_record = (table.c.log == log) & (table.c.record == record)
    query = (
        sa.select(table.c.read_no, leaf_table.c.hash)
        .join(leaf_table, (leaf_table.c.log == table.c.log) & (leaf_table.c.seq == table.c.seq))
        .where(of_record)
        .order_by(table.c.read_no.desc())
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return (0, LeafHash(bytes(32))) if row is None else (row.read_no, LeafHash(row.hash))


def _row(stored: StoredReceipt) -> dict[str, Any]:
    receipt, leaf = stored.receipt, stored.leaf
    return {
        "log": leaf.log,
        "seq": leaf.seq,
        "digest": leaf.receipt,
        "previous": leaf.previous,
        "read_no": leaf.read_no,
        "prev_read_of_record": leaf.prev_read_of_record,
        "provider": receipt.provider,
        "consumer": receipt.consumer,
        "dataset": receipt.dataset,
        "record": receipt.record,
        "subject": receipt.subject,
        "permit": receipt.permit,
        "view": json.dumps(receipt_to_json(receipt)),
        "signature": stored.signature,
    }


def _load(connection: sa.Connection, row: sa.Row[Any]) -> StoredReceipt:
    receipt = receipt_from_json(json.loads(row.view))
    leaf = ReceiptLeaf(
        receipt.instance,
        LogId(row.log),
        row.seq,
        row.digest,
        LeafHash(row.previous),
        row.read_no,
        LeafHash(row.prev_read_of_record),
    )
    return StoredReceipt(receipt, row.signature, leaf, leaf_hash(leaf.struct_hash()))

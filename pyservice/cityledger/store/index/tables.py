"""The tables that mirror the chain (``idx_``), and the blocks that they were read from.

A row is valid for the blocks ``[valid_from, valid_to)``; ``valid_to`` NULL means "still valid". Undoing a
reorg is deleting the rows from orphaned blocks and reopening those that they closed, so that any indexed
block can be queried.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from cityledger.store.columns import bytes32, metadata, table

block = table(
    "block",
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    bytes32("hash"),
    bytes32("parent"),
    Column("time", BigInteger, nullable=False),
    UniqueConstraint("hash"),
    comment="Indexed blocks; the highest is the cursor. Far below final only those with events remain.",
)


def _indexed(name: str, keys: list[Column[object]], *values: Column[object] | Index) -> Table:
    for column in keys:
        column.primary_key = True
        column.nullable = False
    return Table(
        name,
        metadata,
        *keys,
        *values,
        Column("valid_from", BigInteger, primary_key=True, autoincrement=False),
        Column("valid_to", BigInteger),
        Index(f"ix_{name}_valid_from", "valid_from"),
        Index(f"ix_{name}_valid_to", "valid_to"),
        _one_live(name, [column.name for column in keys]),
    )


def _one_live(name: str, keys: list[str]) -> Index:
    live = text("valid_to IS NULL")
    return Index(f"uq_{name}_live", *keys, unique=True, sqlite_where=live, postgresql_where=live)


def _number(name: str) -> Column[object]:
    return Column(name, BigInteger, nullable=False, autoincrement=False)


def _text(name: str) -> Column[object]:
    return Column(name, Text, nullable=False)


def _hash(name: str) -> Column[object]:
    return Column(name, LargeBinary(32), nullable=False)


idx_contract = _indexed("idx_contract", [_text("name")], _text("address"), _number("version"))

idx_agency = _indexed(
    "idx_agency",
    [_number("agency")],
    _text("code"),
    _text("name"),
    _text("local_name"),
    _text("endpoint"),
    _text("account"),
    _hash("sealing_key_digest"),
    _hash("credential_key_digest"),
    _number("status"),
    _number("epoch"),
)

idx_officer = _indexed(
    "idx_officer", [_number("agency"), _text("account")], _number("role"), _number("until"), _number("epoch")
)

idx_purpose = _indexed("idx_purpose", [_hash("purpose")])

idx_dataset = _indexed(
    "idx_dataset",
    [_hash("dataset")],
    _number("provider"),
    _text("path"),
    _text("title"),
    _text("local_title"),
    _text("profile"),
    _text("part_names"),
    _hash("schema_digest"),
    _number("retention_seconds"),
    _number("dispute_period_seconds"),
    _number("status"),
    _text("current_terms"),
    Column("pending_terms", Text),
    _number("pending_since"),
)

idx_grant = _indexed(
    "idx_grant",
    [_hash("dataset"), _number("consumer"), _hash("purpose")],
    _hash("grant_id"),
    _number("parts"),
    _number("since"),
    _number("until"),
    _number("provider_epoch"),
    _number("consumer_epoch"),
)

idx_restriction = _indexed("idx_restriction", [_hash("dataset"), _hash("record"), _number("consumer")])

idx_seal = _indexed("idx_seal", [_hash("dataset"), _hash("record")])

idx_log = _indexed(
    "idx_log",
    [_number("log")],
    _number("agency"),
    _number("kind"),
    _text("operator"),
    _number("next_seq"),
    Column("closed", Boolean, nullable=False),
    _number("predecessor"),
)

idx_batch = _indexed(
    "idx_batch", [_number("log"), _number("first")], _number("size"), _hash("root"), _hash("tx_hash")
)

idx_skipped = _indexed(
    "idx_skipped",
    [_number("log"), _number("first"), _hash("tx_hash")],
    _number("next_seq"),
    _number("reason"),
)

idx_head = _indexed(
    "idx_head", [_hash("dataset"), _hash("record")], _hash("leaf_hash"), _number("version"), _hash("tx_hash")
)

INDEX_TABLES = (
    idx_contract,
    idx_agency,
    idx_officer,
    idx_purpose,
    idx_dataset,
    idx_grant,
    idx_restriction,
    idx_seal,
    idx_log,
    idx_batch,
    idx_skipped,
    idx_head,
)

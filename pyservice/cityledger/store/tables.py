"""Every table of a node, as SQLAlchemy Core. Migrations create them; a test proves that the two agree.

Two families. *Own* tables hold what this node alone knows: records, leaves, receipts, batches, tokens.
*Index* tables (``idx_``) mirror the chain. An index row is true for the blocks ``[valid_from, valid_to)``;
``valid_to`` NULL means "still". Undoing a reorg is deleting the rows from orphaned blocks and reopening
those that they closed, so any indexed block can be asked.

All bytes32 are BLOBs of 32 bytes, all times Unix seconds, all u64 fit SQLite's and PostgreSQL's signed 64
bits.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.schema import SchemaItem

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


_CHECK = "check"


def _table(name: str, *items: SchemaItem, comment: str | None = None) -> Table:
    # Checks belong to the table, not to its columns: Alembic would not see them there.
    columns = [item for item in items if isinstance(item, Column)]
    checks = [
        CheckConstraint(column.info[_CHECK], name=column.name) for column in columns if _CHECK in column.info
    ]
    return Table(name, metadata, *items, *checks, comment=comment)


def _bytes32(name: str, *, key: bool = False) -> Column[bytes]:
    return Column(
        name, LargeBinary(32), primary_key=key, nullable=False, info={_CHECK: f"length({name}) = 32"}
    )


def _u64(name: str, *, key: bool = False) -> Column[int]:
    check = {_CHECK: f"{name} >= 0"}
    return Column(name, BigInteger, primary_key=key, autoincrement=False, nullable=False, info=check)


def _ranged(
    name: str, kind: type[BigInteger] | type[Integer], check: str, *, key: bool = False
) -> Column[int]:
    return Column(name, kind, primary_key=key, autoincrement=False, nullable=False, info={_CHECK: check})


node_state = _table(
    "node_state",
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
    comment="Facts of this database: instance and chain id it belongs to, the last final block.",
)

# --- logs and anchoring ---------------------------------------------------------------------------

log_head = _table(
    "log_head",
    Column("log", BigInteger, primary_key=True, autoincrement=False),
    Column("agency", BigInteger, nullable=False),
    _ranged("kind", Integer, "kind IN (1, 2)"),
    _u64("next_seq"),
    _bytes32("last_leaf"),
    Column("halted", Text, comment="NULL, or why nothing more is anchored; an operator must look"),
    comment="The next number of each log of this node; its row is locked while a group is numbered.",
)

leaf = _table(
    "leaf",
    Column("log", BigInteger, primary_key=True, autoincrement=False),
    _u64("seq", key=True),
    _bytes32("hash"),
    Column("numbered_at", BigInteger, nullable=False),
    ForeignKeyConstraint(["log"], ["log_head.log"]),
)

batch = _table(
    "batch",
    Column("log", BigInteger, primary_key=True, autoincrement=False),
    _u64("first", key=True),
    _ranged("size", Integer, "size BETWEEN 1 AND 65536"),
    _bytes32("root"),
    Column("closed_at", BigInteger, nullable=False),
    ForeignKeyConstraint(["log"], ["log_head.log"]),
    comment="Closed batches; signed, mined and final follow from attempt and idx_batch.",
)

attempt = _table(
    "attempt",
    Column("id", Integer, primary_key=True),
    Column("account", Text, nullable=False),
    _u64("nonce"),
    Column("raw", LargeBinary, nullable=False, comment="signed bytes, durable before the first broadcast"),
    _bytes32("tx_hash"),
    Column("signed_at", BigInteger, nullable=False),
    UniqueConstraint("tx_hash"),
    Index(None, "account", "nonce"),
)

attempt_batch = _table(
    "attempt_batch",
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("log", BigInteger, primary_key=True, autoincrement=False),
    _u64("first", key=True),
    ForeignKeyConstraint(["attempt"], ["attempt.id"]),
    ForeignKeyConstraint(["log", "first"], ["batch.log", "batch.first"]),
)

# --- records --------------------------------------------------------------------------------------

subject = _table(
    "subject",
    Column("provider", BigInteger, primary_key=True, autoincrement=False),
    _bytes32("identifier", key=True),
    _bytes32("subject"),
    UniqueConstraint("subject"),
    comment="identifier is an HMAC under the agency's subject key; delete the row to forget the person.",
)

record_version = _table(
    "record_version",
    _bytes32("dataset", key=True),
    _bytes32("record", key=True),
    _ranged("version", BigInteger, "version >= 1", key=True),
    Column("log", BigInteger, nullable=False),
    _u64("seq"),
    _bytes32("leaf_hash"),
    _bytes32("schema"),
    Column("wrapped", LargeBinary, comment="wrapped data key; NULL once erased"),
    Column("withdrawn", Boolean, nullable=False, comment="the record ends here; every part is sealed empty"),
    Column("written_at", BigInteger, nullable=False),
    UniqueConstraint("log", "seq"),
    ForeignKeyConstraint(["log", "seq"], ["leaf.log", "leaf.seq"]),
)

record_part = _table(
    "record_part",
    _bytes32("dataset", key=True),
    _bytes32("record", key=True),
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    _ranged("bit", Integer, "bit BETWEEN 0 AND 7", key=True),
    Column("name", Text, nullable=False),
    Column("ciphertext", LargeBinary, comment="NULL where it is an object"),
    Column("object", Text, comment="key in the object store; durable there before the row is"),
    _u64("sealed_bytes"),
    _bytes32("digest"),
    _bytes32("commitment"),
    CheckConstraint("(ciphertext IS NULL) <> (object IS NULL)", name="one_place"),
    ForeignKeyConstraint(
        ["dataset", "record", "version"],
        ["record_version.dataset", "record_version.record", "record_version.version"],
    ),
    UniqueConstraint("object"),
)

record_subject = _table(
    "record_subject",
    _bytes32("dataset", key=True),
    _bytes32("record", key=True),
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    _bytes32("subject", key=True),
    ForeignKeyConstraint(
        ["dataset", "record", "version"],
        ["record_version.dataset", "record_version.record", "record_version.version"],
    ),
    Index(None, "subject", "dataset"),
)

record_identifier = _table(
    "record_identifier",
    _bytes32("dataset", key=True),
    _bytes32("identifier", key=True),
    _bytes32("record", key=True),
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    ForeignKeyConstraint(
        ["dataset", "record", "version"],
        ["record_version.dataset", "record_version.record", "record_version.version"],
    ),
    Index(None, "dataset", "record", "version"),
    comment="Business identifiers as HMACs under the agency's subject key; erased with the version.",
)

tombstone = _table(
    "tombstone",
    Column("log", BigInteger, primary_key=True, autoincrement=False),
    _u64("seq", key=True),
    _bytes32("dataset"),
    _bytes32("record"),
    Column("version", BigInteger, nullable=False),
    _bytes32("erased_leaf"),
    Column("reason", Integer, nullable=False),
    Column("erased_at", BigInteger, nullable=False),
    Column("unrecoverable_at", BigInteger, nullable=False),
    ForeignKeyConstraint(["log", "seq"], ["leaf.log", "leaf.seq"]),
    Index(None, "dataset", "record"),
)

# --- imports --------------------------------------------------------------------------------------

import_job = _table(
    "import_job",
    Column("id", Text, primary_key=True, comment="random; part of the URL"),
    Column("agency", BigInteger, nullable=False),
    _bytes32("dataset"),
    _bytes32("content"),
    Column("format", Text, nullable=False),
    Column("options", Text, nullable=False, comment="canonical JSON"),
    Column("object", Text, comment="the sealed file in the object store; NULL once it is not needed"),
    Column("wrapped", LargeBinary, comment="its wrapped data key"),
    _u64("content_bytes"),
    _ranged("state", Integer, "state BETWEEN 1 AND 4"),
    Column("failure", Text, comment="why it stopped; names field and reason"),
    Column("caller", Text, nullable=False, comment="JSON: who asked and why, decided again for each group"),
    _u64("rows_done"),
    _u64("bytes_done"),
    Column("tallies", Text, nullable=False, comment="JSON: rows by outcome, by reason and by flag"),
    Column("created_at", BigInteger, nullable=False),
    Column("finished_at", BigInteger),
    UniqueConstraint("agency", "dataset", "content", "format", "options"),
    Index(None, "state"),
    comment="State 1 waiting, 2 running, 3 done, 4 stopped. A file sent again is the same job.",
)

import_row = _table(
    "import_row",
    Column("job", Text, primary_key=True),
    _u64("row_no", key=True),
    Column("ordinal", Integer, primary_key=True, autoincrement=False),
    _ranged("verdict", Integer, "verdict BETWEEN 1 AND 3"),
    Column("field", Text, nullable=False),
    Column("reason", Text, nullable=False),
    ForeignKeyConstraint(["job"], ["import_job.id"]),
    Index(None, "job", "verdict", "row_no"),
    comment="Verdict 1 rejected, 2 flagged, 3 duplicate. Rows without one are only counted.",
)

# --- receipts -------------------------------------------------------------------------------------

receipt = _table(
    "receipt",
    Column("log", BigInteger, primary_key=True, autoincrement=False),
    _u64("seq", key=True),
    _bytes32("digest"),
    _bytes32("previous"),
    _u64("read_no"),
    _bytes32("prev_read_of_record"),
    Column("provider", BigInteger, nullable=False),
    Column("consumer", BigInteger, nullable=False),
    _bytes32("dataset"),
    _bytes32("record"),
    _bytes32("subject"),
    Column("permit", Boolean, nullable=False),
    Column("view", Text, nullable=False, comment="JSON view of the Receipt struct"),
    Column("signature", LargeBinary(65), nullable=False),
    UniqueConstraint("digest"),
    ForeignKeyConstraint(["log", "seq"], ["leaf.log", "leaf.seq"]),
    Index(None, "log", "record", "read_no"),
    Index(None, "subject"),
    Index(None, "consumer", "log", "seq"),
)

# --- sign-in --------------------------------------------------------------------------------------

token = _table(
    "token",
    _bytes32("digest", key=True),
    Column("agency", BigInteger, nullable=False),
    Column("role", Integer, nullable=False),
    Column("officer", Text, nullable=False),
    Column("account", Text, comment="the on-chain officer's account; NULL for an off-chain officer"),
    Column("system", Text, nullable=False),
    Column("credential_until", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index(None, "expires_at"),
)

once = _table(
    "once",
    Column("kind", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    Column("expires_at", BigInteger, nullable=False),
    Index(None, "expires_at"),
    comment="Values good once: SIWE nonces while they are unused, DPoP jti once they are used.",
)

idempotency = _table(
    "idempotency",
    Column("agency", BigInteger, primary_key=True, autoincrement=False),
    Column("key", Text, primary_key=True),
    _bytes32("request"),
    Column("answer", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index(None, "created_at"),
)

# --- index of the chain ---------------------------------------------------------------------------

block = _table(
    "block",
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    _bytes32("hash"),
    _bytes32("parent"),
    Column("time", BigInteger, nullable=False),
    UniqueConstraint("hash"),
    comment="Indexed blocks without a gap; the highest is the cursor.",
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

"""Every table of a node, as SQLAlchemy Core. Migrations create them; a test proves that the two agree.

Two families. *Own* tables hold what this node alone knows: records, leaves, receipts, batches, tokens. *Index* tables (``idx_``)
mirror the chain. An index row is true for the blocks ``[valid_from, valid_to)``; ``valid_to`` NULL means "still". Undoing a reorg
is deleting the rows from orphaned blocks and reopening those that they closed, so any indexed block can be asked.

All bytes32 are BLOBs of 32 bytes, all times Unix seconds, all u64 fit SQLite's and PostgreSQL's signed 64 bits.
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
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _bytes32(name: str, **options: bool) -> Column[bytes]:
    return Column(name, LargeBinary(32), CheckConstraint(f"length({name}) = 32", name=name), **options)


def _u64(name: str, **options: bool) -> Column[int]:
    return Column(name, BigInteger, CheckConstraint(f"{name} >= 0", name=name), **options)


def _key(column: Column[bytes] | Column[int]) -> Column[bytes] | Column[int]:
    column.primary_key = True
    column.nullable = False
    return column


node_state = Table(
    "node_state",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
    comment="Facts of this database: instance and chain id it belongs to, the last final block.",
)

# --- logs and anchoring -------------------------------------------------------------------------------------------------------

log_head = Table(
    "log_head",
    metadata,
    Column("log", BigInteger, primary_key=True, autoincrement=False),
    Column("agency", BigInteger, nullable=False),
    Column("kind", Integer, CheckConstraint("kind IN (1, 2)", name="kind"), nullable=False),
    _u64("next_seq", nullable=False),
    _bytes32("last_leaf", nullable=False),
    Column("halted", Text, comment="NULL, or why nothing more is anchored; an operator must look"),
    comment="The next number of each log of this node; its row is locked while a group is numbered.",
)

leaf = Table(
    "leaf",
    metadata,
    Column("log", BigInteger, primary_key=True, autoincrement=False),
    _key(_u64("seq")),
    _bytes32("hash", nullable=False),
    Column("numbered_at", BigInteger, nullable=False),
    ForeignKeyConstraint(["log"], ["log_head.log"]),
)

batch = Table(
    "batch",
    metadata,
    Column("log", BigInteger, primary_key=True, autoincrement=False),
    _key(_u64("first")),
    Column("count", Integer, CheckConstraint("count BETWEEN 1 AND 65536", name="count"), nullable=False),
    _bytes32("root", nullable=False),
    Column("closed_at", BigInteger, nullable=False),
    ForeignKeyConstraint(["log"], ["log_head.log"]),
    comment="Closed batches. Signed, mined and final follow from attempt and idx_batch, so a reorg needs no repair here.",
)

attempt = Table(
    "attempt",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("account", Text, nullable=False),
    _u64("nonce", nullable=False),
    Column("raw", LargeBinary, nullable=False, comment="signed bytes, durable before the first broadcast"),
    _bytes32("tx_hash", nullable=False),
    Column("signed_at", BigInteger, nullable=False),
    UniqueConstraint("tx_hash"),
    Index(None, "account", "nonce"),
)

attempt_batch = Table(
    "attempt_batch",
    metadata,
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("log", BigInteger, primary_key=True, autoincrement=False),
    _key(_u64("first")),
    ForeignKeyConstraint(["attempt"], ["attempt.id"]),
    ForeignKeyConstraint(["log", "first"], ["batch.log", "batch.first"]),
)

# --- records ------------------------------------------------------------------------------------------------------------------

subject = Table(
    "subject",
    metadata,
    Column("provider", BigInteger, primary_key=True, autoincrement=False),
    _key(_bytes32("identifier")),
    _bytes32("subject", nullable=False),
    UniqueConstraint("subject"),
    comment="identifier is an HMAC of system and value under the agency's subject key; delete the row to forget the person.",
)

record_version = Table(
    "record_version",
    metadata,
    _key(_bytes32("dataset")),
    _key(_bytes32("record")),
    Column("version", BigInteger, CheckConstraint("version >= 1", name="version"), primary_key=True, autoincrement=False),
    Column("log", BigInteger, nullable=False),
    _u64("seq", nullable=False),
    _bytes32("leaf_hash", nullable=False),
    _bytes32("schema", nullable=False),
    Column("wrapped", LargeBinary, comment="wrapped data key; NULL once erased"),
    Column("written_at", BigInteger, nullable=False),
    UniqueConstraint("log", "seq"),
    ForeignKeyConstraint(["log", "seq"], ["leaf.log", "leaf.seq"]),
)

record_part = Table(
    "record_part",
    metadata,
    _key(_bytes32("dataset")),
    _key(_bytes32("record")),
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("bit", Integer, CheckConstraint("bit BETWEEN 0 AND 7", name="bit"), primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("ciphertext", LargeBinary, nullable=False),
    _bytes32("digest", nullable=False),
    _bytes32("commitment", nullable=False),
    ForeignKeyConstraint(
        ["dataset", "record", "version"],
        ["record_version.dataset", "record_version.record", "record_version.version"],
    ),
)

record_subject = Table(
    "record_subject",
    metadata,
    _key(_bytes32("dataset")),
    _key(_bytes32("record")),
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    _key(_bytes32("subject")),
    ForeignKeyConstraint(
        ["dataset", "record", "version"],
        ["record_version.dataset", "record_version.record", "record_version.version"],
    ),
    Index(None, "subject", "dataset"),
)

tombstone = Table(
    "tombstone",
    metadata,
    Column("log", BigInteger, primary_key=True, autoincrement=False),
    _key(_u64("seq")),
    _bytes32("dataset", nullable=False),
    _bytes32("record", nullable=False),
    Column("version", BigInteger, nullable=False),
    _bytes32("erased_leaf", nullable=False),
    Column("reason", Integer, nullable=False),
    Column("erased_at", BigInteger, nullable=False),
    Column("unrecoverable_at", BigInteger, nullable=False),
    ForeignKeyConstraint(["log", "seq"], ["leaf.log", "leaf.seq"]),
    Index(None, "dataset", "record"),
)

# --- receipts -----------------------------------------------------------------------------------------------------------------

receipt = Table(
    "receipt",
    metadata,
    Column("log", BigInteger, primary_key=True, autoincrement=False),
    _key(_u64("seq")),
    _bytes32("digest", nullable=False),
    _bytes32("previous", nullable=False),
    _u64("read_no", nullable=False),
    _bytes32("prev_read_of_record", nullable=False),
    Column("provider", BigInteger, nullable=False),
    Column("consumer", BigInteger, nullable=False),
    _bytes32("dataset", nullable=False),
    _bytes32("record", nullable=False),
    _bytes32("subject", nullable=False),
    Column("permit", Boolean, nullable=False),
    Column("view", Text, nullable=False, comment="JSON view of the Receipt struct"),
    Column("signature", LargeBinary(65), nullable=False),
    UniqueConstraint("digest"),
    ForeignKeyConstraint(["log", "seq"], ["leaf.log", "leaf.seq"]),
    Index(None, "log", "record", "read_no"),
    Index(None, "subject"),
    Index(None, "consumer", "log", "seq"),
)

# --- sign-in ------------------------------------------------------------------------------------------------------------------

token = Table(
    "token",
    metadata,
    _key(_bytes32("digest")),
    Column("agency", BigInteger, nullable=False),
    Column("role", Integer, nullable=False),
    Column("officer", Text, nullable=False),
    Column("account", Text, comment="the on-chain officer's account; NULL for an off-chain officer"),
    Column("system", Text, nullable=False),
    Column("credential_until", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index(None, "expires_at"),
)

once = Table(
    "once",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    Column("expires_at", BigInteger, nullable=False),
    Index(None, "expires_at"),
    comment="Values good once: SIWE nonces while they are unused, DPoP jti once they are used.",
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("agency", BigInteger, primary_key=True, autoincrement=False),
    Column("key", Text, primary_key=True),
    _bytes32("request", nullable=False),
    Column("answer", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index(None, "created_at"),
)

# --- index of the chain ---------------------------------------------------------------------------------------------------------

block = Table(
    "block",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    _bytes32("hash", nullable=False),
    _bytes32("parent", nullable=False),
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
    )


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
    "idx_batch", [_number("log"), _number("first")], _number("count"), _hash("root"), _hash("tx_hash")
)

idx_skipped = _indexed(
    "idx_skipped",
    [_number("log"), _number("first"), _hash("tx_hash")],
    _number("next_seq"),
    _number("reason"),
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
)

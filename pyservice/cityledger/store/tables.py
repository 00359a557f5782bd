"""The tables of a node's own data, which the chain does not hold: records, receipts, batches, imports,
tokens.

As SQLAlchemy Core; ``index/tables.py`` has those that mirror the chain. Migrations create them all; a test
proves that the two agree. All bytes32 are BLOBs of 32 bytes, all times Unix seconds, all u64 fit SQLite's and
PostgreSQL's signed 64 bits.
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
    Text,
    UniqueConstraint,
)

from cityledger.store.columns import DisplayText, bytes32, ranged, table, u64

node_state = table(
    "node_state",
    Column("key", Text, primary_key=True),
    Column("value", DisplayText, nullable=False),
    comment="Facts of this database, such as the instance that it belongs to and the last final block.",
)

commit_mark = table(
    "commit_mark",
    Column("id", LargeBinary(16), primary_key=True),
    Column("is_fence", Boolean, nullable=False, comment="the commit was cut off and can never take effect"),
    Column("made_at", BigInteger, nullable=False),
    comment="One row per commit whose outcome may be unknown; see commit_marks.py. PostgreSQL only.",
)

# --- logs and anchoring ---------------------------------------------------------------------------

log_head = table(
    "log_head",
    Column("log", BigInteger, primary_key=True, autoincrement=False),
    Column("agency", BigInteger, nullable=False),
    ranged("kind", Integer, "kind IN (1, 2)"),
    u64("next_seq"),
    bytes32("last_leaf"),
    Column("halted", Text, comment="NULL, or a HaltCause: nothing is numbered or anchored"),
    Column("halt_detail", DisplayText, comment="the facts of the halt; NULL if not halted"),
    u64("failures_from_nonce"),
    comment="Next number of each log, locked while a group is numbered. failures_from_nonce: see LogHead",
)

leaf = table(
    "leaf",
    Column("log", BigInteger, primary_key=True, autoincrement=False),
    u64("seq", key=True),
    bytes32("hash"),
    Column("numbered_at", BigInteger, nullable=False),
    ForeignKeyConstraint(["log"], ["log_head.log"]),
)

batch = table(
    "batch",
    Column("log", BigInteger, primary_key=True, autoincrement=False),
    u64("first", key=True),
    ranged("size", Integer, "size BETWEEN 1 AND 65536"),
    bytes32("root"),
    Column("closed_at", BigInteger, nullable=False),
    ForeignKeyConstraint(["log"], ["log_head.log"]),
    comment="Closed batches; signed, mined and final follow from attempt and idx_batch.",
)

operator_account = table(
    "operator_account",
    Column("account", Text, primary_key=True),
    u64("first_nonce"),
    Column("halted", Text, comment="NULL, or a HaltCause: the account signs nothing"),
    Column("halt_detail", DisplayText, comment="the facts of the halt; NULL if not halted"),
    comment="first_nonce: the account's nonce on chain when this database began to use it.",
)

attempt = table(
    "attempt",
    Column("id", Integer, primary_key=True),
    Column("account", Text, nullable=False),
    u64("nonce"),
    ranged("replacement", Integer, "replacement >= 0"),
    Column("raw", LargeBinary, nullable=False, comment="signed bytes, durable before the first broadcast"),
    bytes32("tx_hash"),
    Column("signed_at", BigInteger, nullable=False),
    u64("at_block"),
    UniqueConstraint("tx_hash"),
    UniqueConstraint("account", "nonce", "replacement"),
    comment="replacement 0 is the first with its nonce; at_block was the index's cursor at signing",
)

attempt_batch = table(
    "attempt_batch",
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("log", BigInteger, primary_key=True, autoincrement=False),
    u64("first", key=True),
    ForeignKeyConstraint(["attempt"], ["attempt.id"]),
    ForeignKeyConstraint(["log", "first"], ["batch.log", "batch.first"]),
)

# --- records --------------------------------------------------------------------------------------

subject = table(
    "subject",
    Column("provider", BigInteger, primary_key=True, autoincrement=False),
    bytes32("identifier", key=True),
    bytes32("subject"),
    UniqueConstraint("subject"),
    comment="identifier is an HMAC under the agency's subject key; delete the row to forget the person.",
)

record_version = table(
    "record_version",
    bytes32("dataset", key=True),
    bytes32("record", key=True),
    ranged("version", BigInteger, "version >= 1", key=True),
    Column("log", BigInteger, nullable=False),
    u64("seq"),
    bytes32("leaf_hash"),
    bytes32("schema"),
    Column("wrapped", LargeBinary, comment="wrapped data key; NULL once erased"),
    Column(
        "withdrawn",
        Boolean,
        nullable=False,
        comment="the record ends with this version; every part is sealed empty",
    ),
    Column("written_at", BigInteger, nullable=False),
    UniqueConstraint("log", "seq"),
    ForeignKeyConstraint(["log", "seq"], ["leaf.log", "leaf.seq"]),
)

record_part = table(
    "record_part",
    bytes32("dataset", key=True),
    bytes32("record", key=True),
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    ranged("bit", Integer, "bit BETWEEN 0 AND 7", key=True),
    Column("name", Text, nullable=False),
    Column("ciphertext", LargeBinary, comment="NULL if stored as an object"),
    Column("object", Text, comment="key in the object store; durable before this row"),
    u64("sealed_bytes"),
    bytes32("digest"),
    bytes32("commitment"),
    CheckConstraint("(ciphertext IS NULL) <> (object IS NULL)", name="one_location"),
    ForeignKeyConstraint(
        ["dataset", "record", "version"],
        ["record_version.dataset", "record_version.record", "record_version.version"],
    ),
    UniqueConstraint("object"),
)

record_subject = table(
    "record_subject",
    bytes32("dataset", key=True),
    bytes32("record", key=True),
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    bytes32("subject", key=True),
    ForeignKeyConstraint(
        ["dataset", "record", "version"],
        ["record_version.dataset", "record_version.record", "record_version.version"],
    ),
    # With the record, so that a search by subject needs nothing else: SQLite would prefer the primary key
    # without it, and scan the whole dataset.
    Index(None, "subject", "dataset", "record"),
)

record_identifier = table(
    "record_identifier",
    bytes32("dataset", key=True),
    bytes32("identifier", key=True),
    bytes32("record", key=True),
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    ForeignKeyConstraint(
        ["dataset", "record", "version"],
        ["record_version.dataset", "record_version.record", "record_version.version"],
    ),
    Index(None, "dataset", "record", "version"),
    comment="Business identifiers as HMACs under the agency's subject key; erased with the version.",
)

tombstone = table(
    "tombstone",
    Column("log", BigInteger, primary_key=True, autoincrement=False),
    u64("seq", key=True),
    bytes32("dataset"),
    bytes32("record"),
    Column("version", BigInteger, nullable=False),
    bytes32("erased_leaf"),
    Column("reason", Integer, nullable=False),
    Column("erased_at", BigInteger, nullable=False),
    Column("unrecoverable_at", BigInteger, nullable=False),
    ForeignKeyConstraint(["log", "seq"], ["leaf.log", "leaf.seq"]),
    Index(None, "dataset", "record"),
)

replayed_tombstone = table(
    "replayed_tombstone",
    Column("log", BigInteger, primary_key=True, autoincrement=False),
    u64("seq", key=True),
    bytes32("dataset"),
    bytes32("record"),
    Column("version", BigInteger, nullable=False),
    bytes32("erased_leaf"),
    Column("reason", Integer, nullable=False),
    Column("erased_at", BigInteger, nullable=False),
    Column("unrecoverable_at", BigInteger, nullable=False),
    Column("signature", LargeBinary(65), nullable=False),
    Column("replayed_at", BigInteger, nullable=False),
    UniqueConstraint("dataset", "record", "version"),
    comment="Erasures that a restore repeated: (log, seq) is of a tombstone that the backup lacked.",
)

vault_floor = table(
    "vault_floor",
    Column("agency", BigInteger, primary_key=True, autoincrement=False),
    u64("epoch"),
    Column("raised_at", BigInteger, nullable=False),
    comment="Nothing wrapped under a vault key of a lower epoch is written: those keys are retired.",
)

# --- imports --------------------------------------------------------------------------------------

dataset_writes = table(
    "dataset_writes",
    bytes32("dataset", key=True),
    u64("versions"),
    comment="Number of versions ever written to a dataset; shows whether it has changed since an import.",
)

import_job = table(
    "import_job",
    Column("id", Text, primary_key=True, comment="random; part of the URL"),
    u64("arrival"),
    Column("agency", BigInteger, nullable=False),
    bytes32("dataset"),
    bytes32("content"),
    Column("format", Text, nullable=False),
    Column("options", LargeBinary, nullable=False, comment="sealed note"),
    Column("object", Text, comment="the sealed file in the object store; NULL once it is not needed"),
    Column("wrapped", LargeBinary, comment="its wrapped data key"),
    u64("content_bytes"),
    ranged("state", Integer, "state BETWEEN 1 AND 4"),
    Column("failure", LargeBinary, comment="sealed note: why it stopped"),
    Column(
        "caller",
        LargeBinary,
        comment="sealed note: the caller and the reason; NULL once the import has ended",
    ),
    u64("rows_done"),
    u64("bytes_done"),
    Column("tallies", Text, nullable=False, comment="JSON: rows by outcome, by reason and by flag"),
    Column("created_at", BigInteger, nullable=False),
    Column("finished_at", BigInteger),
    Column(
        "writes", BigInteger, comment="dataset_writes after its last row; NULL: others wrote concurrently"
    ),
    Column("repeat_of", Text, comment="the import that this one repeats; it wrote nothing"),
    UniqueConstraint("arrival"),
    Index(None, "state"),
    Index(None, "content"),
    comment="State 1 waiting, 2 running, 3 done, 4 stopped. content: HMAC of file, format and options.",
)

import_row = table(
    "import_row",
    Column("job", Text, primary_key=True),
    u64("row_no", key=True),
    Column("ordinal", Integer, primary_key=True, autoincrement=False),
    ranged("verdict", Integer, "verdict BETWEEN 1 AND 3"),
    Column("field", LargeBinary, nullable=False, comment="sealed note: the sender may have named it"),
    Column("reason", DisplayText, nullable=False),
    ForeignKeyConstraint(["job"], ["import_job.id"]),
    Index(None, "job", "verdict", "row_no"),
    comment="Verdict 1 rejected, 2 flagged, 3 duplicate. Rows without one are only counted.",
)

# --- receipts -------------------------------------------------------------------------------------

receipt = table(
    "receipt",
    Column("log", BigInteger, primary_key=True, autoincrement=False),
    u64("seq", key=True),
    bytes32("digest"),
    bytes32("previous"),
    u64("read_no"),
    bytes32("prev_read_of_record"),
    Column("provider", BigInteger, nullable=False),
    Column("consumer", BigInteger, nullable=False),
    bytes32("dataset"),
    bytes32("record"),
    bytes32("subject"),
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

token = table(
    "token",
    bytes32("digest", key=True),
    Column("agency", BigInteger, nullable=False),
    Column("role", Integer, nullable=False),
    Column("officer", Text, nullable=False),
    Column("account", Text, comment="the on-chain officer's account; NULL for an off-chain officer"),
    Column("system", Text, nullable=False),
    Column("credential_until", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("epoch", BigInteger, nullable=False, comment="the agency's at sign-in; the token expires with it"),
    Column(
        "credential_key",
        LargeBinary(32),
        comment="thumbprint of the credential key; NULL for an on-chain officer",
    ),
    Index(None, "expires_at"),
)

revocation_list = table(
    "revocation_list",
    Column("agency", BigInteger, primary_key=True, autoincrement=False),
    bytes32("credential_key", key=True),
    u64("seq"),
    Column("received_at", BigInteger, nullable=False),
    Column("signed", Text, nullable=False, comment="the newest list that this key signed, a compact JWS"),
    comment="One row per credential key of an agency: a lower seq of that key is refused.",
)

revoked_officer = table(
    "revoked_officer",
    Column("agency", BigInteger, primary_key=True, autoincrement=False),
    Column("officer", Text, primary_key=True),
    Column("system", Text, primary_key=True, comment="empty: in every system"),
    comment="The entries of the list that an agency sent last; it stays when the agency's key changes.",
)

awaited_revocation_list = table(
    "awaited_revocation_list",
    Column("agency", BigInteger, primary_key=True, autoincrement=False),
    Column("since", BigInteger, nullable=False, comment="when the restore that lacked the list took place"),
    comment="Agencies whose off-chain officers are refused until the agency has put its list again.",
)

single_use_value = table(
    "single_use_value",
    Column("kind", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    Column("expires_at", BigInteger, nullable=False),
    Index(None, "expires_at"),
    comment="Single-use values: SIWE nonces that are unused, DPoP jti that are used.",
)

idempotency = table(
    "idempotency",
    Column("agency", BigInteger, primary_key=True, autoincrement=False),
    Column("key", Text, primary_key=True),
    bytes32("request"),
    Column("answer", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index(None, "created_at"),
)

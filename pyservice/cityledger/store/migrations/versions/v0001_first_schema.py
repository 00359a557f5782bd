"""The first schema of a node."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "attempt",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("nonce", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("replacement", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "raw",
            sa.LargeBinary(),
            nullable=False,
            comment="signed bytes, durable before the first broadcast",
        ),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("signed_at", sa.BigInteger(), nullable=False),
        sa.Column("at_block", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.CheckConstraint("at_block >= 0", name=op.f("ck_attempt_at_block")),
        sa.CheckConstraint("length(tx_hash) = 32", name=op.f("ck_attempt_tx_hash")),
        sa.CheckConstraint("nonce >= 0", name=op.f("ck_attempt_nonce")),
        sa.CheckConstraint("replacement >= 0", name=op.f("ck_attempt_replacement")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempt")),
        sa.UniqueConstraint(
            "account", "nonce", "replacement", name=op.f("uq_attempt_account_nonce_replacement")
        ),
        sa.UniqueConstraint("tx_hash", name=op.f("uq_attempt_tx_hash")),
        comment="replacement 0 is the first with its nonce; at_block was the index's cursor at signing",
    )
    op.create_table(
        "block",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("parent", sa.LargeBinary(length=32), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("length(hash) = 32", name=op.f("ck_block_hash")),
        sa.CheckConstraint("length(parent) = 32", name=op.f("ck_block_parent")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_block")),
        sa.UniqueConstraint("hash", name=op.f("uq_block_hash")),
        comment="Indexed blocks; the highest is the cursor. Far below final only those with events remain.",
    )
    op.create_table(
        "commit_mark",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column(
            "is_fence",
            sa.Boolean(),
            nullable=False,
            comment="the commit was cut off and can never take effect",
        ),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_commit_mark")),
        comment="One row per commit whose outcome may be unknown; see commit_marks.py. PostgreSQL only.",
    )
    op.create_table(
        "idempotency",
        sa.Column("agency", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request", sa.LargeBinary(length=32), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("length(request) = 32", name=op.f("ck_idempotency_request")),
        sa.PrimaryKeyConstraint("agency", "key", name=op.f("pk_idempotency")),
    )
    with op.batch_alter_table("idempotency", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_idempotency_created_at"), ["created_at"], unique=False)
    op.create_table(
        "idx_agency",
        sa.Column("agency", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("local_name", sa.Text(), nullable=False),
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("sealing_key_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("credential_key_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("status", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("valid_from", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("valid_to", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("agency", "valid_from", name=op.f("pk_idx_agency")),
    )
    with op.batch_alter_table("idx_agency", schema=None) as batch_op:
        batch_op.create_index("ix_idx_agency_valid_from", ["valid_from"], unique=False)
        batch_op.create_index("ix_idx_agency_valid_to", ["valid_to"], unique=False)
        batch_op.create_index(
            "uq_idx_agency_live",
            ["agency"],
            unique=True,
            sqlite_where=sa.text("valid_to IS NULL"),
            postgresql_where=sa.text("valid_to IS NULL"),
        )
    op.create_table(
        "idx_batch",
        sa.Column("log", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("first", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("root", sa.LargeBinary(length=32), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("valid_to", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("log", "first", "valid_from", name=op.f("pk_idx_batch")),
    )
    with op.batch_alter_table("idx_batch", schema=None) as batch_op:
        batch_op.create_index("ix_idx_batch_valid_from", ["valid_from"], unique=False)
        batch_op.create_index("ix_idx_batch_valid_to", ["valid_to"], unique=False)
        batch_op.create_index(
            "uq_idx_batch_live",
            ["log", "first"],
            unique=True,
            sqlite_where=sa.text("valid_to IS NULL"),
            postgresql_where=sa.text("valid_to IS NULL"),
        )
    op.create_table(
        "idx_contract",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("valid_from", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("valid_to", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("name", "valid_from", name=op.f("pk_idx_contract")),
    )
    with op.batch_alter_table("idx_contract", schema=None) as batch_op:
        batch_op.create_index("ix_idx_contract_valid_from", ["valid_from"], unique=False)
        batch_op.create_index("ix_idx_contract_valid_to", ["valid_to"], unique=False)
        batch_op.create_index(
            "uq_idx_contract_live",
            ["name"],
            unique=True,
            sqlite_where=sa.text("valid_to IS NULL"),
            postgresql_where=sa.text("valid_to IS NULL"),
        )
    op.create_table(
        "idx_dataset",
        sa.Column("dataset", sa.LargeBinary(length=32), nullable=False),
        sa.Column("provider", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("local_title", sa.Text(), nullable=False),
        sa.Column("profile", sa.Text(), nullable=False),
        sa.Column("part_names", sa.Text(), nullable=False),
        sa.Column("schema_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("retention_seconds", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("dispute_period_seconds", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("status", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("current_terms", sa.Text(), nullable=False),
        sa.Column("pending_terms", sa.Text(), nullable=True),
        sa.Column("pending_since", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("valid_from", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("valid_to", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("dataset", "valid_from", name=op.f("pk_idx_dataset")),
    )
    with op.batch_alter_table("idx_dataset", schema=None) as batch_op:
        batch_op.create_index("ix_idx_dataset_valid_from", ["valid_from"], unique=False)
        batch_op.create_index("ix_idx_dataset_valid_to", ["valid_to"], unique=False)
        batch_op.create_index(
            "uq_idx_dataset_live",
            ["dataset"],
            unique=True,
            sqlite_where=sa.text("valid_to IS NULL"),
            postgresql_where=sa.text("valid_to IS NULL"),
        )
    op.create_table(
        "idx_grant",
        sa.Column("dataset", sa.LargeBinary(length=32), nullable=False),
        sa.Column("consumer", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("purpose", sa.LargeBinary(length=32), nullable=False),
        sa.Column("grant_id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("parts", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("since", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("until", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("provider_epoch", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("consumer_epoch", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("valid_from", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("valid_to", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("dataset", "consumer", "purpose", "valid_from", name=op.f("pk_idx_grant")),
    )
    with op.batch_alter_table("idx_grant", schema=None) as batch_op:
        batch_op.create_index("ix_idx_grant_valid_from", ["valid_from"], unique=False)
        batch_op.create_index("ix_idx_grant_valid_to", ["valid_to"], unique=False)
        batch_op.create_index(
            "uq_idx_grant_live",
            ["dataset", "consumer", "purpose"],
            unique=True,
            sqlite_where=sa.text("valid_to IS NULL"),
            postgresql_where=sa.text("valid_to IS NULL"),
        )
    op.create_table(
        "idx_head",
        sa.Column("dataset", sa.LargeBinary(length=32), nullable=False),
        sa.Column("record", sa.LargeBinary(length=32), nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("valid_to", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("dataset", "record", "valid_from", name=op.f("pk_idx_head")),
    )
    with op.batch_alter_table("idx_head", schema=None) as batch_op:
        batch_op.create_index("ix_idx_head_valid_from", ["valid_from"], unique=False)
        batch_op.create_index("ix_idx_head_valid_to", ["valid_to"], unique=False)
        batch_op.create_index(
            "uq_idx_head_live",
            ["dataset", "record"],
            unique=True,
            sqlite_where=sa.text("valid_to IS NULL"),
            postgresql_where=sa.text("valid_to IS NULL"),
        )
    op.create_table(
        "idx_log",
        sa.Column("log", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("agency", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("operator", sa.Text(), nullable=False),
        sa.Column("next_seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.Column("predecessor", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("valid_from", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("valid_to", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("log", "valid_from", name=op.f("pk_idx_log")),
    )
    with op.batch_alter_table("idx_log", schema=None) as batch_op:
        batch_op.create_index("ix_idx_log_valid_from", ["valid_from"], unique=False)
        batch_op.create_index("ix_idx_log_valid_to", ["valid_to"], unique=False)
        batch_op.create_index(
            "uq_idx_log_live",
            ["log"],
            unique=True,
            sqlite_where=sa.text("valid_to IS NULL"),
            postgresql_where=sa.text("valid_to IS NULL"),
        )
    op.create_table(
        "idx_officer",
        sa.Column("agency", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("role", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("until", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("valid_from", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("valid_to", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("agency", "account", "valid_from", name=op.f("pk_idx_officer")),
    )
    with op.batch_alter_table("idx_officer", schema=None) as batch_op:
        batch_op.create_index("ix_idx_officer_valid_from", ["valid_from"], unique=False)
        batch_op.create_index("ix_idx_officer_valid_to", ["valid_to"], unique=False)
        batch_op.create_index(
            "uq_idx_officer_live",
            ["agency", "account"],
            unique=True,
            sqlite_where=sa.text("valid_to IS NULL"),
            postgresql_where=sa.text("valid_to IS NULL"),
        )
    op.create_table(
        "idx_purpose",
        sa.Column("purpose", sa.LargeBinary(length=32), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("valid_to", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("purpose", "valid_from", name=op.f("pk_idx_purpose")),
    )
    with op.batch_alter_table("idx_purpose", schema=None) as batch_op:
        batch_op.create_index("ix_idx_purpose_valid_from", ["valid_from"], unique=False)
        batch_op.create_index("ix_idx_purpose_valid_to", ["valid_to"], unique=False)
        batch_op.create_index(
            "uq_idx_purpose_live",
            ["purpose"],
            unique=True,
            sqlite_where=sa.text("valid_to IS NULL"),
            postgresql_where=sa.text("valid_to IS NULL"),
        )
    op.create_table(
        "idx_restriction",
        sa.Column("dataset", sa.LargeBinary(length=32), nullable=False),
        sa.Column("record", sa.LargeBinary(length=32), nullable=False),
        sa.Column("consumer", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("valid_from", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("valid_to", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint(
            "dataset", "record", "consumer", "valid_from", name=op.f("pk_idx_restriction")
        ),
    )
    with op.batch_alter_table("idx_restriction", schema=None) as batch_op:
        batch_op.create_index("ix_idx_restriction_valid_from", ["valid_from"], unique=False)
        batch_op.create_index("ix_idx_restriction_valid_to", ["valid_to"], unique=False)
        batch_op.create_index(
            "uq_idx_restriction_live",
            ["dataset", "record", "consumer"],
            unique=True,
            sqlite_where=sa.text("valid_to IS NULL"),
            postgresql_where=sa.text("valid_to IS NULL"),
        )
    op.create_table(
        "idx_seal",
        sa.Column("dataset", sa.LargeBinary(length=32), nullable=False),
        sa.Column("record", sa.LargeBinary(length=32), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("valid_to", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("dataset", "record", "valid_from", name=op.f("pk_idx_seal")),
    )
    with op.batch_alter_table("idx_seal", schema=None) as batch_op:
        batch_op.create_index("ix_idx_seal_valid_from", ["valid_from"], unique=False)
        batch_op.create_index("ix_idx_seal_valid_to", ["valid_to"], unique=False)
        batch_op.create_index(
            "uq_idx_seal_live",
            ["dataset", "record"],
            unique=True,
            sqlite_where=sa.text("valid_to IS NULL"),
            postgresql_where=sa.text("valid_to IS NULL"),
        )
    op.create_table(
        "idx_skipped",
        sa.Column("log", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("first", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("next_seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("reason", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("valid_from", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("valid_to", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("log", "first", "tx_hash", "valid_from", name=op.f("pk_idx_skipped")),
    )
    with op.batch_alter_table("idx_skipped", schema=None) as batch_op:
        batch_op.create_index("ix_idx_skipped_valid_from", ["valid_from"], unique=False)
        batch_op.create_index("ix_idx_skipped_valid_to", ["valid_to"], unique=False)
        batch_op.create_index(
            "uq_idx_skipped_live",
            ["log", "first", "tx_hash"],
            unique=True,
            sqlite_where=sa.text("valid_to IS NULL"),
            postgresql_where=sa.text("valid_to IS NULL"),
        )
    op.create_table(
        "dataset_writes",
        sa.Column("dataset", sa.LargeBinary(length=32), nullable=False),
        sa.Column("versions", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.CheckConstraint("length(dataset) = 32", name=op.f("ck_dataset_writes_dataset")),
        sa.CheckConstraint("versions >= 0", name=op.f("ck_dataset_writes_versions")),
        sa.PrimaryKeyConstraint("dataset", name=op.f("pk_dataset_writes")),
        comment="Number of versions ever written to a dataset; shows whether it has changed since an import.",
    )
    op.create_table(
        "import_job",
        sa.Column("id", sa.Text(), nullable=False, comment="random; part of the URL"),
        sa.Column("arrival", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("agency", sa.BigInteger(), nullable=False),
        sa.Column("dataset", sa.LargeBinary(length=32), nullable=False),
        sa.Column("content", sa.LargeBinary(length=32), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("options", sa.LargeBinary(), nullable=False, comment="sealed note"),
        sa.Column(
            "object",
            sa.Text(),
            nullable=True,
            comment="the sealed file in the object store; NULL once it is not needed",
        ),
        sa.Column("wrapped", sa.LargeBinary(), nullable=True, comment="its wrapped data key"),
        sa.Column("content_bytes", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("state", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("failure", sa.LargeBinary(), nullable=True, comment="sealed note: why it stopped"),
        sa.Column(
            "caller",
            sa.LargeBinary(),
            nullable=True,
            comment="sealed note: the caller and the reason; NULL once the import has ended",
        ),
        sa.Column("rows_done", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("bytes_done", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "tallies", sa.Text(), nullable=False, comment="JSON: rows by outcome, by reason and by flag"
        ),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column(
            "writes",
            sa.BigInteger(),
            nullable=True,
            comment="dataset_writes after its last row; NULL: others wrote concurrently",
        ),
        sa.Column(
            "repeat_of",
            sa.Text(),
            nullable=True,
            comment="the import that this one repeats; it wrote nothing",
        ),
        sa.CheckConstraint("bytes_done >= 0", name=op.f("ck_import_job_bytes_done")),
        sa.CheckConstraint("content_bytes >= 0", name=op.f("ck_import_job_content_bytes")),
        sa.CheckConstraint("length(content) = 32", name=op.f("ck_import_job_content")),
        sa.CheckConstraint("length(dataset) = 32", name=op.f("ck_import_job_dataset")),
        sa.CheckConstraint("arrival >= 0", name=op.f("ck_import_job_arrival")),
        sa.CheckConstraint("rows_done >= 0", name=op.f("ck_import_job_rows_done")),
        sa.CheckConstraint("state BETWEEN 1 AND 4", name=op.f("ck_import_job_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_job")),
        sa.UniqueConstraint("arrival", name=op.f("uq_import_job_arrival")),
        comment="State 1 waiting, 2 running, 3 done, 4 stopped. content: HMAC of file, format and options.",
    )
    with op.batch_alter_table("import_job", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_import_job_content"), ["content"], unique=False)
        batch_op.create_index(batch_op.f("ix_import_job_state"), ["state"], unique=False)
    op.create_table(
        "log_head",
        sa.Column("log", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("agency", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("next_seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("last_leaf", sa.LargeBinary(length=32), nullable=False),
        sa.Column(
            "halted",
            sa.Text(),
            nullable=True,
            comment="NULL, or a HaltCause: nothing is numbered or anchored",
        ),
        sa.Column(
            "halt_detail", sa.Text(), nullable=True, comment="the facts of the halt; NULL if not halted"
        ),
        sa.Column("failures_from_nonce", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.CheckConstraint("failures_from_nonce >= 0", name=op.f("ck_log_head_failures_from_nonce")),
        sa.CheckConstraint("kind IN (1, 2)", name=op.f("ck_log_head_kind")),
        sa.CheckConstraint("length(last_leaf) = 32", name=op.f("ck_log_head_last_leaf")),
        sa.CheckConstraint("next_seq >= 0", name=op.f("ck_log_head_next_seq")),
        sa.PrimaryKeyConstraint("log", name=op.f("pk_log_head")),
        comment="Next number of each log, locked while a group is numbered. failures_from_nonce: see LogHead",
    )
    op.create_table(
        "node_state",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_node_state")),
        comment="Facts of this database, such as the instance that it belongs to and the last final block.",
    )
    op.create_table(
        "single_use_value",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "value", name=op.f("pk_single_use_value")),
        comment="Single-use values: SIWE nonces that are unused, DPoP jti that are used.",
    )
    with op.batch_alter_table("single_use_value", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_single_use_value_expires_at"), ["expires_at"], unique=False)
    op.create_table(
        "operator_account",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("first_nonce", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "halted",
            sa.Text(),
            nullable=True,
            comment="NULL, or a HaltCause: the account signs nothing",
        ),
        sa.Column(
            "halt_detail", sa.Text(), nullable=True, comment="the facts of the halt; NULL if not halted"
        ),
        sa.CheckConstraint("first_nonce >= 0", name=op.f("ck_operator_account_first_nonce")),
        sa.PrimaryKeyConstraint("account", name=op.f("pk_operator_account")),
        comment="first_nonce: the account's nonce on chain when this database began to use it.",
    )
    op.create_table(
        "subject",
        sa.Column("provider", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("identifier", sa.LargeBinary(length=32), nullable=False),
        sa.Column("subject", sa.LargeBinary(length=32), nullable=False),
        sa.CheckConstraint("length(identifier) = 32", name=op.f("ck_subject_identifier")),
        sa.CheckConstraint("length(subject) = 32", name=op.f("ck_subject_subject")),
        sa.PrimaryKeyConstraint("provider", "identifier", name=op.f("pk_subject")),
        sa.UniqueConstraint("subject", name=op.f("uq_subject_subject")),
        comment="identifier is an HMAC under the agency's subject key; delete the row to forget the person.",
    )
    op.create_table(
        "token",
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("agency", sa.BigInteger(), nullable=False),
        sa.Column("role", sa.Integer(), nullable=False),
        sa.Column("officer", sa.Text(), nullable=False),
        sa.Column(
            "account",
            sa.Text(),
            nullable=True,
            comment="the on-chain officer's account; NULL for an off-chain officer",
        ),
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("credential_until", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column(
            "epoch",
            sa.BigInteger(),
            nullable=False,
            comment="the agency's at sign-in; the token expires with it",
        ),
        sa.Column(
            "credential_key",
            sa.LargeBinary(length=32),
            nullable=True,
            comment="thumbprint of the credential key; NULL for an on-chain officer",
        ),
        sa.CheckConstraint("length(digest) = 32", name=op.f("ck_token_digest")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_token")),
    )
    with op.batch_alter_table("token", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_token_expires_at"), ["expires_at"], unique=False)
    op.create_table(
        "vault_floor",
        sa.Column("agency", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("raised_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("epoch >= 0", name=op.f("ck_vault_floor_epoch")),
        sa.PrimaryKeyConstraint("agency", name=op.f("pk_vault_floor")),
        comment="Nothing wrapped under a vault key of a lower epoch is written: those keys are retired.",
    )
    op.create_table(
        "revocation_list",
        sa.Column("agency", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("credential_key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column(
            "signed",
            sa.Text(),
            nullable=False,
            comment="the newest list that this key signed, a compact JWS",
        ),
        sa.CheckConstraint("length(credential_key) = 32", name=op.f("ck_revocation_list_credential_key")),
        sa.CheckConstraint("seq >= 0", name=op.f("ck_revocation_list_seq")),
        sa.PrimaryKeyConstraint("agency", "credential_key", name=op.f("pk_revocation_list")),
        comment="One row per credential key of an agency: a lower seq of that key is refused.",
    )
    op.create_table(
        "revoked_officer",
        sa.Column("agency", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("officer", sa.Text(), nullable=False),
        sa.Column("system", sa.Text(), nullable=False, comment="empty: in every system"),
        sa.PrimaryKeyConstraint("agency", "officer", "system", name=op.f("pk_revoked_officer")),
        comment="The entries of the list that an agency sent last; it stays when the agency's key changes.",
    )
    op.create_table(
        "awaited_revocation_list",
        sa.Column("agency", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "since",
            sa.BigInteger(),
            nullable=False,
            comment="when the restore that lacked the list took place",
        ),
        sa.PrimaryKeyConstraint("agency", name=op.f("pk_awaited_revocation_list")),
        comment="Agencies whose off-chain officers are refused until the agency has put its list again.",
    )
    op.create_table(
        "batch",
        sa.Column("log", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("first", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("size", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("root", sa.LargeBinary(length=32), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("first >= 0", name=op.f("ck_batch_first")),
        sa.CheckConstraint("length(root) = 32", name=op.f("ck_batch_root")),
        sa.CheckConstraint("size BETWEEN 1 AND 65536", name=op.f("ck_batch_size")),
        sa.ForeignKeyConstraint(["log"], ["log_head.log"], name=op.f("fk_batch_log")),
        sa.PrimaryKeyConstraint("log", "first", name=op.f("pk_batch")),
        comment="Closed batches; signed, mined and final follow from attempt and idx_batch.",
    )
    op.create_table(
        "import_row",
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("row_no", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("ordinal", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("verdict", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "field", sa.LargeBinary(), nullable=False, comment="sealed note: the sender may have named it"
        ),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.CheckConstraint("row_no >= 0", name=op.f("ck_import_row_row_no")),
        sa.CheckConstraint("verdict BETWEEN 1 AND 3", name=op.f("ck_import_row_verdict")),
        sa.ForeignKeyConstraint(["job"], ["import_job.id"], name=op.f("fk_import_row_job")),
        sa.PrimaryKeyConstraint("job", "row_no", "ordinal", name=op.f("pk_import_row")),
        comment="Verdict 1 rejected, 2 flagged, 3 duplicate. Rows without one are only counted.",
    )
    with op.batch_alter_table("import_row", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_import_row_job_verdict_row_no"), ["job", "verdict", "row_no"], unique=False
        )
    op.create_table(
        "leaf",
        sa.Column("log", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("numbered_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("length(hash) = 32", name=op.f("ck_leaf_hash")),
        sa.CheckConstraint("seq >= 0", name=op.f("ck_leaf_seq")),
        sa.ForeignKeyConstraint(["log"], ["log_head.log"], name=op.f("fk_leaf_log")),
        sa.PrimaryKeyConstraint("log", "seq", name=op.f("pk_leaf")),
    )
    op.create_table(
        "attempt_batch",
        sa.Column("attempt", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("log", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("first", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.CheckConstraint("first >= 0", name=op.f("ck_attempt_batch_first")),
        sa.ForeignKeyConstraint(["attempt"], ["attempt.id"], name=op.f("fk_attempt_batch_attempt")),
        sa.ForeignKeyConstraint(
            ["log", "first"], ["batch.log", "batch.first"], name=op.f("fk_attempt_batch_log_first")
        ),
        sa.PrimaryKeyConstraint("attempt", "log", "first", name=op.f("pk_attempt_batch")),
    )
    op.create_table(
        "receipt",
        sa.Column("log", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("previous", sa.LargeBinary(length=32), nullable=False),
        sa.Column("read_no", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("prev_read_of_record", sa.LargeBinary(length=32), nullable=False),
        sa.Column("provider", sa.BigInteger(), nullable=False),
        sa.Column("consumer", sa.BigInteger(), nullable=False),
        sa.Column("dataset", sa.LargeBinary(length=32), nullable=False),
        sa.Column("record", sa.LargeBinary(length=32), nullable=False),
        sa.Column("subject", sa.LargeBinary(length=32), nullable=False),
        sa.Column("permit", sa.Boolean(), nullable=False),
        sa.Column("view", sa.Text(), nullable=False, comment="JSON view of the Receipt struct"),
        sa.Column("signature", sa.LargeBinary(length=65), nullable=False),
        sa.CheckConstraint("length(dataset) = 32", name=op.f("ck_receipt_dataset")),
        sa.CheckConstraint("length(digest) = 32", name=op.f("ck_receipt_digest")),
        sa.CheckConstraint("length(prev_read_of_record) = 32", name=op.f("ck_receipt_prev_read_of_record")),
        sa.CheckConstraint("length(previous) = 32", name=op.f("ck_receipt_previous")),
        sa.CheckConstraint("length(record) = 32", name=op.f("ck_receipt_record")),
        sa.CheckConstraint("length(subject) = 32", name=op.f("ck_receipt_subject")),
        sa.CheckConstraint("read_no >= 0", name=op.f("ck_receipt_read_no")),
        sa.CheckConstraint("seq >= 0", name=op.f("ck_receipt_seq")),
        sa.ForeignKeyConstraint(["log", "seq"], ["leaf.log", "leaf.seq"], name=op.f("fk_receipt_log_seq")),
        sa.PrimaryKeyConstraint("log", "seq", name=op.f("pk_receipt")),
        sa.UniqueConstraint("digest", name=op.f("uq_receipt_digest")),
    )
    with op.batch_alter_table("receipt", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_receipt_consumer_log_seq"), ["consumer", "log", "seq"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_receipt_log_record_read_no"), ["log", "record", "read_no"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_receipt_subject"), ["subject"], unique=False)
    op.create_table(
        "record_version",
        sa.Column("dataset", sa.LargeBinary(length=32), nullable=False),
        sa.Column("record", sa.LargeBinary(length=32), nullable=False),
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("log", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("schema", sa.LargeBinary(length=32), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=True, comment="wrapped data key; NULL once erased"),
        sa.Column(
            "withdrawn",
            sa.Boolean(),
            nullable=False,
            comment="the record ends with this version; every part is sealed empty",
        ),
        sa.Column("written_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("length(dataset) = 32", name=op.f("ck_record_version_dataset")),
        sa.CheckConstraint("length(leaf_hash) = 32", name=op.f("ck_record_version_leaf_hash")),
        sa.CheckConstraint("length(record) = 32", name=op.f("ck_record_version_record")),
        sa.CheckConstraint("length(schema) = 32", name=op.f("ck_record_version_schema")),
        sa.CheckConstraint("seq >= 0", name=op.f("ck_record_version_seq")),
        sa.CheckConstraint("version >= 1", name=op.f("ck_record_version_version")),
        sa.ForeignKeyConstraint(
            ["log", "seq"], ["leaf.log", "leaf.seq"], name=op.f("fk_record_version_log_seq")
        ),
        sa.PrimaryKeyConstraint("dataset", "record", "version", name=op.f("pk_record_version")),
        sa.UniqueConstraint("log", "seq", name=op.f("uq_record_version_log_seq")),
    )
    op.create_table(
        "tombstone",
        sa.Column("log", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("dataset", sa.LargeBinary(length=32), nullable=False),
        sa.Column("record", sa.LargeBinary(length=32), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("erased_leaf", sa.LargeBinary(length=32), nullable=False),
        sa.Column("reason", sa.Integer(), nullable=False),
        sa.Column("erased_at", sa.BigInteger(), nullable=False),
        sa.Column("unrecoverable_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("length(dataset) = 32", name=op.f("ck_tombstone_dataset")),
        sa.CheckConstraint("length(erased_leaf) = 32", name=op.f("ck_tombstone_erased_leaf")),
        sa.CheckConstraint("length(record) = 32", name=op.f("ck_tombstone_record")),
        sa.CheckConstraint("seq >= 0", name=op.f("ck_tombstone_seq")),
        sa.ForeignKeyConstraint(["log", "seq"], ["leaf.log", "leaf.seq"], name=op.f("fk_tombstone_log_seq")),
        sa.PrimaryKeyConstraint("log", "seq", name=op.f("pk_tombstone")),
    )
    with op.batch_alter_table("tombstone", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_tombstone_dataset_record"), ["dataset", "record"], unique=False)
    op.create_table(
        "replayed_tombstone",
        sa.Column("log", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("dataset", sa.LargeBinary(length=32), nullable=False),
        sa.Column("record", sa.LargeBinary(length=32), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("erased_leaf", sa.LargeBinary(length=32), nullable=False),
        sa.Column("reason", sa.Integer(), nullable=False),
        sa.Column("erased_at", sa.BigInteger(), nullable=False),
        sa.Column("unrecoverable_at", sa.BigInteger(), nullable=False),
        sa.Column("signature", sa.LargeBinary(length=65), nullable=False),
        sa.Column("replayed_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("length(dataset) = 32", name=op.f("ck_replayed_tombstone_dataset")),
        sa.CheckConstraint("length(erased_leaf) = 32", name=op.f("ck_replayed_tombstone_erased_leaf")),
        sa.CheckConstraint("length(record) = 32", name=op.f("ck_replayed_tombstone_record")),
        sa.CheckConstraint("seq >= 0", name=op.f("ck_replayed_tombstone_seq")),
        sa.PrimaryKeyConstraint("log", "seq", name=op.f("pk_replayed_tombstone")),
        sa.UniqueConstraint(
            "dataset", "record", "version", name=op.f("uq_replayed_tombstone_dataset_record_version")
        ),
        comment=("Erasures that a restore repeated: (log, seq) is of a tombstone that the backup lacked."),
    )
    op.create_table(
        "record_identifier",
        sa.Column("dataset", sa.LargeBinary(length=32), nullable=False),
        sa.Column("identifier", sa.LargeBinary(length=32), nullable=False),
        sa.Column("record", sa.LargeBinary(length=32), nullable=False),
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.CheckConstraint("length(dataset) = 32", name=op.f("ck_record_identifier_dataset")),
        sa.CheckConstraint("length(identifier) = 32", name=op.f("ck_record_identifier_identifier")),
        sa.CheckConstraint("length(record) = 32", name=op.f("ck_record_identifier_record")),
        sa.ForeignKeyConstraint(
            ["dataset", "record", "version"],
            ["record_version.dataset", "record_version.record", "record_version.version"],
            name=op.f("fk_record_identifier_dataset_record_version"),
        ),
        sa.PrimaryKeyConstraint(
            "dataset", "identifier", "record", "version", name=op.f("pk_record_identifier")
        ),
        comment="Business identifiers as HMACs under the agency's subject key; erased with the version.",
    )
    with op.batch_alter_table("record_identifier", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_record_identifier_dataset_record_version"),
            ["dataset", "record", "version"],
            unique=False,
        )
    op.create_table(
        "record_part",
        sa.Column("dataset", sa.LargeBinary(length=32), nullable=False),
        sa.Column("record", sa.LargeBinary(length=32), nullable=False),
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("bit", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("ciphertext", sa.LargeBinary(), nullable=True, comment="NULL if stored as an object"),
        sa.Column(
            "object",
            sa.Text(),
            nullable=True,
            comment="key in the object store; durable before this row",
        ),
        sa.Column("sealed_bytes", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("commitment", sa.LargeBinary(length=32), nullable=False),
        sa.CheckConstraint(
            "(ciphertext IS NULL) <> (object IS NULL)", name=op.f("ck_record_part_one_location")
        ),
        sa.CheckConstraint("bit BETWEEN 0 AND 7", name=op.f("ck_record_part_bit")),
        sa.CheckConstraint("length(commitment) = 32", name=op.f("ck_record_part_commitment")),
        sa.CheckConstraint("length(dataset) = 32", name=op.f("ck_record_part_dataset")),
        sa.CheckConstraint("length(digest) = 32", name=op.f("ck_record_part_digest")),
        sa.CheckConstraint("length(record) = 32", name=op.f("ck_record_part_record")),
        sa.CheckConstraint("sealed_bytes >= 0", name=op.f("ck_record_part_sealed_bytes")),
        sa.ForeignKeyConstraint(
            ["dataset", "record", "version"],
            ["record_version.dataset", "record_version.record", "record_version.version"],
            name=op.f("fk_record_part_dataset_record_version"),
        ),
        sa.PrimaryKeyConstraint("dataset", "record", "version", "bit", name=op.f("pk_record_part")),
        sa.UniqueConstraint("object", name=op.f("uq_record_part_object")),
    )
    op.create_table(
        "record_subject",
        sa.Column("dataset", sa.LargeBinary(length=32), nullable=False),
        sa.Column("record", sa.LargeBinary(length=32), nullable=False),
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("subject", sa.LargeBinary(length=32), nullable=False),
        sa.CheckConstraint("length(dataset) = 32", name=op.f("ck_record_subject_dataset")),
        sa.CheckConstraint("length(record) = 32", name=op.f("ck_record_subject_record")),
        sa.CheckConstraint("length(subject) = 32", name=op.f("ck_record_subject_subject")),
        sa.ForeignKeyConstraint(
            ["dataset", "record", "version"],
            ["record_version.dataset", "record_version.record", "record_version.version"],
            name=op.f("fk_record_subject_dataset_record_version"),
        ),
        sa.PrimaryKeyConstraint("dataset", "record", "version", "subject", name=op.f("pk_record_subject")),
    )
    with op.batch_alter_table("record_subject", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_record_subject_subject_dataset_record"),
            ["subject", "dataset", "record"],
            unique=False,
        )


def downgrade() -> None:
    op.drop_table("vault_floor")
    op.drop_table("revoked_officer")
    op.drop_table("awaited_revocation_list")
    op.drop_table("revocation_list")
    with op.batch_alter_table("record_subject", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_record_subject_subject_dataset_record"))
    op.drop_table("record_subject")
    op.drop_table("record_part")
    with op.batch_alter_table("record_identifier", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_record_identifier_dataset_record_version"))
    op.drop_table("record_identifier")
    op.drop_table("replayed_tombstone")
    with op.batch_alter_table("tombstone", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_tombstone_dataset_record"))
    op.drop_table("tombstone")
    op.drop_table("record_version")
    with op.batch_alter_table("receipt", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_receipt_subject"))
        batch_op.drop_index(batch_op.f("ix_receipt_log_record_read_no"))
        batch_op.drop_index(batch_op.f("ix_receipt_consumer_log_seq"))
    op.drop_table("receipt")
    op.drop_table("attempt_batch")
    op.drop_table("leaf")
    with op.batch_alter_table("import_row", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_import_row_job_verdict_row_no"))
    op.drop_table("import_row")
    op.drop_table("batch")
    with op.batch_alter_table("token", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_token_expires_at"))
    op.drop_table("token")
    op.drop_table("subject")
    with op.batch_alter_table("single_use_value", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_single_use_value_expires_at"))
    op.drop_table("single_use_value")
    op.drop_table("node_state")
    op.drop_table("log_head")
    with op.batch_alter_table("import_job", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_import_job_state"))
        batch_op.drop_index(batch_op.f("ix_import_job_content"))
    op.drop_table("import_job")
    op.drop_table("dataset_writes")
    with op.batch_alter_table("idx_skipped", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_idx_skipped_live",
            sqlite_where=sa.text("valid_to IS NULL"),
            postgresql_where=sa.text("valid_to IS NULL"),
        )
        batch_op.drop_index("ix_idx_skipped_valid_to")
        batch_op.drop_index("ix_idx_skipped_valid_from")
    op.drop_table("idx_skipped")
    with op.batch_alter_table("idx_seal", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_idx_seal_live",
            sqlite_where=sa.text("valid_to IS NULL"),
            postgresql_where=sa.text("valid_to IS NULL"),
        )
        batch_op.drop_index("ix_idx_seal_valid_to")
        batch_op.drop_index("ix_idx_seal_valid_from")
    op.drop_table("idx_seal")
    with op.batch_alter_table("idx_restriction", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_idx_restriction_live",
            sqlite_where=sa.text("valid_to IS NULL"),
            postgresql_where=sa.text("valid_to IS NULL"),
        )
        batch_op.drop_index("ix_idx_restriction_valid_to")
        batch_op.drop_index("ix_idx_restriction_valid_from")
    op.drop_table("idx_restriction")
    with op.batch_alter_table("idx_purpose", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_idx_purpose_live",
            sqlite_where=sa.text("valid_to IS NULL"),
            postgresql_where=sa.text("valid_to IS NULL"),
        )
        batch_op.drop_index("ix_idx_purpose_valid_to")
        batch_op.drop_index("ix_idx_purpose_valid_from")
    op.drop_table("idx_purpose")
    with op.batch_alter_table("idx_officer", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_idx_officer_live",
            sqlite_where=sa.text("valid_to IS NULL"),
            postgresql_where=sa.text("valid_to IS NULL"),
        )
        batch_op.drop_index("ix_idx_officer_valid_to")
        batch_op.drop_index("ix_idx_officer_valid_from")
    op.drop_table("idx_officer")
    with op.batch_alter_table("idx_log", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_idx_log_live",
            sqlite_where=sa.text("valid_to IS NULL"),
            postgresql_where=sa.text("valid_to IS NULL"),
        )
        batch_op.drop_index("ix_idx_log_valid_to")
        batch_op.drop_index("ix_idx_log_valid_from")
    op.drop_table("idx_log")
    with op.batch_alter_table("idx_head", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_idx_head_live",
            sqlite_where=sa.text("valid_to IS NULL"),
            postgresql_where=sa.text("valid_to IS NULL"),
        )
        batch_op.drop_index("ix_idx_head_valid_to")
        batch_op.drop_index("ix_idx_head_valid_from")
    op.drop_table("idx_head")
    with op.batch_alter_table("idx_grant", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_idx_grant_live",
            sqlite_where=sa.text("valid_to IS NULL"),
            postgresql_where=sa.text("valid_to IS NULL"),
        )
        batch_op.drop_index("ix_idx_grant_valid_to")
        batch_op.drop_index("ix_idx_grant_valid_from")
    op.drop_table("idx_grant")
    with op.batch_alter_table("idx_dataset", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_idx_dataset_live",
            sqlite_where=sa.text("valid_to IS NULL"),
            postgresql_where=sa.text("valid_to IS NULL"),
        )
        batch_op.drop_index("ix_idx_dataset_valid_to")
        batch_op.drop_index("ix_idx_dataset_valid_from")
    op.drop_table("idx_dataset")
    with op.batch_alter_table("idx_contract", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_idx_contract_live",
            sqlite_where=sa.text("valid_to IS NULL"),
            postgresql_where=sa.text("valid_to IS NULL"),
        )
        batch_op.drop_index("ix_idx_contract_valid_to")
        batch_op.drop_index("ix_idx_contract_valid_from")
    op.drop_table("idx_contract")
    with op.batch_alter_table("idx_batch", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_idx_batch_live",
            sqlite_where=sa.text("valid_to IS NULL"),
            postgresql_where=sa.text("valid_to IS NULL"),
        )
        batch_op.drop_index("ix_idx_batch_valid_to")
        batch_op.drop_index("ix_idx_batch_valid_from")
    op.drop_table("idx_batch")
    with op.batch_alter_table("idx_agency", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_idx_agency_live",
            sqlite_where=sa.text("valid_to IS NULL"),
            postgresql_where=sa.text("valid_to IS NULL"),
        )
        batch_op.drop_index("ix_idx_agency_valid_to")
        batch_op.drop_index("ix_idx_agency_valid_from")
    op.drop_table("idx_agency")
    with op.batch_alter_table("idempotency", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_idempotency_created_at"))
    op.drop_table("idempotency")
    op.drop_table("block")
    op.drop_table("operator_account")
    op.drop_table("attempt")

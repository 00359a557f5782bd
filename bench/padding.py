"""Rows that only take up room: as long as a sealed record's, of random bytes, made by SQLite itself."""

from __future__ import annotations

import sqlite3

from cityledger.store.records.versions import SealedRecord

_PRAGMAS = (
    "synchronous = OFF",
    "cache_size = -1000000",
    "foreign_keys = OFF",
    "temp_store = MEMORY",
    "wal_autocheckpoint = 100000",
)


def connect(path: str) -> sqlite3.Connection:
    """A connection for padding only: what a power cut takes from it can be made again."""
    connection = sqlite3.connect(path, timeout=60, check_same_thread=False)
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    return connection


def pad(connection: sqlite3.Connection, log: int, count: int, model: SealedRecord, now: int) -> None:
    """``count`` versions with leaves, parts, a subject and an identifier each, numbered at the log's end.

    In the order of their keys, as pages are filled soonest.
    """
    connection.execute("BEGIN IMMEDIATE")
    (first,) = connection.execute("SELECT next_seq FROM log_head WHERE log = ?", (log,)).fetchone()
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS pad (seq INTEGER, record BLOB, leaf BLOB)")
    connection.execute("DELETE FROM pad")
    connection.execute(
        "WITH RECURSIVE step(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM step WHERE n + 1 < :count)"
        " INSERT INTO pad SELECT :first + n, randomblob(32), randomblob(32) FROM step LIMIT :count",
        {"count": count, "first": first},
    )
    facts = {"log": log, "now": now, "dataset": model.dataset, "schema": model.schema}
    facts["wrapped"] = len(model.wrapped)
    for statement in _VERSIONS:
        connection.execute(statement, facts)
    for part in model.parts:
        of_part = {"bit": part.bit, "name": part.name, "length": part.sealed_bytes}
        connection.execute(_PART, {"dataset": model.dataset, **of_part})
    connection.execute("UPDATE log_head SET next_seq = ? WHERE log = ?", (first + count, log))


_VERSIONS = (
    """INSERT INTO leaf (log, seq, hash, numbered_at)
    SELECT :log, seq, leaf, :now FROM pad ORDER BY seq""",
    """INSERT INTO record_version
    (dataset, record, version, log, seq, leaf_hash, schema, wrapped, withdrawn, written_at)
    SELECT :dataset, record, 1, :log, seq, leaf, :schema, randomblob(:wrapped), 0, :now
    FROM pad ORDER BY record""",
    """INSERT INTO record_subject (dataset, record, version, subject)
    SELECT :dataset, record, 1, randomblob(32) FROM pad ORDER BY record""",
    """INSERT INTO record_identifier (dataset, identifier, record, version)
    SELECT :dataset, randomblob(32), record, 1 FROM pad ORDER BY record""",
)
_PART = """INSERT INTO record_part
    (dataset, record, version, bit, name, ciphertext, sealed_bytes, digest, commitment)
    SELECT :dataset, record, 1, :bit, :name, randomblob(:length), :length, randomblob(32), randomblob(32)
    FROM pad ORDER BY record"""

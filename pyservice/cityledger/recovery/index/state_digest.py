"""One digest over the whole index at a block, which every client can compute. Source: SPEC.md §4.3."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from cityledger.errors import NotFoundError, UnavailableError
from cityledger.recovery.index.rows import Row, rows_at
from cityledger.store.index.queries import find_block, find_cursor
from cityledger.store.index.tables import INDEX_TABLES
from cityledger.types import BlockRef

TABLE_DOMAIN = b"cityledger/v1/index-table\0"
STATE_DOMAIN = b"cityledger/v1/index-state\0"


@dataclass(frozen=True, slots=True)
class StateDigest:
    """The state at ``block``. ``tables`` show where two states differ."""

    block: BlockRef
    digest: bytes
    tables: Mapping[str, bytes]


def state_digest(connection: sa.Connection, instance: bytes, at: int | None = None) -> StateDigest:
    """The digest at block ``at`` (default: the cursor), in constant memory.

    Raises:
        UnavailableError: nothing is indexed yet.
        NotFoundError: that block is not indexed.
    """
    block = block_at(connection, at)
    tables = {table.name: table_digest(connection, table, block.number) for table in INDEX_TABLES}
    whole = hashlib.sha256(STATE_DOMAIN + instance + block.number.to_bytes(8, "big") + block.hash)
    for digest in tables.values():
        whole.update(digest)
    return StateDigest(block, whole.digest(), tables)


def block_at(connection: sa.Connection, at: int | None) -> BlockRef:
    """The indexed block of a number, or the newest one.

    Raises: as ``state_digest``.
    """
    cursor = find_cursor(connection)
    if cursor is None:
        raise UnavailableError("nothing is indexed yet: serve the node, or run `cityledger node rebuild`")
    found = cursor if at is None else find_block(connection, at)
    if found is None:
        raise NotFoundError(f"indexed block {at}; the index ends at {cursor.number}")
    return found


def table_digest(connection: sa.Connection, table: sa.Table, block: int) -> bytes:
    """SHA-256 over a table's name and its rows at ``block``."""
    digest = hashlib.sha256(TABLE_DOMAIN + table.name.encode() + b"\0")
    for row in rows_at(connection, table, block):
        digest.update(encode_row(row))
    return digest.digest()


def encode_row(row: Row) -> bytes:
    """The values with their kinds; texts and bytes with their lengths, so that no two rows encode alike."""
    return b"".join(map(_encode, row))


def _encode(value: object) -> bytes:
    match value:
        case None:
            return b"\0"
        case int():
            return b"\1" + value.to_bytes(8, "big")
        case bytes():
            return b"\2" + len(value).to_bytes(4, "big") + value
        case str():
            raw = value.encode()
            return b"\3" + len(raw).to_bytes(4, "big") + raw
    raise TypeError(f"not a value of an index: {type(value).__name__}")

"""Checks one leaf: the rows stored for it against its hash, and every sealed byte against its digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from cityledger.errors import KeyringError, SealingError, VerificationError
from cityledger.proofs.leaf_json import receipt_from_json
from cityledger.proofs.leaves import (
    Receipt,
    ReceiptDomain,
    ReceiptLeaf,
    Tombstone,
    leaf_hash,
    recover_receipt_signer,
)
from cityledger.recovery.scrub.findings import require
from cityledger.recovery.scrub.identifiers import verify_identifiers, verify_none
from cityledger.sealing.context import Context, derive_part_keys
from cityledger.sealing.envelope import HEADER_BYTES, commitment, parse_header
from cityledger.sealing.keyring import Keyring
from cityledger.sealing.wrap import unwrap
from cityledger.store.index.tables import idx_log
from cityledger.store.objects import Objects
from cityledger.store.records import versions as records
from cityledger.store.records.versions import SealedPart, StoredVersion
from cityledger.store.tables import (
    leaf,
    log_head,
    receipt,
    record_version,
    replayed_tombstone,
    tombstone,
)
from cityledger.types import Address, AgencyId, DatasetId, ErasureReason, LeafHash, LogId, RecordId

RECEIPT_SECONDS = 60
"""Maximum time from a decision to the numbering of its receipt; usually it is the same second."""


@dataclass(frozen=True, slots=True)
class Grounds:
    """Data and keys that leaves are checked against."""

    instance: bytes
    domain: ReceiptDomain
    keyring: Keyring
    objects: Objects
    operator: Address


@dataclass(frozen=True, slots=True)
class LongPart:
    """A part that is stored as an object, which is read after the transaction. ``kc`` None is unknown."""

    log: int
    seq: int
    part: SealedPart
    version: StoredVersion
    data_key: bytes | None


def scrub_leaf(connection: sa.Connection, grounds: Grounds, row: sa.Row[Any]) -> Iterator[LongPart]:
    """Checks the version, tombstone or receipt of a leaf; yields the parts to read outside of the database.

    Raises:
        VerificationError: it differs from what was numbered.
        Exception: whatever damaged values cause while they are read.
    """
    place = {"log": row.log, "seq": row.seq}
    if (found := _at(connection, record_version, place)) is not None:
        yield from _scrub_version(connection, grounds, row, found)
    elif (found := _at(connection, tombstone, place)) is not None:
        _scrub_tombstone(connection, grounds, row, found)
    elif (found := _at(connection, receipt, place)) is not None:
        _scrub_receipt(connection, grounds, row, found)
    else:
        raise VerificationError("nothing is stored for this leaf")


def scrub_object(grounds: Grounds, long: LongPart) -> int:
    """Reads a part's object to its end; returns its bytes.

    Raises:
        VerificationError: it does not match its leaf.
        NotFoundError: it is missing, which is correct if the version was erased concurrently.
    """
    digest, length, head = hashlib.sha256(), 0, b""
    for chunk in grounds.objects.get(long.part.object or ""):
        digest.update(chunk)
        length += len(chunk)
        head = head if len(head) >= HEADER_BYTES else head + chunk[:HEADER_BYTES]
    _verify_sealed(grounds, long, digest.digest(), length, head)
    return length


def _scrub_version(
    connection: sa.Connection, grounds: Grounds, row: sa.Row[Any], found: sa.Row[Any]
) -> Iterator[LongPart]:
    version = records.find_any_version(
        connection, DatasetId(found.dataset), RecordId(found.record), found.version
    )
    require(version is not None, "its version is missing")
    assert version is not None
    require(version.leaf_hash == row.hash, "its version names another leaf hash")
    records.load_leaf(connection, grounds.instance, version)
    _verify_key_is_there(connection, version)
    require(version.written_at == row.numbered_at, "its time differs from that of its leaf")
    data_key = _data_key(connection, grounds, version)
    parts = records.load_parts(connection, version)
    for part in parts:
        long = LongPart(row.log, row.seq, part, version, data_key)
        if part.ciphertext is None:
            if version.wrapped is not None:
                yield long
        else:
            digest = hashlib.sha256(part.ciphertext).digest()
            _verify_sealed(grounds, long, digest, len(part.ciphertext), part.ciphertext)
    _verify_identifiers(connection, grounds, version, parts, data_key)


def _verify_identifiers(
    connection: sa.Connection,
    grounds: Grounds,
    version: StoredVersion,
    parts: list[SealedPart],
    data_key: bytes | None,
) -> None:
    if not version.is_readable:
        verify_none(connection, version)
    elif data_key is not None:
        context = Context(grounds.instance, version.dataset, version.record, version.version)
        subject_key = grounds.keyring.agency(_agency(connection, version)).subject_key
        verify_identifiers(connection, grounds.objects, context, version, parts, data_key, subject_key)


def _verify_key_is_there(connection: sa.Connection, version: StoredVersion) -> None:
    """Checks the wrapped key, which no leaf covers: only a tombstone, own or replayed, may remove it."""
    is_erased = sa.or_(
        *(
            sa.exists()
            .where(one.dataset == version.dataset, one.record == version.record)
            .where(one.version == version.version)
            for one in (tombstone.c, replayed_tombstone.c)
        )
    )
    if connection.execute(sa.select(is_erased)).scalar_one():
        require(version.wrapped is None, "an erased version has a wrapped key again")
    else:
        require(version.wrapped is not None, "its wrapped key is missing, and no tombstone explains it")


def _verify_sealed(grounds: Grounds, long: LongPart, digest: bytes, length: int, head: bytes) -> None:
    part, version = long.part, long.version
    require(digest == part.digest, f"the sealed bytes of part {part.bit} differ from those numbered")
    require(length == part.sealed_bytes, f"part {part.bit} has another length than its row states")
    header = parse_header(head[:HEADER_BYTES])
    if long.data_key is not None:
        context = Context(grounds.instance, version.dataset, version.record, version.version)
        keys = derive_part_keys(long.data_key, context.for_part(part.name), header.aead)
        require(keys.kc == header.kc, f"the wrapped key is not that of part {part.bit}")
        is_empty = commitment(keys.opening, b"") == part.commitment
        require(is_empty or not version.withdrawn, "a withdrawal has a payload")


def _data_key(connection: sa.Connection, grounds: Grounds, version: StoredVersion) -> bytes | None:
    """The data key; None if it is destroyed, or another node's."""
    if version.wrapped is None:
        return None
    try:
        vault_keys = grounds.keyring.agency(_agency(connection, version)).vault_keys
    except KeyringError:
        return None
    context = Context(grounds.instance, version.dataset, version.record, version.version)
    try:
        return unwrap(version.wrapped, vault_keys, context)
    except SealingError as error:
        raise VerificationError(f"its wrapped key cannot be unwrapped: {error}") from error


def _agency(connection: sa.Connection, version: StoredVersion) -> AgencyId:
    query = sa.select(log_head.c.agency).where(log_head.c.log == version.log)
    return AgencyId(connection.execute(query).scalar_one())


def _scrub_tombstone(
    connection: sa.Connection, grounds: Grounds, row: sa.Row[Any], found: sa.Row[Any]
) -> None:
    made = Tombstone(
        grounds.instance,
        LogId(row.log),
        row.seq,
        LeafHash(found.erased_leaf),
        ErasureReason(found.reason),
        found.erased_at,
        found.unrecoverable_at,
    )
    require(leaf_hash(made.struct_hash()) == row.hash, "the tombstone does not match its leaf")
    require(row.numbered_at == found.erased_at, "its leaf has another time than the erasure")
    version = records.find_any_version(
        connection, DatasetId(found.dataset), RecordId(found.record), found.version
    )
    is_of = version is not None and version.leaf_hash == found.erased_leaf
    require(is_of, "the tombstone names another version than the one that it erased")
    require(version is not None and version.wrapped is None, "an erased version has a wrapped key again")


def _scrub_receipt(connection: sa.Connection, grounds: Grounds, row: sa.Row[Any], found: sa.Row[Any]) -> None:
    stored = receipt_from_json(json.loads(found.view))
    require(stored.struct_hash() == found.digest, "the receipt does not match its digest")
    made = ReceiptLeaf(
        grounds.instance,
        LogId(row.log),
        row.seq,
        found.digest,
        LeafHash(found.previous),
        found.read_no,
        LeafHash(found.prev_read_of_record),
    )
    require(leaf_hash(made.struct_hash()) == row.hash, "the receipt does not match its leaf")
    require(0 <= row.numbered_at - stored.at <= RECEIPT_SECONDS, "its leaf has another time than the receipt")
    _verify_columns(stored, found)
    _verify_chain(connection, found)
    signer = recover_receipt_signer(stored, grounds.domain, found.signature)
    is_his = _is_operator(connection, row.log, stored.block_number, signer)
    require(is_his, "the receipt's signature is not by the operator of its log at its block")


def _is_operator(connection: sa.Connection, log: int, block: int, signer: str) -> bool:
    """Returns whether the account operated the log at a block (SPEC.md §3, "Whose receipt"); true also if the
    index lacks the log, so that it cannot be checked."""
    known = connection.execute(sa.select(idx_log).where(idx_log.c.log == log)).all()
    return not known or any(
        row.operator == signer
        for row in known
        if row.valid_from <= block and (row.valid_to is None or row.valid_to > block)
    )


def _verify_columns(stored: Receipt, found: sa.Row[Any]) -> None:
    for name in ("provider", "consumer", "dataset", "record", "subject", "permit"):
        require(getattr(stored, name) == getattr(found, name), f"column {name} differs from the receipt")


def _verify_chain(connection: sa.Connection, found: sa.Row[Any]) -> None:
    """Checks the previous leaf, and the previous read of the record."""
    if found.seq > 0:
        before = _at(connection, leaf, {"log": found.log, "seq": found.seq - 1})
        require(
            before is not None and before.hash == found.previous,
            "the previous receipt is not the one it names",
        )
    if found.read_no > 1:
        r = receipt.c
        earlier = (r.log == found.log) & (r.record == found.record) & (r.read_no == found.read_no - 1)
        joined = receipt.join(leaf, (leaf.c.log == r.log) & (leaf.c.seq == r.seq))
        hashes = connection.execute(sa.select(leaf.c.hash).select_from(joined).where(earlier)).scalars().all()
        require(
            found.prev_read_of_record in hashes,
            "the previous read of the record is not the one it names",
        )


def _at(connection: sa.Connection, table: sa.Table, place: dict[str, int]) -> sa.Row[Any] | None:
    wanted = (table.c.log == place["log"]) & (table.c.seq == place["seq"])
    return connection.execute(sa.select(table).where(wanted)).one_or_none()

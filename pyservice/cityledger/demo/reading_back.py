"""Compares every stored version with the expected one, and every numbered leaf with the chain.

Reads whole tables in their order instead of record by record, and shares no code with reads.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from cityledger.client import RpcLedgerReader
from cityledger.errors import VerificationError
from cityledger.exchange.services import Services
from cityledger.proofs.leaves import PartLeaf, RecordLeaf, leaf_hash
from cityledger.proofs.merkle import Tree
from cityledger.proofs.verify import batch_word
from cityledger.sealing.context import Context, derive_part_keys
from cityledger.sealing.envelope import open_sealed, parse_header
from cityledger.sealing.wrap import unwrap
from cityledger.store.anchoring import logs
from cityledger.store.index.queries import Dataset
from cityledger.store.tables import batch, record_part, record_subject, record_version
from cityledger.types import DatasetId, LogId, RecordId

Key = tuple[RecordId, int]
"""A record and a version of it."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A version opened with the provider's keys; ``parts`` are those that are present."""

    log: LogId
    seq: int
    parts: Mapping[str, bytes]


def read_back(services: Services, dataset: Dataset) -> Iterator[tuple[Key, Stored]]:
    """Every version of a dataset: each part opened and checked against its commitment, each leaf rebuilt.

    Raises:
        SealingError, VerificationError: a stored version differs from what was numbered.
    """
    with services.database.reading() as connection:
        parts = _groups(connection, record_part, dataset.dataset, record_part.c.bit)
        subjects = dict(_groups(connection, record_subject, dataset.dataset, record_subject.c.subject))
        for row, (key, of_version) in zip(
            _rows(connection, record_version, dataset.dataset), parts, strict=True
        ):
            if key != (row.record, row.version):
                raise VerificationError("the parts of a stored version are missing")
            _verify_leaf(services, row, of_version, subjects.get(key, []))
            yield key, Stored(LogId(row.log), row.seq, _opened(services, dataset, row, of_version))


def anchored_numbers(services: Services, reader: RpcLedgerReader) -> dict[LogId, int]:
    """The number of each log below which every stored leaf hash is under a root that the chain holds.

    Raises:
        VerificationError: a root on chain differs from that of the stored leaves.
    """
    with services.database.reading() as connection:
        return {head.log: _anchored_end(connection, reader, head.log) for head in logs.list_heads(connection)}


def _rows(
    connection: sa.Connection, table: sa.Table, dataset: DatasetId, *more: sa.Column[Any]
) -> Iterator[Any]:
    query = sa.select(table).where(table.c.dataset == dataset)
    yield from connection.execute(query.order_by(table.c.record, table.c.version, *more))


def _groups(
    connection: sa.Connection, table: sa.Table, dataset: DatasetId, inside: sa.Column[Any]
) -> Iterator[tuple[Key, list[Any]]]:
    rows = _rows(connection, table, dataset, inside)
    for key, group in itertools.groupby(rows, key=lambda row: (RecordId(row.record), int(row.version))):
        yield key, list(group)


def _verify_leaf(services: Services, row: Any, parts: list[Any], subjects: list[Any]) -> None:
    leaf = RecordLeaf(
        instance=services.instance,
        log=row.log,
        seq=row.seq,
        dataset=row.dataset,
        record=row.record,
        version=row.version,
        subjects=tuple(one.subject for one in subjects),
        schema=row.schema,
        parts=tuple(PartLeaf(part.name, part.digest, part.commitment) for part in parts),
    )
    if leaf_hash(leaf.struct_hash()) != row.leaf_hash:
        raise VerificationError("a stored version does not match its leaf")


def _opened(services: Services, dataset: Dataset, row: Any, parts: list[Any]) -> dict[str, bytes]:
    context = Context(services.instance, row.dataset, row.record, row.version)
    data_key = unwrap(row.wrapped, services.keys_of(dataset.provider).vault_keys, context)
    opened: dict[str, bytes] = {}
    for part in parts:
        ciphertext = part.ciphertext or b"".join(services.objects.get(part.object))
        part_context = context.for_part(part.name)
        keys = derive_part_keys(data_key, part_context, parse_header(ciphertext).aead)
        payload = open_sealed(ciphertext, keys, part_context, part.commitment)
        if payload:
            opened[part.name] = payload
    return opened


def _anchored_end(connection: sa.Connection, reader: RpcLedgerReader, log: LogId) -> int:
    end = 0
    for first, count in _batches(connection, log):
        word = reader.batch_word(log, first)
        if not any(word):
            break
        if word != batch_word(Tree(logs.load_hashes(connection, log, first, count)).root, count):
            raise VerificationError("the chain holds another root than that of the stored leaves")
        end = first + count
    return end


def _batches(connection: sa.Connection, log: LogId) -> Iterator[tuple[int, int]]:
    query = sa.select(batch.c.first, batch.c.size).where(batch.c.log == log).order_by(batch.c.first)
    for row in connection.execute(query):
        yield row.first, row.size

"""The newest states of a provider's own records, opened with the provider's keys.

For comparing what is written with what is stored. Nothing of it leaves the node: answers pass the gate.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from cityledger.errors import KeyringError
from cityledger.exchange.alterations import reporting_alterations
from cityledger.exchange.parts.storage import ciphertext_of, json_mask
from cityledger.exchange.services import Services
from cityledger.sealing.context import Context, derive_part_keys
from cityledger.sealing.envelope import open_sealed, parse_header
from cityledger.store.index import queries as index
from cityledger.store.records import versions as records
from cityledger.store.records.versions import StoredVersion
from cityledger.types import AgencyId, DatasetId, RecordId, SubjectId


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest version ever written of a record (0: none). ``parts`` is None where it is erased, and empty
    where the record was withdrawn.
    """

    version: int
    parts: Mapping[str, bytes] | None
    subjects: tuple[SubjectId, ...] = ()

    @property
    def exists(self) -> bool:
        """Returns whether the record can be read: it was written, and is neither withdrawn nor erased."""
        return bool(self.parts)


NEVER = Newest(0, {})
"""A record that was never written."""


def load_newest(
    services: Services,
    connection: sa.Connection,
    provider: AgencyId,
    dataset: DatasetId,
    wanted: Iterable[RecordId],
) -> dict[RecordId, Newest]:
    """The newest state of each record; those never written are ``NEVER``.

    Raises:
        MisdirectedError: the provider's keys are not on this node.
    """
    requested = set(wanted)
    newest = records.newest_versions(connection, dataset, requested)
    stored = index.find_dataset(connection, dataset)
    mask = 0 if stored is None else json_mask(stored)
    found = {one: _load(services, connection, provider, dataset, one, newest[one], mask) for one in newest}
    return {one: found.get(one, NEVER) for one in requested}


def open_parts(
    services: Services, connection: sa.Connection, provider: AgencyId, version: StoredVersion, mask: int
) -> dict[str, bytes]:
    """The payloads of those parts of a version whose bits are in ``mask``, by name and exactly as written;
    absent parts are left out.

    Raises:
        SealingError, VerificationError: what is stored does not open to what its leaf commits to.
    """
    if version.wrapped is None:
        raise KeyringError("an erased version has no key")
    context = Context(services.instance, version.dataset, version.record, version.version)
    data_key = services.unwrap(provider, version.wrapped, context)
    opened: dict[str, bytes] = {}
    for part in records.load_parts(connection, version, mask):
        part_context = context.for_part(part.name)
        ciphertext = b"".join(ciphertext_of(services, part))
        keys = derive_part_keys(data_key, part_context, parse_header(ciphertext).aead)
        opened[part.name] = open_sealed(ciphertext, keys, part_context, part.commitment)
    return {name: payload for name, payload in opened.items() if payload}


def _load(
    services: Services,
    connection: sa.Connection,
    provider: AgencyId,
    dataset: DatasetId,
    record: RecordId,
    newest: int,
    mask: int,
) -> Newest:
    version = records.find_any_version(connection, dataset, record, newest)
    if version is None or version.wrapped is None:
        return Newest(newest, None)
    if version.withdrawn:
        return Newest(newest, {})
    with reporting_alterations(services.alterations, version.log, version.seq):
        parts = open_parts(services, connection, provider, version, mask)
    return Newest(newest, parts, version.subjects)

"""Checks the stored business identifiers of a version against its payload, because no leaf covers them."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from cityledger.errors import NotFoundError, SealingError
from cityledger.profiles import registry
from cityledger.recovery.scrub.findings import require
from cityledger.sealing.context import Context, derive_part_keys
from cityledger.sealing.envelope import open_sealed, parse_header
from cityledger.store.index import queries as index
from cityledger.store.objects import Objects
from cityledger.store.records.identifiers import identifier_digests
from cityledger.store.records.versions import SealedPart, StoredVersion
from cityledger.store.tables import record_identifier


def verify_none(connection: sa.Connection, version: StoredVersion) -> None:
    """Checks that an erased or withdrawn version has no identifier left.

    Raises:
        VerificationError: it has.
    """
    require(not _stored(connection, version), "an erased or withdrawn version has business identifiers")


def verify_identifiers(
    connection: sa.Connection,
    objects: Objects,
    context: Context,
    version: StoredVersion,
    parts: Sequence[SealedPart],
    data_key: bytes,
    subject_key: bytes,
) -> None:
    """Opens the version's JSON parts and compares the stored identifiers with those in the parts.

    A dataset that the index lacks, and an object that is missing or altered, are reported elsewhere.

    Raises:
        VerificationError: an identifier was altered, added or removed.
        SealingError: a part cannot be opened.
    """
    dataset = index.find_dataset(connection, version.dataset)
    profile = None if dataset is None else registry.find(dataset.profile)
    if profile is None or profile.identifiers_of is None:
        return
    try:
        opened = {
            part.name: _open(objects, context, part, data_key)
            for part in parts
            if part.name not in profile.binary_parts
        }
    except (NotFoundError, SealingError):
        if all(part.object is None for part in parts):
            raise
        return
    present = {name: payload for name, payload in opened.items() if payload}
    expected = set(identifier_digests(subject_key, profile.name, context.packed, present))
    is_same = _stored(connection, version) == expected
    require(is_same, "the business identifiers differ from those in the payload")


def _open(objects: Objects, context: Context, part: SealedPart, data_key: bytes) -> bytes:
    sealed = part.ciphertext if part.ciphertext is not None else b"".join(objects.get(part.object or ""))
    place = context.for_part(part.name)
    keys = derive_part_keys(data_key, place, parse_header(sealed).aead)
    return open_sealed(sealed, keys, place, part.commitment)


def _stored(connection: sa.Connection, version: StoredVersion) -> set[bytes]:
    i = record_identifier.c
    of_version = (
        (i.dataset == version.dataset) & (i.record == version.record) & (i.version == version.version)
    )
    return {bytes(one) for one in connection.execute(sa.select(i.identifier).where(of_version)).scalars()}

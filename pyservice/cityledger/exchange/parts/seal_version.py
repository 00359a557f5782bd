"""Seals the next version of a record: each part under keys of a fresh data key. Writes no row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cityledger.exchange.parts.storage import PartSpec, discard_after, keys_in, seal_part
from cityledger.exchange.parts.uploads import Uploads, seal_again
from cityledger.exchange.services import Services
from cityledger.profiles import registry
from cityledger.sealing.context import Context
from cityledger.store.index.queries import Dataset
from cityledger.store.records.identifiers import identifier_digests
from cityledger.store.records.versions import SealedPart, SealedRecord
from cityledger.types import Aead, RecordId, SubjectId


@dataclass(frozen=True, slots=True)
class Content:
    """The content of a version to write. ``withdraws`` ends the record: then there are no parts. ``uploads``
    are its binary parts, sealed already.
    """

    subjects: tuple[SubjectId, ...]
    parts: Mapping[str, bytes]
    withdraws: bool = False
    uploads: Uploads | None = None


def seal_version(
    services: Services,
    dataset: Dataset,
    record: RecordId,
    version: int,
    content: Content,
    aead: Aead = Aead.AES_256_GCM,
) -> SealedRecord:
    """Version ``version`` of the record, every part of the dataset in it; an absent one is sealed empty. Long
    parts are durable in the object store when this returns: ``storage.discard`` what gets no row.
    """
    context = Context(services.instance, dataset.dataset, record, version)
    uploads = _uploads(services, content, context, aead)
    parts = _parts(services, dataset, content, uploads)
    keys = services.keys_of(dataset.provider)
    return SealedRecord(
        dataset=dataset.dataset,
        record=record,
        version=version,
        subjects=content.subjects,
        schema=dataset.schema_digest,
        wrapped=services.wrap(dataset.provider, uploads.data_key, context),
        parts=parts,
        identifiers=_identifiers(keys.subject_key, dataset, context, content),
        withdrawn=content.withdraws,
    )


def _uploads(services: Services, content: Content, context: Context, aead: Aead) -> Uploads:
    """The binary parts under this version's data key; without any, a fresh data key and no part."""
    if content.uploads is None:
        return Uploads(context, services.random_bytes(32), aead, {})
    return (
        content.uploads
        if content.uploads.context == context
        else seal_again(services, content.uploads, context)
    )


def _parts(
    services: Services, dataset: Dataset, content: Content, uploads: Uploads
) -> tuple[SealedPart, ...]:
    made, profile = dict(uploads.parts), registry.get(dataset.profile)
    try:
        for bit, name in enumerate(dataset.part_names):
            if name not in made:
                spec = PartSpec(
                    bit, name, uploads.context, uploads.data_key, uploads.aead, profile.padding_of(name)
                )
                made[name] = seal_part(services, spec, (content.parts.get(name, b""),))
    except BaseException as failure:
        discard_after(services, keys_in(made.values()) - _given(content), failure)
        raise
    return tuple(made[name] for name in dataset.part_names)


def _given(content: Content) -> set[str]:
    """Objects that are the caller's: it may seal them again."""
    return set() if content.uploads is None else keys_in(content.uploads.parts.values())


def _identifiers(
    subject_key: bytes, dataset: Dataset, context: Context, content: Content
) -> tuple[bytes, ...]:
    if content.withdraws:
        return ()
    return identifier_digests(subject_key, dataset.profile, context.packed, content.parts)

"""Seals the next version of a record: each part under keys of a fresh data key. Stores nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cityledger.errors import FieldError
from cityledger.exchange.services import Services
from cityledger.profiles import registry
from cityledger.sealing.context import Context, derive_part_keys
from cityledger.sealing.envelope import ciphertext_digest, commitment, seal
from cityledger.sealing.wrap import wrap
from cityledger.store.identifiers import record_identifier_digest
from cityledger.store.index import Dataset
from cityledger.store.records import SealedPart, SealedRecord
from cityledger.types import Aead, RecordId, SubjectId


@dataclass(frozen=True, slots=True)
class Content:
    """What a version is to hold. ``withdraws`` ends the record: then there are no parts."""

    subjects: tuple[SubjectId, ...]
    parts: Mapping[str, bytes]
    withdraws: bool = False


def verify_content(dataset: Dataset, content: Content) -> None:
    """Refuses what does not fit the dataset.

    Raises:
        PayloadError, FieldError: names the field.
    """
    if content.withdraws:
        return
    registry.get(dataset.profile).validate(content.parts)
    unknown = content.parts.keys() - set(dataset.part_names)
    if unknown:
        raise FieldError(
            f"parts.{min(unknown)}", f"is not a part of this dataset; it has {', '.join(dataset.part_names)}"
        )


def seal_version(
    services: Services,
    dataset: Dataset,
    record: RecordId,
    version: int,
    content: Content,
    aead: Aead = Aead.AES_256_GCM,
) -> SealedRecord:
    """Version ``version`` of the record, every part of the dataset in it; an absent one is sealed empty."""
    context = Context(services.instance, dataset.dataset, record, version)
    data_key = services.random_bytes(32)
    keys = services.keys_of(dataset.provider)
    parts = (
        _seal_part(bit, name, content.parts.get(name, b""), data_key, context, aead)
        for bit, name in enumerate(dataset.part_names)
    )
    return SealedRecord(
        dataset=dataset.dataset,
        record=record,
        version=version,
        subjects=content.subjects,
        schema=dataset.schema_digest,
        wrapped=wrap(data_key, keys.vault_key, context, services.random_bytes(12)),
        parts=tuple(parts),
        identifiers=_identifiers(keys.subject_key, dataset, content),
        withdrawn=content.withdraws,
    )


def _seal_part(
    bit: int, name: str, payload: bytes, data_key: bytes, context: Context, aead: Aead
) -> SealedPart:
    part_context = context.for_part(name)
    keys = derive_part_keys(data_key, part_context, aead)
    ciphertext = seal(payload, keys, part_context, aead)
    return SealedPart(bit, name, ciphertext, ciphertext_digest(ciphertext), commitment(keys.opening, payload))


def _identifiers(subject_key: bytes, dataset: Dataset, content: Content) -> tuple[bytes, ...]:
    find = registry.get(dataset.profile).identifiers_of
    if find is None or content.withdraws:
        return ()
    return tuple(record_identifier_digest(subject_key, *one) for one in find(content.parts))

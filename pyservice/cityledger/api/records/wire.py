"""JSON of records as they are written, read and erased."""

from __future__ import annotations

from typing import Any

import msgspec

from cityledger.api.http.shapes import (
    EXAMPLE_DATASET,
    EXAMPLE_DIGEST,
    EXAMPLE_PLACE,
    EXAMPLE_RECORD,
    EXAMPLE_SUBJECT,
    AgencyNumber,
    Decimal,
    Hex32,
    RequestModel,
    ResponseModel,
    Version,
    hex_of,
    with_example,
)
from cityledger.exchange.parts.storage import binary_names
from cityledger.exchange.read import Released
from cityledger.opening import Opened
from cityledger.store.anchoring.logs import Numbered
from cityledger.store.index.queries import Dataset
from cityledger.store.records.versions import StoredVersion

BINARY = "application/octet-stream"


_WRITTEN: dict[str, Any] = {
    "dataset": EXAMPLE_DATASET,
    "record": EXAMPLE_RECORD,
    "version": 2,
    **EXAMPLE_PLACE,
}

_PARKING = {"state": {"id": "urn:ngsi-ld:OnStreetParking:Xidan-12", "availableSpotNumber": 7}}

_FHIR = {"resourceType": "Encounter", "status": "finished", "class": {"code": "AMB"}}

_MULTIPART: dict[str, Any] = {
    "type": "object",
    "description": "First the record as JSON, then each binary part under its name",
    "required": ["record"],
    "properties": {
        "record": {"type": "object", "required": ["parts"]},
        "attachment": {"type": "string", "format": "binary"},
    },
}

_FORM = {"record": {"subjects": [], "parts": {"summary": _FHIR}}, "attachment": "(bytes)"}

RECORD_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "additionalProperties": False,
                "required": ["parts"],
                "properties": {
                    "subjects": {"type": "array", "maxItems": 64, "items": {"pattern": "^0x[0-9a-f]{64}$"}},
                    "parts": {
                        "type": "object",
                        "description": "By part name, as the dataset's schema requires",
                    },
                },
            },
            "example": {"subjects": [], "parts": _PARKING},
        },
        "application/fhir+json": {
            "schema": {
                "type": "object",
                "description": "A FHIR R4 resource, or a Bundle of type collection; of medical datasets only",
                "required": ["resourceType"],
                "properties": {"resourceType": {"type": "string"}},
            },
            "example": _FHIR,
        },
        "multipart/form-data": {"schema": _MULTIPART, "example": _FORM},
        "multipart/related": {"schema": _MULTIPART, "example": _FORM},
    },
}

RECORD_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            "application/fhir+json": {
                "schema": {"type": "object", "required": ["resourceType"]},
                "example": _FHIR,
            }
        }
    },
}


class Written(ResponseModel):
    model_config = with_example(ResponseModel, _WRITTEN)

    dataset: Hex32
    record: Hex32
    version: Version
    log: Decimal
    seq: Decimal
    leaf_hash: Hex32


class AttachmentView(ResponseModel):
    """A binary part, which is fetched separately. ``bytes`` is null for a long one: ciphertexts are padded,
    so its length is known only once it is opened; it is the Content-Length of that answer.
    """

    model_config = with_example(ResponseModel, {"bytes": 31_204, "mediaType": "application/octet-stream"})

    bytes: int | None
    media_type: str


class RecordView(ResponseModel):
    """``parts`` contains the exact bytes that were written; absent parts and parts not granted are omitted.
    ``attachments`` describes binary parts by name, and is omitted where there are none.
    """

    model_config = with_example(
        ResponseModel,
        {
            "dataset": EXAMPLE_DATASET,
            "record": EXAMPLE_RECORD,
            "version": 2,
            "subjects": [EXAMPLE_SUBJECT],
            "parts": _PARKING,
        },
    )

    dataset: Hex32
    record: Hex32
    version: Version
    subjects: list[Hex32]
    parts: dict[str, Any]
    attachments: dict[str, AttachmentView] | None = None


class TombstonePlace(ResponseModel):
    model_config = with_example(ResponseModel, EXAMPLE_PLACE)

    log: Decimal
    seq: Decimal
    leaf_hash: Hex32


class Erased(ResponseModel):
    """One tombstone for each version. The keys are destroyed on this node; backups lose them as they
    expire."""

    model_config = with_example(
        ResponseModel, {"dataset": EXAMPLE_DATASET, "record": EXAMPLE_RECORD, "tombstones": [EXAMPLE_PLACE]}
    )

    dataset: Hex32
    record: Hex32
    tombstones: list[TombstonePlace]


class RestrictionRequest(RequestModel):
    """``consumer`` omitted means all consumers."""

    model_config = with_example(RequestModel, {"restricted": True, "consumer": 9})

    restricted: bool
    consumer: AgencyNumber | None = None


class MinedView(ResponseModel):
    """The transaction of a call, and the block that contains it."""

    model_config = with_example(ResponseModel, {"transaction": EXAMPLE_DIGEST, "block": "1204"})

    transaction: Hex32
    block: Decimal


def written(stored: StoredVersion) -> Written:
    return Written(
        dataset=hex_of(stored.dataset),
        record=hex_of(stored.record),
        version=stored.version,
        log=str(stored.log),
        seq=str(stored.seq),
        leaf_hash=hex_of(stored.leaf_hash),
    )


def tombstone_place(numbered: Numbered) -> TombstonePlace:
    return TombstonePlace(log=str(numbered.log), seq=str(numbered.seq), leaf_hash=hex_of(numbered.hash))


def record_bytes(released: Released, opened: Opened) -> bytes:
    """``RecordView`` as bytes, each part spliced in exactly as it was written: 6.10 stays 6.10."""
    leaf, binary = released.release.leaf, attachments(released.passed.ruling.dataset, opened)
    view = {
        "dataset": hex_of(leaf.dataset),
        "record": hex_of(leaf.record),
        "version": leaf.version,
        "subjects": [hex_of(subject) for subject in leaf.subjects],
        "parts": {name: msgspec.Raw(one) for name, one in opened.payloads.items() if name not in binary},
    }
    if binary:
        view["attachments"] = {name: one.model_dump(by_alias=True) for name, one in binary.items()}
    return msgspec.json.encode(view)


def attachments(dataset: Dataset, opened: Opened) -> dict[str, AttachmentView]:
    """The binary parts of an opened record, by name."""
    lengths: dict[str, int | None] = dict.fromkeys(opened.long_parts)
    lengths |= {name: len(opened.payloads[name]) for name in binary_names(dataset) & opened.payloads.keys()}
    return {name: AttachmentView(bytes=lengths[name], media_type=BINARY) for name in sorted(lengths)}

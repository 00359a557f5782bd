"""Records, what is asked about them, and what is released of them."""

from __future__ import annotations

import base64
from typing import Annotated, Any, Literal

import msgspec
from pydantic import Field, model_validator

from cityledger.api.wire.shapes import (
    EXAMPLE_DATASET,
    EXAMPLE_DIGEST,
    EXAMPLE_RECORD,
    EXAMPLE_SUBJECT,
    AgencyNumber,
    Asked,
    Base64Url,
    Decimal,
    Hex32,
    PartNames,
    ProviderRecordId,
    Told,
    Version,
    hex_of,
    with_example,
)
from cityledger.exchange.lookup import History as RecordHistory
from cityledger.exchange.lookup import VersionState
from cityledger.exchange.opening import Opened
from cityledger.exchange.part_bits import binary_names
from cityledger.exchange.read import Released
from cityledger.exchange.services import Target
from cityledger.proofs.leaf_json import leaf_to_json, receipt_to_json
from cityledger.store.index import Dataset, Head
from cityledger.store.logs import Numbered
from cityledger.store.receipts import StoredReceipt
from cityledger.store.records import StoredVersion

BINARY = "application/octet-stream"
_PLACE = {"log": "3", "seq": "41", "leafHash": EXAMPLE_DIGEST}
_WRITTEN: dict[str, Any] = {"dataset": EXAMPLE_DATASET, "record": EXAMPLE_RECORD, "version": 2, **_PLACE}
_HISTORY_ITEM: dict[str, Any] = {
    "version": 1,
    "writtenAt": 1767190000,
    "erased": False,
    "withdrawn": False,
    "state": "final",
    "landed": True,
    **_PLACE,
}
_HEAD: dict[str, Any] = {
    "version": 1,
    "leafHash": EXAMPLE_DIGEST,
    "transaction": EXAMPLE_DIGEST,
    "block": "1204",
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
                    "parts": {"type": "object", "description": "As the dataset's schema says, by part name"},
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


class Written(Told):
    model_config = with_example(Told, _WRITTEN)

    dataset: Hex32
    record: Hex32
    version: Version
    log: Decimal
    seq: Decimal
    leaf_hash: Hex32


class AttachmentView(Told):
    """A binary part, which is fetched by itself."""

    model_config = with_example(Told, {"bytes": 731_204, "mediaType": "application/octet-stream"})

    bytes: int
    media_type: str


class RecordView(Told):
    """``parts`` holds the exact bytes that were written; absent parts and parts not granted are left out.
    ``attachments`` tells of binary parts by name, and is left out where there are none.
    """

    model_config = with_example(
        Told,
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


class TombstonePlace(Told):
    model_config = with_example(Told, _PLACE)

    log: Decimal
    seq: Decimal
    leaf_hash: Hex32


class Erased(Told):
    """One tombstone for each version. The keys are gone from this node; backups follow in time."""

    model_config = with_example(
        Told, {"dataset": EXAMPLE_DATASET, "record": EXAMPLE_RECORD, "tombstones": [_PLACE]}
    )

    dataset: Hex32
    record: Hex32
    tombstones: list[TombstonePlace]


class BusinessIdentifier(Asked):
    """What the provider's systems call a thing: ``system`` says what kind of identifier ``value`` is."""

    model_config = with_example(Asked, {"system": "urn:example:visit-number", "value": "V-2041"})

    system: Annotated[str, Field(min_length=1, max_length=256)]
    value: Annotated[str, Field(min_length=1, max_length=256)]


class Sought(Asked):
    """Exactly one of the three: whose records, which record, or those that carry an identifier. In a body,
    so that none of them is in a URL.
    """

    model_config = with_example(Asked, {"subject": EXAMPLE_SUBJECT})

    subject: Hex32 | None = None
    id: ProviderRecordId | None = None
    identifier: BusinessIdentifier | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Sought:
        if [self.subject, self.id, self.identifier].count(None) != 2:
            raise ValueError("exactly one of subject, id and identifier is required")
        return self


class FoundRecord(Told):
    model_config = with_example(
        Told, {"record": EXAMPLE_RECORD, "version": 2, "writtenAt": 1767190000, **_PLACE}
    )

    record: Hex32
    version: Version
    written_at: int
    log: Decimal
    seq: Decimal
    leaf_hash: Hex32


class Found(Told):
    model_config = with_example(
        Told,
        {
            "dataset": EXAMPLE_DATASET,
            "records": [{"record": EXAMPLE_RECORD, "version": 2, "writtenAt": 1767190000, **_PLACE}],
        },
    )

    dataset: Hex32
    records: list[FoundRecord]


class Checked(Told):
    model_config = with_example(Told, {"dataset": EXAMPLE_DATASET, "found": True})

    dataset: Hex32
    found: bool


class ResolveSubject(Asked):
    """``system`` says what kind of identifier ``value`` is. Neither is stored."""

    model_config = with_example(
        Asked, {"dataset": EXAMPLE_DATASET, "system": "urn:example:patient-number", "value": "P-1007"}
    )

    dataset: Hex32
    system: Annotated[str, Field(min_length=1, max_length=256)]
    value: Annotated[str, Field(min_length=1, max_length=256)]


class Resolved(Told):
    """``subject`` is null where the provider has no such person or thing."""

    model_config = with_example(Told, {"dataset": EXAMPLE_DATASET, "subject": EXAMPLE_SUBJECT})

    dataset: Hex32
    subject: Hex32 | None


class HistoryItem(Told):
    """``state`` is open, closed, signed, mined or final. A ``withdrawn`` version ended the record there.
    ``landed`` says that the record's head on chain points to this version.
    """

    model_config = with_example(Told, _HISTORY_ITEM)

    version: Version
    written_at: int
    erased: bool
    withdrawn: bool
    state: str
    landed: bool
    log: Decimal
    seq: Decimal
    leaf_hash: Hex32


class HeadView(Told):
    """The version that has landed, by whichever node of the provider, and where the chain took it."""

    model_config = with_example(Told, _HEAD)

    version: Version
    leaf_hash: Hex32
    transaction: Hex32
    block: Decimal


class History(Told):
    model_config = with_example(
        Told,
        {
            "dataset": EXAMPLE_DATASET,
            "record": EXAMPLE_RECORD,
            "versions": [_HISTORY_ITEM],
            "head": _HEAD,
        },
    )

    dataset: Hex32
    record: Hex32
    versions: list[HistoryItem]
    head: HeadView | None


class AskRelease(Asked):
    """``kem`` 1 is X25519, 2 is X-Wing. The registry must hold the digest of ``sealing_key``."""

    model_config = with_example(
        Asked, {"kem": 1, "sealingKey": base64.urlsafe_b64encode(bytes(32)).decode().rstrip("=")}
    )

    kem: Literal[1, 2]
    sealing_key: Annotated[Base64Url, Field(max_length=2_048)]
    parts: PartNames | None = None
    version: Version | None = None


class ReceiptView(Told):
    """A receipt as it was signed; ``leaf`` is its place in the receipts log."""

    model_config = with_example(
        Told, {"digest": EXAMPLE_DIGEST, "receipt": {}, "leaf": {}, "signature": "0x" + "00" * 65}
    )

    digest: Hex32
    receipt: dict[str, Any]
    leaf: dict[str, Any]
    signature: str


class LongPartView(Told):
    """``href`` is a path on this node; it is for the officer whom the receipts name."""

    model_config = with_example(
        Told, {"sealedBytes": 731_448, "href": "/v1/datasets/0x…/records/0x…/parts/attachment/ciphertext?…"}
    )

    sealed_bytes: int
    href: str


class ReleaseView(Told):
    """``message`` holds the part keys, sealed to the consumer; ``ciphertexts`` are by part bit number.
    ``objects`` are the parts that are too long to come along, and where each is fetched.
    """

    model_config = with_example(
        Told,
        {
            "leaf": {},
            "kem": 1,
            "message": "AAAA",
            "receipts": [],
            "ciphertexts": {"0": "Q0xFMQ"},
            "objects": {},
        },
    )

    leaf: dict[str, Any]
    kem: Literal[1, 2]
    message: Base64Url
    receipts: list[ReceiptView]
    ciphertexts: dict[str, Base64Url]
    objects: dict[str, LongPartView]


class Restrict(Asked):
    """``consumer`` left out means all."""

    model_config = with_example(Asked, {"restricted": True, "consumer": 9})

    restricted: bool
    consumer: AgencyNumber | None = None


class MinedView(Told):
    """Where the chain took the call."""

    model_config = with_example(Told, {"transaction": EXAMPLE_DIGEST, "block": "1204"})

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


def found_record(stored: StoredVersion) -> FoundRecord:
    return FoundRecord(
        record=hex_of(stored.record),
        version=stored.version,
        written_at=stored.written_at,
        log=str(stored.log),
        seq=str(stored.seq),
        leaf_hash=hex_of(stored.leaf_hash),
    )


def tombstone_place(numbered: Numbered) -> TombstonePlace:
    return TombstonePlace(log=str(numbered.log), seq=str(numbered.seq), leaf_hash=hex_of(numbered.hash))


def history_view(target: Target, held: RecordHistory) -> History:
    return History(
        dataset=hex_of(target.dataset),
        record=hex_of(target.record),
        versions=[_history_item(one, held.head) for one in held.versions],
        head=None if held.head is None else _head_view(held.head),
    )


def _head_view(head: Head) -> HeadView:
    return HeadView(
        version=head.version,
        leaf_hash=hex_of(head.leaf_hash),
        transaction=hex_of(head.transaction),
        block=str(head.block),
    )


def _history_item(one: VersionState, head: Head | None) -> HistoryItem:
    return HistoryItem(
        version=one.version.version,
        written_at=one.version.written_at,
        erased=one.version.wrapped is None,
        withdrawn=one.version.withdrawn,
        state="open" if one.state is None else one.state.name.lower(),
        landed=head is not None and head.leaf_hash == one.version.leaf_hash,
        log=str(one.version.log),
        seq=str(one.version.seq),
        leaf_hash=hex_of(one.version.leaf_hash),
    )


def record_bytes(released: Released, opened: Opened) -> bytes:
    """``RecordView`` as bytes, each part spliced in exactly as it was written: 6.10 stays 6.10."""
    leaf, held = released.release.leaf, attachments(released.passed.ruling.dataset, opened)
    view = {
        "dataset": hex_of(leaf.dataset),
        "record": hex_of(leaf.record),
        "version": leaf.version,
        "subjects": [hex_of(subject) for subject in leaf.subjects],
        "parts": {name: msgspec.Raw(one) for name, one in opened.payloads.items() if name not in held},
    }
    if held:
        view["attachments"] = {name: one.model_dump(by_alias=True) for name, one in held.items()}
    return msgspec.json.encode(view)


def attachments(dataset: Dataset, opened: Opened) -> dict[str, AttachmentView]:
    """The binary parts of what was opened."""
    lengths = {name: len(opened.payloads[name]) for name in binary_names(dataset) & opened.payloads.keys()}
    lengths |= {name: part.payload_bytes for name, part in opened.long_parts.items()}
    return {name: AttachmentView(bytes=lengths[name], media_type=BINARY) for name in sorted(lengths)}


def receipt_view(stored: StoredReceipt) -> ReceiptView:
    return ReceiptView(
        digest=hex_of(stored.leaf.receipt),
        receipt=receipt_to_json(stored.receipt),
        leaf=leaf_to_json(stored.leaf),
        signature=hex_of(stored.signature),
    )


def release_view(released: Released) -> ReleaseView:
    release = released.release
    return ReleaseView(
        leaf=leaf_to_json(release.leaf),
        kem=1 if release.kem == 1 else 2,
        message=base64url(release.message),
        receipts=[receipt_view(stored) for stored in released.passed.receipts],
        ciphertexts={str(bit): base64url(sealed) for bit, sealed in release.ciphertexts.items()},
        objects={str(bit): _long_part(released, bit) for bit in release.objects},
    )


def _long_part(released: Released, bit: int) -> LongPartView:
    leaf, receipt = released.release.leaf, released.passed.receipt_digests[0]
    place = f"/v1/datasets/{hex_of(leaf.dataset)}/records/{hex_of(leaf.record)}/parts/{leaf.parts[bit].name}"
    href = f"{place}/ciphertext?version={leaf.version}&receipt={hex_of(receipt)}"
    return LongPartView(sealed_bytes=released.release.objects[bit], href=href)


def base64url(value: bytes) -> str:
    """RFC 4648 §5 without padding."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()

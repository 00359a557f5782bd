"""JSON forms of calls about records: the bodies of requests, and the answers."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cityledger import strict_json
from cityledger.client.answers import Attachment, FhirRecord, FoundRecord, HistoryVersion, LeafPlace, Record
from cityledger.client.http.address import dataset_path, record_name
from cityledger.client.http.messages import Answer, Request
from cityledger.client.wire import read_answer, to_hex
from cityledger.errors import NodeError
from cityledger.types import DatasetId, RecordId, SubjectId

_RECORD_ID = re.compile(r"0x[0-9a-f]{64}")
_ETAG = re.compile(r'"v([1-9][0-9]{0,9})"')

Payload = bytes | Mapping[str, Any]
"""JSON bytes, which are sealed exactly as they are, or an object, which is written as JSON first."""


@dataclass(frozen=True, slots=True)
class _RecordAnswer:
    dataset: DatasetId
    record: RecordId
    version: int
    subjects: tuple[SubjectId, ...]


@dataclass(frozen=True, slots=True)
class History:
    versions: tuple[HistoryVersion, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class Erased:
    tombstones: tuple[LeafPlace, ...]


@dataclass(frozen=True, slots=True)
class Found:
    records: tuple[FoundRecord, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class Checked:
    found: bool


@dataclass(frozen=True, slots=True)
class Resolved:
    subject: SubjectId | None


def body_of(parts: Mapping[str, Payload], subjects: Sequence[SubjectId]) -> bytes:
    """The record's JSON with the bytes of each part unchanged: 6.10 stays 6.10."""
    members = b",".join(
        json.dumps(name).encode() + b":" + (value if isinstance(value, bytes) else json_bytes(value))
        for name, value in parts.items()
    )
    listed = json.dumps([to_hex(subject) for subject in subjects]).encode()
    return b'{"subjects":' + listed + b',"parts":{' + members + b"}}"


def json_bytes(value: Mapping[str, Any]) -> bytes:
    """An object as compact JSON in UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def condition_of(expected_version: int | None) -> dict[str, str]:
    """The precondition header for the newest version that the caller knows: 0 for none; None makes none."""
    if expected_version is None:
        return {}
    return {"If-Match": f'"v{expected_version}"'} if expected_version else {"If-None-Match": "*"}


def lookup(
    dataset: DatasetId,
    question: str,
    subject: SubjectId | None,
    record: str | RecordId | None,
    identifier: tuple[str, str] | None = None,
) -> Request:
    """The request for a subject's records, one record, or those of an identifier; none of them is in its
    URL."""
    if [subject, record, identifier].count(None) != 2:
        raise TypeError("give exactly one of subject, record and identifier")
    body: dict[str, object] = {}
    if subject is not None:
        body = {"subject": to_hex(subject)}
    if record is not None:
        body = {"id": record_name(record)}
    if identifier is not None:
        body = {"identifier": {"system": identifier[0], "value": identifier[1]}}
    path = f"{dataset_path(dataset)}/records/{question}"
    return Request("POST", path, json=body, is_question=True)


def known_id(record: str | RecordId) -> RecordId | None:
    """The record's id if the caller gave it; only the node knows that of a provider's own id."""
    if isinstance(record, bytes):
        return record
    return RecordId(bytes.fromhex(record[2:])) if _RECORD_ID.fullmatch(record) else None


def read_record(answer: Answer) -> Record:
    """A record in the answer to a read, each part as the bytes that were written.

    Raises:
        NodeError: the answer has another form.
    """
    read = read_answer(_RecordAnswer, answer.json(), "a read")
    raw = strict_json.raw_members(answer.body)
    if "parts" not in raw:
        raise NodeError("the node's answer to a read has no parts")
    return Record(
        read.dataset,
        read.record,
        read.version,
        read.subjects,
        parts=strict_json.raw_members(raw["parts"]),
        receipts=_receipts(answer),
        decision=answer.headers.get("Cityledger-Decision", ""),
        attachments=_attachments(answer),
    )


def _attachments(answer: Answer) -> dict[str, Attachment]:
    attachments = answer.json().get("attachments", {})
    if not isinstance(attachments, dict):
        raise NodeError("the node's answer to a read has attachments of another form")
    return {name: read_answer(Attachment, one, "a read") for name, one in attachments.items()}


def read_fhir(answer: Answer) -> FhirRecord:
    """FHIR in the answer to a read, with its bytes unchanged.

    Raises:
        NodeError: the answer is not FHIR, or does not state its version.
    """
    version = _ETAG.fullmatch(answer.headers.get("ETag", ""))
    resource = answer.json()
    if version is None or not isinstance(resource, dict) or "resourceType" not in resource:
        raise NodeError("the node answered a read of FHIR with something else")
    return FhirRecord(
        int(version[1]), answer.body, _receipts(answer), answer.headers.get("Cityledger-Decision", "")
    )


def _receipts(answer: Answer) -> tuple[bytes, ...]:
    digests = [one.strip() for one in answer.headers.get("Cityledger-Read-Receipt", "").split(",")]
    return tuple(bytes.fromhex(one.removeprefix("0x")) for one in digests if one)

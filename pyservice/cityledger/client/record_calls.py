"""Write, read, find, prove, restrict and erase records."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cityledger import strict_json
from cityledger.client.answers import (
    FoundRecord,
    HistoryVersion,
    LeafPlace,
    Mined,
    OpenedRecord,
    ProvenFile,
    Record,
    Release,
    Written,
)
from cityledger.client.calls import OWN_DUTY, Calls, Reason, dataset_path, node_info, record_path
from cityledger.client.connection import IDEMPOTENCY_KEY, Answer, Request
from cityledger.client.proving import proven
from cityledger.client.releases import Asked, open_release_from, release_from_json
from cityledger.client.sign_in import Machine
from cityledger.client.wire import base64url, read_answer, to_hex
from cityledger.errors import NodeError
from cityledger.proofs.verify import LedgerReader
from cityledger.sealing.sealing_key import SealingPrivateKey
from cityledger.types import AgencyId, DatasetId, ErasureReason, RecordId, SubjectId, purpose_from_name

_RECORD_ID = re.compile(r"0x[0-9a-f]{64}")

Payload = bytes | Mapping[str, Any]
"""JSON bytes, which are sealed exactly as they are, or an object, which is written as JSON first."""


@dataclass(frozen=True, slots=True)
class _RecordAnswer:
    dataset: DatasetId
    record: RecordId
    version: int
    subjects: tuple[SubjectId, ...]


@dataclass(frozen=True, slots=True)
class _History:
    versions: tuple[HistoryVersion, ...]


@dataclass(frozen=True, slots=True)
class _Erased:
    tombstones: tuple[LeafPlace, ...]


@dataclass(frozen=True, slots=True)
class _Found:
    records: tuple[FoundRecord, ...]


@dataclass(frozen=True, slots=True)
class _Checked:
    found: bool


@dataclass(frozen=True, slots=True)
class _Resolved:
    subject: SubjectId | None


class RecordCalls(Calls):
    _machine: Machine

    def put_record(
        self,
        dataset: DatasetId,
        record: str | RecordId,
        parts: Mapping[str, Payload],
        *,
        subjects: Sequence[SubjectId] = (),
        reason: Reason = OWN_DUTY,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
    ) -> Written:
        """Writes the next version; returns once it is durable and numbered.

        ``expected_version`` is the newest that the caller knows, 0 where there must be none; None takes any.
        Sent with an Idempotency-Key, so that a repeat after a lost answer writes nothing twice.

        Raises:
            PayloadError, FieldError: the record does not fit the dataset; names the field.
            StaleVersionError: somebody wrote in between.
            DeniedError: the rules deny.
        """
        headers = {IDEMPOTENCY_KEY: idempotency_key or self._machine.identifier()}
        if expected_version is not None:
            known = {"If-Match": f'"v{expected_version}"'}
            headers |= known if expected_version else {"If-None-Match": "*"}
        request = Request(
            "PUT", record_path(dataset, record), headers=headers, content=_body(parts, subjects)
        )
        return self._ask(Written, request, reason)

    def get_record(
        self,
        dataset: DatasetId,
        record: str | RecordId,
        reason: Reason,
        *,
        version: int | None = None,
        parts: Sequence[str] | None = None,
    ) -> Record:
        """The record, opened by the caller's own node; each part exactly as it was written.

        Raises:
            DeniedError: the rules deny, and may be told why.
            NotFoundError: no such record, or none that the caller may know of.
        """
        params = {} if version is None else {"version": str(version)}
        if parts is not None:
            params["parts"] = ",".join(parts)
        read = _record(self._send(Request("GET", record_path(dataset, record), params), reason))
        if read.dataset != dataset or _known_id(record) not in (None, read.record):
            raise NodeError("the node answered with another record than was asked for")
        return read

    def release(
        self,
        dataset: DatasetId,
        record: str | RecordId,
        reason: Reason,
        private_key: SealingPrivateKey,
        *,
        version: int | None = None,
        parts: Sequence[str] | None = None,
    ) -> Release:
        """The ciphertext, and its keys sealed to the caller's agency; only its public key is sent."""
        sealing_key = base64url(private_key.public_bytes)
        asked: dict[str, object] = {"kem": int(private_key.kem), "sealingKey": sealing_key}
        asked |= {} if version is None else {"version": version}
        asked |= {} if parts is None else {"parts": list(parts)}
        request = Request("POST", record_path(dataset, record) + "/release", json=asked)
        return release_from_json(self._send(request, reason).json())

    def open_record(
        self,
        dataset: DatasetId,
        record: str | RecordId,
        reason: Reason,
        private_key: SealingPrivateKey,
        *,
        version: int | None = None,
        parts: Sequence[str] | None = None,
    ) -> OpenedRecord:
        """As ``release``, opened here: the node that answers sees the payload only if it is the provider's.

        Raises: as ``get_record``, and
            VerificationError, SealingError: a check failed; nothing of the payload is returned.
        """
        release = self.release(dataset, record, reason, private_key, version=version, parts=parts)
        node, purpose = node_info(self._connection), purpose_from_name(reason.purpose)
        asked = Asked(node, dataset, _known_id(record), version, purpose)
        return open_release_from(release, asked, private_key)

    def find(
        self,
        dataset: DatasetId,
        reason: Reason,
        *,
        subject: SubjectId | None = None,
        record: str | RecordId | None = None,
    ) -> tuple[FoundRecord, ...]:
        """The newest versions of a subject's records, or of one record: those that the caller may know of."""
        return self._ask(_Found, _about(dataset, "find", subject, record), reason).records

    def check(
        self,
        dataset: DatasetId,
        reason: Reason,
        *,
        subject: SubjectId | None = None,
        record: str | RecordId | None = None,
    ) -> bool:
        """Whether there is such a record, as far as the caller may know."""
        return self._ask(_Checked, _about(dataset, "check", subject, record), reason).found

    def resolve_subject(
        self, dataset: DatasetId, system: str, value: str, reason: Reason
    ) -> SubjectId | None:
        """The provider's pseudonym of a person or thing; the provider gets a new one where there is none."""
        asked = {"dataset": to_hex(dataset), "system": system, "value": value}
        return self._ask(_Resolved, Request("POST", "/v1/subjects/resolve", json=asked), reason).subject

    def history(
        self, dataset: DatasetId, record: str | RecordId, reason: Reason
    ) -> tuple[HistoryVersion, ...]:
        """Every version with the state of its batch, oldest first."""
        request = Request("GET", record_path(dataset, record) + "/history")
        return self._ask(_History, request, reason).versions

    def proof(
        self,
        dataset: DatasetId,
        record: str | RecordId,
        reason: Reason,
        *,
        version: int | None = None,
        reader: LedgerReader | None = None,
    ) -> ProvenFile:
        """The proof file of a version, verified; ``reader`` takes it to the level "anchored".

        Raises: as ``get_record``, and
            NotAnchoredError: durable, but not mined yet.
            VerificationError: the proof does not hold, or is of something else.
        """
        params = {} if version is None else {"version": str(version)}
        request = Request("GET", record_path(dataset, record) + "/proof", params)
        answer = self._send(request, reason)
        return proven(answer.body, reader, dataset=dataset, record=_known_id(record), version=version)

    def restrict(
        self,
        dataset: DatasetId,
        record: str | RecordId,
        *,
        consumer: AgencyId | None = None,
        restricted: bool = True,
    ) -> Mined:
        """Restricts a record for one consumer or for all, or takes that back; steward."""
        asked: dict[str, object] = {"restricted": restricted}
        asked |= {} if consumer is None else {"consumer": consumer}
        return self._ask(Mined, Request("POST", record_path(dataset, record) + "/restrict", json=asked))

    def seal_by_law(self, dataset: DatasetId, record: str | RecordId) -> Mined:
        """Seals a record by law; steward. Only the council lifts it, on chain."""
        return self._ask(Mined, Request("POST", record_path(dataset, record) + "/seal"))

    def erase(
        self, dataset: DatasetId, record: str | RecordId, why: ErasureReason, reason: Reason = OWN_DUTY
    ) -> tuple[LeafPlace, ...]:
        """Destroys the keys of every version; returns the place of each version's tombstone."""
        params = {"reason": why.name.lower().replace("_", "-")}
        return self._ask(_Erased, Request("DELETE", record_path(dataset, record), params), reason).tombstones


def _body(parts: Mapping[str, Payload], subjects: Sequence[SubjectId]) -> bytes:
    """The record's JSON with each part spliced in as it is: 6.10 stays 6.10."""
    told = b",".join(
        json.dumps(name).encode() + b":" + (value if isinstance(value, bytes) else _json(value))
        for name, value in parts.items()
    )
    listed = json.dumps([to_hex(subject) for subject in subjects]).encode()
    return b'{"subjects":' + listed + b',"parts":{' + told + b"}}"


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def _about(
    dataset: DatasetId, question: str, subject: SubjectId | None, record: str | RecordId | None
) -> Request:
    if (subject is None) == (record is None):
        raise TypeError("give exactly one of subject and record")
    asked = {"subject": to_hex(subject)} if subject is not None else {"id": _name(record)}
    return Request("POST", f"{dataset_path(dataset)}/records/{question}", json=asked)


def _known_id(record: str | RecordId) -> RecordId | None:
    """The record's id where the caller gave one; a provider's own id has one that only the node knows."""
    if isinstance(record, bytes):
        return record
    return RecordId(bytes.fromhex(record[2:])) if _RECORD_ID.fullmatch(record) else None


def _name(record: str | RecordId | None) -> str:
    return record if isinstance(record, str) else to_hex(record or b"")


def _record(answer: Answer) -> Record:
    told = read_answer(_RecordAnswer, answer.json(), "a read")
    raw = strict_json.raw_members(answer.body)
    if "parts" not in raw:
        raise NodeError("the node's answer to a read has no parts")
    receipts = [one.strip() for one in answer.headers.get("Cityledger-Read-Receipt", "").split(",")]
    return Record(
        told.dataset,
        told.record,
        told.version,
        told.subjects,
        parts=strict_json.raw_members(raw["parts"]),
        receipts=tuple(bytes.fromhex(one.removeprefix("0x")) for one in receipts if one),
        decision=answer.headers.get("Cityledger-Decision", ""),
    )

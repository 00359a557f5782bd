# Made by scripts/make_sync_client.py from client/_async: change that, and run it again.
"""Calls that write, read, find, prove, restrict and erase records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from cityledger.client._sync.calls import node_info
from cityledger.client._sync.part_calls import PartCalls
from cityledger.client.access_context import OWN_DUTY, AccessContext
from cityledger.client.answers import (
    ErasureProof,
    FoundRecord,
    HistoryVersion,
    LeafPlace,
    Mined,
    OpenedRecord,
    ProvenFile,
    Record,
    Release,
    WhoAmI,
    Written,
)
from cityledger.client.concurrency import call
from cityledger.client.credentials.sign_in import Machine
from cityledger.client.forms.records import (
    Checked,
    Erased,
    Found,
    History,
    Payload,
    Resolved,
    body_of,
    condition_of,
    known_id,
    lookup,
    read_record,
)
from cityledger.client.http.address import record_path
from cityledger.client.http.files import File, ProgressCallback, RecordForm, reading, without_files
from cityledger.client.http.messages import IDEMPOTENCY_KEY, Request
from cityledger.client.proving import proven, proven_erasure
from cityledger.client.releases.checks import Caller, ReleaseExpectation
from cityledger.client.releases.opening import open_release_from, receipt_domain, release_from_json
from cityledger.client.wire import base64url, to_hex
from cityledger.errors import NodeError
from cityledger.proofs.leaves import RecordLeaf
from cityledger.proofs.ledger import LedgerReader
from cityledger.sealing.sealing_key import SealingPrivateKey
from cityledger.types import AgencyId, DatasetId, ErasureReason, RecordId, SubjectId, purpose_from_name

_FOUND_PAGE = "200"


class RecordCalls(PartCalls):
    _machine: Machine

    def put_record(
        self,
        dataset: DatasetId,
        record: str | RecordId,
        parts: Mapping[str, Payload],
        *,
        subjects: Sequence[SubjectId] = (),
        context: AccessContext = OWN_DUTY,
        attachments: Mapping[str, File] | None = None,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
        sent: ProgressCallback | None = None,
    ) -> Written:
        """The next version of a record, once it is written, durable and numbered.

        ``attachments`` are the binary parts by name, as paths or open files of any length; ``sent`` is called
        with the number of their bytes sent so far.

        ``expected_version`` is the newest version that the caller knows, 0 if there must be none; None
        accepts any. The request has an Idempotency-Key, so that a repeat after a lost answer writes nothing
        twice.

        Raises:
            PayloadError, FieldError: the record does not fit the dataset; names the field.
            StaleVersionError: another version was written concurrently.
            DeniedError: the rules deny.
        """
        headers = {IDEMPOTENCY_KEY: idempotency_key or self._machine.identifier()}
        headers |= condition_of(expected_version)
        path, body = record_path(dataset, record), body_of(parts, subjects)
        if not attachments:
            return self._ask(Written, Request("PUT", path, headers=headers, content=body), context)
        with reading(attachments, sent) as files:
            form = RecordForm(body, files, self._machine.identifier())
            headers["Content-Type"] = form.content_type
            return self._ask(Written, Request("PUT", path, headers=headers, upload=form), context)

    def get_record(
        self,
        dataset: DatasetId,
        record: str | RecordId,
        context: AccessContext,
        *,
        version: int | None = None,
        parts: Sequence[str] | None = None,
    ) -> Record:
        """The record, opened by the caller's own node; each part exactly as it was written.

        Raises:
            DeniedError: the rules deny, and the cause may be disclosed.
            NotFoundError: the record does not exist, or the caller may not know of it.
        """
        params = {} if version is None else {"version": str(version)}
        if parts is not None:
            params["parts"] = ",".join(parts)
        answer = self._send(Request("GET", record_path(dataset, record), params), context)
        read = read_record(answer)
        if read.dataset != dataset or known_id(record) not in (None, read.record):
            raise NodeError("the node answered with another record than was requested")
        return read

    def release(
        self,
        dataset: DatasetId,
        record: str | RecordId,
        context: AccessContext,
        private_key: SealingPrivateKey,
        *,
        version: int | None = None,
        parts: Sequence[str] | None = None,
    ) -> Release:
        """The ciphertext of a record, and its keys sealed to the caller's agency; only the public key is
        sent."""
        sealing_key = base64url(private_key.public_bytes)
        body: dict[str, object] = {"kem": int(private_key.kem), "sealingKey": sealing_key}
        body |= {} if version is None else {"version": version}
        body |= {} if parts is None else {"parts": list(parts)}
        request = Request("POST", record_path(dataset, record) + "/release", json=body, is_question=True)
        return release_from_json((self._send(request, context)).json())

    def open_record(
        self,
        dataset: DatasetId,
        record: str | RecordId,
        context: AccessContext,
        private_key: SealingPrivateKey,
        *,
        version: int | None = None,
        parts: Sequence[str] | None = None,
        attachments_to: Mapping[str, File] | None = None,
        received: ProgressCallback | None = None,
        reader: LedgerReader | None = None,
    ) -> OpenedRecord:
        """A release, opened on this machine: the node that answers sees the payload only if it is the
        provider's.

        A long part is fetched only if ``attachments_to`` names a file for it; it is checked to its end before
        the file is written, and ``received`` is called with the number of its bytes so far.

        Every field of the receipts is checked (SPEC.md §5). With ``reader`` it is also checked that the log's
        operator signed them, and whose log it is; make one for this call, since its answers are of one block.

        Raises: as ``get_record``, and
            VerificationError, SealingError: a check failed; nothing of the payload is returned.
        """
        node, caller = node_info(self._connection), self._caller()
        sent = self._machine.now()
        release = self.release(dataset, record, context, private_key, version=version, parts=parts)
        expected = ReleaseExpectation(
            instance=node.instance if reader is None else call(reader.instance),
            caller=caller,
            dataset=dataset,
            record=known_id(record),
            version=version,
            parts=None if parts is None else frozenset(parts),
            purpose=purpose_from_name(context.purpose),
            case_digest=context.case_digest,
            sent=sent,
            received=self._machine.now(),
        )
        domain = call(receipt_domain, node, reader)
        opened = call(open_release_from, release, expected, private_key, domain, reader)
        files = attachments_to or {}
        self._fetch_long_parts(opened.long_parts, release.places, context, files, received)
        return call(without_files, opened, files)

    def _caller(self) -> Caller:
        """The caller of this client, by its credentials; what they do not state, the node supplies."""
        who = self._ask(WhoAmI, Request("GET", "/v1/whoami"))
        return self._access.caller(who)

    def find(
        self,
        dataset: DatasetId,
        context: AccessContext,
        *,
        subject: SubjectId | None = None,
        record: str | RecordId | None = None,
        identifier: tuple[str, str] | None = None,
    ) -> tuple[FoundRecord, ...]:
        """The newest versions of a subject's records, of one record, or of the records that carry a business
        identifier ``(system, value)``, as far as the caller may know of them. Every page is fetched, and each
        leaves receipts.
        """
        request = lookup(dataset, "find", subject, record, identifier)
        found: list[FoundRecord] = []
        params = {"limit": _FOUND_PAGE}
        while True:
            page = self._ask(Found, replace(request, params=dict(params)), context)
            found += page.records
            if page.next is None:
                return tuple(found)
            params["after"] = page.next

    def check(
        self,
        dataset: DatasetId,
        context: AccessContext,
        *,
        subject: SubjectId | None = None,
        record: str | RecordId | None = None,
        identifier: tuple[str, str] | None = None,
    ) -> bool:
        """Whether such a record exists, as far as the caller may know."""
        request = lookup(dataset, "check", subject, record, identifier)
        return (self._ask(Checked, request, context)).found

    def resolve_subject(
        self, dataset: DatasetId, system: str, value: str, context: AccessContext
    ) -> SubjectId | None:
        """The provider's pseudonym of a person or thing. For the provider, a new one is made where there is
        none; for others it is None."""
        body = {"dataset": to_hex(dataset), "system": system, "value": value}
        return (self._ask(Resolved, Request("POST", "/v1/subjects/resolve", json=body), context)).subject

    def history(
        self, dataset: DatasetId, record: str | RecordId, context: AccessContext
    ) -> tuple[HistoryVersion, ...]:
        """Every version with the state of its batch, oldest first; each thousand leaves a receipt."""
        path, params = record_path(dataset, record) + "/history", {"limit": "1000"}
        found: list[HistoryVersion] = []
        while True:
            page = self._ask(History, Request("GET", path, dict(params)), context)
            found += page.versions
            if page.next is None:
                return tuple(found)
            params["after"] = page.next

    def proof(
        self,
        dataset: DatasetId,
        record: str | RecordId,
        context: AccessContext,
        *,
        version: int | None = None,
        openings: bool = False,
        reader: LedgerReader | None = None,
    ) -> ProvenFile:
        """The proof file of a version, verified; with ``reader`` up to the level "anchored". With
        ``openings`` payloads can be checked with it too; the caller's node then opens the record, which is a
        read.

        Raises: as ``get_record``, and
            NotAnchoredError: the version is durable, but not mined yet.
            VerificationError: the proof is not valid, or is of another version.
        """
        params = {} if version is None else {"version": str(version)}
        params |= {"openings": "true"} if openings else {}
        request = Request("GET", record_path(dataset, record) + "/proof", params)
        answer = self._send(request, context)
        return call(proven, answer.body, reader, dataset=dataset, record=known_id(record), version=version)

    def erasure_proof(
        self,
        dataset: DatasetId,
        record: str | RecordId,
        context: AccessContext = OWN_DUTY,
        *,
        version: int | None = None,
        reader: LedgerReader | None = None,
    ) -> ErasureProof:
        """The proof files of a version's tombstone and of the leaf that it erased, verified together. For the
        provider only.

        Raises: as ``proof``, and
            NotFoundError: the version is not erased.
        """
        erased = self.proof(dataset, record, context, version=version, reader=reader)
        assert isinstance(erased.proof.leaf, RecordLeaf)  # ``proven`` has checked it
        params = {"version": str(erased.proof.leaf.version)}
        request = Request("GET", record_path(dataset, record) + "/tombstone", params)
        answer = self._send(request, context)
        return call(proven_erasure, answer.body, erased, reader)

    def restrict(
        self,
        dataset: DatasetId,
        record: str | RecordId,
        *,
        consumer: AgencyId | None = None,
        restricted: bool = True,
    ) -> Mined:
        """The transaction that restricted a record for one consumer or for all, or lifted the restriction;
        for stewards."""
        body: dict[str, object] = {"restricted": restricted}
        body |= {} if consumer is None else {"consumer": consumer}
        return self._ask(Mined, Request("POST", record_path(dataset, record) + "/restrict", json=body))

    def seal_by_law(self, dataset: DatasetId, record: str | RecordId) -> Mined:
        """The transaction that sealed a record by law; for stewards. Only the council can lift the seal, on
        chain."""
        return self._ask(Mined, Request("POST", record_path(dataset, record) + "/seal"))

    def withdraw(
        self,
        dataset: DatasetId,
        record: str | RecordId,
        *,
        context: AccessContext = OWN_DUTY,
        expected_version: int | None = None,
    ) -> Written:
        """The version without parts that ended a record. Its history remains, and ``put_record`` restores it.

        Raises:
            NotFoundError: the record does not exist, or is withdrawn already.
            StaleVersionError: another version was written after ``expected_version``.
            DeniedError: the rules deny.
        """
        path = record_path(dataset, record) + "/withdraw"
        return self._ask(Written, Request("POST", path, headers=condition_of(expected_version)), context)

    def erase(
        self,
        dataset: DatasetId,
        record: str | RecordId,
        reason: ErasureReason,
        context: AccessContext = OWN_DUTY,
    ) -> tuple[LeafPlace, ...]:
        """The place of each version's tombstone, after the keys of every version were destroyed."""
        params = {"reason": reason.name.lower().replace("_", "-")}
        return (
            self._ask(Erased, Request("DELETE", record_path(dataset, record), params), context)
        ).tombstones

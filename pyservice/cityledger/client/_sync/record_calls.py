# Made by scripts/make_sync_client.py from client/_async: change that, and run it again.
"""Write, read, find, prove, restrict and erase records."""

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
from cityledger.client.http.files import File, Heard, RecordForm, reading, without_files
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
        sent: Heard | None = None,
    ) -> Written:
        """Writes the next version; returns once it is durable and numbered.

        ``attachments`` are the binary parts by name, as paths or open files of any length; ``sent`` hears how
        many bytes of them have gone out.

        ``expected_version`` is the newest that the caller knows, 0 where there must be none; None takes any.
        Sent with an Idempotency-Key, so that a repeat after a lost answer writes nothing twice.

        Raises:
            PayloadError, FieldError: the record does not fit the dataset; names the field.
            StaleVersionError: somebody wrote in between.
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
            DeniedError: the rules deny, and may be told why.
            NotFoundError: no such record, or none that the caller may know of.
        """
        params = {} if version is None else {"version": str(version)}
        if parts is not None:
            params["parts"] = ",".join(parts)
        answer = self._send(Request("GET", record_path(dataset, record), params), context)
        read = read_record(answer)
        if read.dataset != dataset or known_id(record) not in (None, read.record):
            raise NodeError("the node answered with another record than was asked for")
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
        """The ciphertext, and its keys sealed to the caller's agency; only its public key is sent."""
        sealing_key = base64url(private_key.public_bytes)
        asked: dict[str, object] = {"kem": int(private_key.kem), "sealingKey": sealing_key}
        asked |= {} if version is None else {"version": version}
        asked |= {} if parts is None else {"parts": list(parts)}
        request = Request("POST", record_path(dataset, record) + "/release", json=asked, is_question=True)
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
        received: Heard | None = None,
        reader: LedgerReader | None = None,
    ) -> OpenedRecord:
        """As ``release``, opened here: the node that answers sees the payload only if it is the provider's.

        A long part is fetched only where ``attachments_to`` says where to; it is checked to its end before
        the file is written, and ``received`` is called with the number of its bytes so far.

        Every field of the receipts is checked (SPEC.md §5). ``reader`` also shows that the log's operator
        signed them, and whose log it is; make one for this call, since its answers are of one block.

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
        """The caller of this client, by its credentials; what they do not state, the node returns."""
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
        """The newest versions of a subject's records, of one record, or of those that carry a business
        identifier ``(system, value)``: as far as the caller may know of them. Every page is fetched, and each
        leaves receipts.
        """
        asked = lookup(dataset, "find", subject, record, identifier)
        found: list[FoundRecord] = []
        params = {"limit": _FOUND_PAGE}
        while True:
            page = self._ask(Found, replace(asked, params=dict(params)), context)
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
        """Whether there is such a record, as far as the caller may know."""
        asked = lookup(dataset, "check", subject, record, identifier)
        return (self._ask(Checked, asked, context)).found

    def resolve_subject(
        self, dataset: DatasetId, system: str, value: str, context: AccessContext
    ) -> SubjectId | None:
        """The provider's pseudonym of a person or thing; the provider gets a new one where there is none."""
        asked = {"dataset": to_hex(dataset), "system": system, "value": value}
        return (self._ask(Resolved, Request("POST", "/v1/subjects/resolve", json=asked), context)).subject

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
        """The proof file of a version, verified; ``reader`` takes it to the level "anchored". With
        ``openings`` payloads can be checked with it too; the caller's node then opens the record, a read.

        Raises: as ``get_record``, and
            NotAnchoredError: durable, but not mined yet.
            VerificationError: the proof does not hold, or is of something else.
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
        """The proof files of a version's tombstone and of the leaf that it erased, verified together; for the
        provider only.

        Raises: as ``proof``, and
            NotFoundError: the version is not erased.
        """
        erased = self.proof(dataset, record, context, version=version, reader=reader)
        assert isinstance(erased.proof.leaf, RecordLeaf)  # ``proven`` has seen to it
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
        """Restricts a record for one consumer or for all, or takes that back; steward."""
        asked: dict[str, object] = {"restricted": restricted}
        asked |= {} if consumer is None else {"consumer": consumer}
        return self._ask(Mined, Request("POST", record_path(dataset, record) + "/restrict", json=asked))

    def seal_by_law(self, dataset: DatasetId, record: str | RecordId) -> Mined:
        """Seals a record by law; steward. Only the council lifts it, on chain."""
        return self._ask(Mined, Request("POST", record_path(dataset, record) + "/seal"))

    def withdraw(
        self,
        dataset: DatasetId,
        record: str | RecordId,
        *,
        context: AccessContext = OWN_DUTY,
        expected_version: int | None = None,
    ) -> Written:
        """Ends a record by a version without parts: its history stays, and ``put_record`` brings it back.

        Raises:
            NotFoundError: there is no such record, or it is withdrawn already.
            StaleVersionError: somebody wrote after ``expected_version``.
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
        """Destroys the keys of every version; returns the place of each version's tombstone."""
        params = {"reason": reason.name.lower().replace("_", "-")}
        return (
            self._ask(Erased, Request("DELETE", record_path(dataset, record), params), context)
        ).tombstones

# Made by scripts/make_sync_client.py from client/_async: change that, and run it again.
"""Calls that write and read medical records as FHIR."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cityledger.client._sync.calls import Calls
from cityledger.client.access_context import OWN_DUTY, AccessContext
from cityledger.client.answers import FhirRecord, Written
from cityledger.client.credentials.sign_in import Machine
from cityledger.client.forms.records import condition_of, json_bytes, read_fhir
from cityledger.client.http.address import record_path
from cityledger.client.http.messages import IDEMPOTENCY_KEY, Request
from cityledger.types import DatasetId, RecordId

FHIR = "application/fhir+json"


class FhirCalls(Calls):
    _machine: Machine

    def put_fhir(
        self,
        dataset: DatasetId,
        record: str | RecordId,
        resources: bytes | Mapping[str, Any],
        *,
        context: AccessContext = OWN_DUTY,
        expected_version: int | None = None,
        idempotency_key: str | None = None,
    ) -> Written:
        """The version of a medical record that was written: a FHIR resource, or a Bundle of type
        ``collection``.

        Each resource becomes the part of its type, with its bytes unchanged; the patients that the resources
        refer to become the record's subjects. Otherwise as ``put_record``.

        Raises: as ``put_record``, and
            MediaTypeError: the dataset's records are not FHIR.
        """
        headers = {"Content-Type": FHIR, IDEMPOTENCY_KEY: idempotency_key or self._machine.identifier()}
        headers |= condition_of(expected_version)
        content = resources if isinstance(resources, bytes) else json_bytes(resources)
        request = Request("PUT", record_path(dataset, record), headers=headers, content=content)
        return self._ask(Written, request, context)

    def get_fhir(
        self,
        dataset: DatasetId,
        record: str | RecordId,
        context: AccessContext,
        *,
        version: int | None = None,
        parts: Sequence[str] | None = None,
    ) -> FhirRecord:
        """The resources of a medical record, opened by the caller's own node, each exactly as it was written.

        Raises: as ``get_record``, and
            NotAcceptableError: the dataset's records are not FHIR.
        """
        params = {} if version is None else {"version": str(version)}
        if parts is not None:
            params["parts"] = ",".join(parts)
        request = Request("GET", record_path(dataset, record), params, {"Accept": FHIR})
        return read_fhir(self._send(request, context))

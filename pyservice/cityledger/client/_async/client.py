"""The client of one node."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from types import TracebackType

import httpx

from cityledger.client._async.access import Access
from cityledger.client._async.calls import node_info
from cityledger.client._async.connection import Connection
from cityledger.client._async.directory_calls import DirectoryCalls
from cityledger.client._async.fhir_calls import FhirCalls
from cityledger.client._async.head_calls import HeadCalls
from cityledger.client._async.import_calls import ImportCalls
from cityledger.client._async.record_calls import RecordCalls
from cityledger.client._async.rule_calls import RuleCalls
from cityledger.client.answers import NodeInfo
from cityledger.client.credentials.sign_in import Credentials, Machine
from cityledger.client.http.retries import RETRIES, Retries

TIMEOUT_SECONDS = 30.0


class AsyncClient(DirectoryCalls, RecordCalls, FhirCalls, ImportCalls, HeadCalls, RuleCalls):
    """The client of one node. It may be used concurrently; as a context manager it is closed at the end.

    ::

        chen = AssertionCredentials("HEALTH", "dr.chen", Role.READER, "ward-3", credential_key)
        async with AsyncClient("http://127.0.0.1:8053", chen) as client:
            (visits, *_) = await client.catalog("visits")
            record = await client.get_record(visits.dataset, "visit-12", AccessContext("TREATMENT", "case 7"))
            print(record.parts["summary"])

    Every call raises errors of ``cityledger.errors``; NodeUnreachableError if there was no answer.
    """

    def __init__(
        self,
        base_url: str,
        credentials: Credentials | None = None,
        *,
        token: str | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
        retries: Retries = RETRIES,
        now: Callable[[], float] = time.time,
        random: Callable[[int], bytes] = os.urandom,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Sends no request yet. Give ``credentials``, or an access ``token`` from another program; with
        neither, only the directory can be read. ``now`` returns Unix seconds; ``timeout_seconds`` applies to
        each attempt."""
        connection = Connection(
            base_url, timeout_seconds=timeout_seconds, retries=retries, transport=transport
        )
        self._machine = Machine(now, random)
        self._about: NodeInfo | None = None
        super().__init__(connection, Access(connection, self._known_node, self._machine, credentials, token))

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._connection.aclose()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _known_node(self) -> NodeInfo:
        """Requested once: a deployment's instance never changes."""
        if self._about is None:
            self._about = await node_info(self._connection)
        return self._about

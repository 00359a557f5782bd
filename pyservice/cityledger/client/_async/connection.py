"""One node over HTTP: timeouts, harmless retries, and every failure as an error of ``errors.py``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import httpx
from tenacity import AsyncRetrying

from cityledger import __version__
from cityledger.client._async.streams import chunks_of, keep
from cityledger.client.concurrency import async_sleep
from cityledger.client.http.address import NodeAddress
from cityledger.client.http.messages import Answer, Request
from cityledger.client.http.retries import Retries
from cityledger.errors import NodeUnreachableError

LONG_SECONDS = 600.0
"""Time limit for the answer to a request with a file."""


class Connection:
    """Safe for concurrent use. ``transport`` replaces the network in tests."""

    def __init__(
        self,
        base_url: str,
        *,
        timeout_seconds: float,
        retries: Retries,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = async_sleep,
    ) -> None:
        self.address = NodeAddress.parse(base_url)
        self._retries = retries
        self._timeout_seconds = timeout_seconds
        self._sleep = sleep
        self._http = httpx.AsyncClient(
            timeout=timeout_seconds,
            transport=transport,
            headers={"User-Agent": f"cityledger/{__version__}"},
            trust_env=not self.address.is_local,  # a proxy cannot reach this machine's own ports
        )

    async def aclose(self) -> None:
        await self._http.aclose()

    async def send(self, request: Request, bearer: str | None = None) -> Answer:
        """The answer, if its status is good; repeated as ``http/retries.py`` says.

        Raises:
            NodeUnreachableError: there was no answer.
            CityledgerError: the node's problem as its error of ``errors.py``.
        """
        retrying = AsyncRetrying(sleep=self._sleep, **self._retries.options(request))
        try:
            answer: Answer = await retrying(self._send_once, request, bearer)
        except httpx.HTTPError as error:
            # Without the URL's path: it may contain a record's id.
            message = f"{self.address.url} does not answer: {type(error).__name__}"
            raise NodeUnreachableError(message) from error
        if not answer.is_good:
            raise answer.error()
        return answer

    def _timeout_of(self, request: Request) -> httpx.Timeout:
        # A node reads all of a long part before its answer begins.
        is_long = request.upload is not None or request.download is not None
        read = max(self._timeout_seconds, LONG_SECONDS) if is_long else self._timeout_seconds
        return httpx.Timeout(self._timeout_seconds, read=read)

    async def _send_once(self, request: Request, bearer: str | None) -> Answer:
        headers = dict(request.headers)
        if bearer is not None:
            headers["Authorization"] = f"Bearer {bearer}"
        if request.content is not None:
            headers.setdefault("Content-Type", "application/json")
        sent = self._http.build_request(
            request.method,
            self.address.url + request.path,
            params=dict(request.params) or None,
            # Bytes: header values may be text beyond ASCII, and the node reads them as UTF-8.
            headers=[(name.encode(), value.encode()) for name, value in headers.items()],
            json=request.json,
            content=request.content if request.upload is None else chunks_of(request.upload),
            data=dict(request.form) if request.form is not None else None,
            timeout=self._timeout_of(request),
        )
        response = await self._http.send(sent, stream=True)
        try:
            if request.download is not None and response.is_success:
                await keep(response, request.download)
                return Answer(response.status_code, response.headers, b"")
            return Answer(
                response.status_code, response.headers, await response.aread(), response.reason_phrase
            )
        finally:
            await response.aclose()

"""One node over HTTP: timeouts, repeats where they are harmless, and every failure as one of our errors."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx

from cityledger import __version__, strict_json
from cityledger.client.problems import error_of
from cityledger.errors import ConfigurationError, InputError, NodeError, NodeUnreachableError

MAX_ANSWER_BYTES = 64 * 1024 * 1024
IDEMPOTENCY_KEY = "Idempotency-Key"
_ATTEMPTS = 3
_PAUSE_SECONDS = 0.2
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_NOTHING_WAS_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


@dataclass(frozen=True, slots=True)
class Request:
    """``path`` begins with a slash and is quoted. At most one of ``json``, ``content`` and ``form``."""

    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    json: object = None
    content: bytes | None = None
    form: Mapping[str, str] | None = None

    @property
    def is_repeatable(self) -> bool:
        """Whether sending it twice has the effect of sending it once."""
        return self.method == "GET" or IDEMPOTENCY_KEY in self.headers


@dataclass(frozen=True, slots=True)
class Answer:
    """What a node answered, after its status was found good. ``body`` is exactly what came."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as strict JSON.

        Raises:
            NodeError: it is none.
        """
        try:
            return strict_json.parse(self.body, max_bytes=MAX_ANSWER_BYTES)
        except InputError as error:
            raise NodeError(f"the node's answer is not strict JSON: {error}") from error


class Connection:
    """Usable from several threads. ``transport`` stands in for the network in tests."""

    def __init__(
        self,
        base_url: str,
        *,
        timeout_seconds: float,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._sleep = sleep
        host = urlsplit(self.base_url).hostname
        if urlsplit(self.base_url).scheme not in ("http", "https") or not host:
            raise ConfigurationError(f"a node's URL begins with http:// or https://, not {base_url[:100]!r}")
        self.host = host
        self._http = httpx.Client(
            timeout=timeout_seconds,
            transport=transport,
            headers={"User-Agent": f"cityledger/{__version__}"},
            trust_env=not self.is_local,  # a proxy cannot reach this machine's own ports
        )

    @property
    def is_local(self) -> bool:
        """Whether the node is on this machine."""
        return self.host in _LOOPBACK

    def close(self) -> None:
        self._http.close()

    def send(self, request: Request, bearer: str | None = None) -> Answer:
        """The answer, if its status is good.

        A request that reached nobody is repeated; one that may have arrived only if that is harmless.

        Raises:
            NodeUnreachableError: no answer came.
            CityledgerError: the node's problem as the error that it stands for.
        """
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return _judged(self._send_once(request, bearer))
            except httpx.HTTPError as error:
                may_repeat = request.is_repeatable or isinstance(error, _NOTHING_WAS_SENT)
                if attempt == _ATTEMPTS or not may_repeat:
                    # Without the URL's path: it may hold a record's id.
                    told = f"{self.base_url} does not answer: {type(error).__name__}"
                    raise NodeUnreachableError(told) from error
                self._sleep(_PAUSE_SECONDS * attempt)
        raise AssertionError("the loop returns or raises")

    def _send_once(self, request: Request, bearer: str | None) -> httpx.Response:
        headers = dict(request.headers)
        if bearer is not None:
            headers["Authorization"] = f"Bearer {bearer}"
        if request.content is not None:
            headers["Content-Type"] = "application/json"
        return self._http.request(
            request.method,
            self.base_url + request.path,
            params=dict(request.params) or None,
            # Bytes: header values may be text beyond ASCII, and the node reads them as UTF-8.
            headers=[(name.encode(), value.encode()) for name, value in headers.items()],
            json=request.json,
            content=request.content,
            data=dict(request.form) if request.form is not None else None,
        )


def _judged(response: httpx.Response) -> Answer:
    if response.is_success:
        return Answer(response.status_code, response.headers, response.content)
    raise error_of(response.status_code, _problem(response))


def _problem(response: httpx.Response) -> Mapping[str, object]:
    try:
        held = response.json()
    except ValueError:
        held = None
    return held if isinstance(held, dict) else {"detail": response.reason_phrase}

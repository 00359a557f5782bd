"""Counts and logs each request by its route's template, so that neither contains ids, queries or names.

It is also the last handler: an error that escapes a route is answered and logged without its text, since the
message of a driver's or parser's error may quote a payload.
"""

from __future__ import annotations

import logging
import time

from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cityledger.api.http.problems import answer_unexpected
from cityledger.api.http.response_streams import StreamCutError
from cityledger.errors import places_of

log = logging.getLogger(__name__)
_NO_ROUTE = "none"
_BROKEN_OFF = 499
"""The status under which a request is counted if its client closed the connection before it was complete; no
answer is sent."""
_METHODS = frozenset({"GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS"})


class Observer:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, registry: CollectorRegistry) -> None:
        self._app = app
        self._requests = Counter(
            "cityledger_requests",
            "Requests by status; 499 is a client that closed before its request was complete. Alert when"
            " status 5xx is over 1 % of 2xx and 5xx together: any client can cause any number of 4xx.",
            ["method", "route", "status"],
            registry=registry,
        )
        self._seconds = Histogram(
            "cityledger_request_seconds",
            "Seconds to the end of the answer. Alert when the 95th percentile is over 2 s.",
            ["route"],
            registry=registry,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, begun = 0, time.monotonic()

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except StreamCutError:
            pass  # returning without an end makes the server drop the connection
        except ClientDisconnect:
            status = status or _BROKEN_OFF
        except Exception as error:
            log.error("unexpected error=%s at=%s", type(error).__name__, places_of(error))
            if status == 0:
                await answer_unexpected()(scope, receive, noting)
        finally:
            self._note(scope, status, time.monotonic() - begun)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", _NO_ROUTE)
        # The client chooses an unknown method; as a label it would let any client grow the metrics. A route
        # is known also where it does not accept the method.
        method = scope["method"] if route != _NO_ROUTE and scope["method"] in _METHODS else _NO_ROUTE
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)
        log.info("request method=%s route=%s status=%d ms=%.1f", method, route, status, seconds * 1000)

"""Serves a node's metrics at an address of their own: any client may reach the API, but not the metrics."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable

from anyio import CapacityLimiter, move_on_after, to_thread
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from cityledger.api.limits.guarded_protocol import Guard
from cityledger.api.limits.guarded_server import GuardedServer, listen
from cityledger.exchange.instruments import Instruments
from cityledger.settings import Settings

log = logging.getLogger(__name__)
MOST_CONNECTIONS, MOST_OF_AN_ADDRESS = 16, 8
"""Prometheus keeps one open. As at the API, one that has no complete request gives way to a new one."""
WAIT_SECONDS = 10.0
"""How long a scrape waits for others, as long as Prometheus waits for a scrape by default."""


class MetricsServer:
    """Answers every path in Prometheus's text format, from a thread of its own, until ``close``. Connections
    have the limits of the API's in time and size, and lower ones in number.
    """

    def __init__(self, server: GuardedServer, listener: socket.socket) -> None:
        self._server = server
        self._listener = listener
        self._thread = threading.Thread(target=self._serve, name="metrics", daemon=True)
        self._thread.start()

    @classmethod
    def start(cls, settings: Settings, instruments: Instruments) -> MetricsServer:
        """Serves at ``metrics_host`` and ``metrics_port``; port 0 takes a free one.

        Raises:
            ConfigurationError: nothing can listen there.
        """
        listener = listen(
            settings.metrics_host,
            settings.metrics_port or 0,
            lambda: instruments.refused("open-files"),
            "set another metrics_port",
        )
        guard = Guard.of(settings, instruments, MOST_CONNECTIONS, MOST_OF_AN_ADDRESS)
        return cls(GuardedServer(_app(instruments.registry), settings, guard), listener)

    @property
    def port(self) -> int:
        """The port that it listens at."""
        port: int = self._listener.getsockname()[1]
        return port

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        try:
            self._server.run(sockets=[self._listener])
        except Exception:
            log.exception("the metrics server ended")


def _encoder(accept: str) -> tuple[Callable[[Collector], bytes], str]:
    try:
        return choose_encoder(accept)
    except (TypeError, ValueError):  # the library fails on versions that are not numbers
        return choose_encoder("")


def _app(registry: CollectorRegistry) -> Starlette:
    # One scrape at a time: each reads the database, whose connections requests need.
    turn = CapacityLimiter(1)

    async def metrics(request: Request) -> Response:
        encode, media_type = _encoder(request.headers.get("accept", ""))
        names = request.query_params.getlist("name[]")
        chosen = registry.restricted_registry(names) if names else registry
        with move_on_after(WAIT_SECONDS):
            text = await to_thread.run_sync(encode, chosen, limiter=turn)
            return Response(text, headers={"Content-Type": media_type})
        return PlainTextResponse("other scrapes are answered first\n", 503, {"Retry-After": "5"})

    return Starlette(routes=[Route("/{path:path}", metrics)])

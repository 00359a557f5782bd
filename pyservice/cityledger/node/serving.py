"""Serves a node over HTTP from a thread of this process, and stops it without losing what it acknowledged."""

from __future__ import annotations

import logging
import socket
import threading
import time
from types import TracebackType

import httpx
import uvicorn

from cityledger.api.application import create_app
from cityledger.api.limits.guarded_protocol import Guard
from cityledger.api.limits.guarded_server import GuardedServer, listen
from cityledger.api.limits.listening import connection_limit
from cityledger.errors import UnavailableError
from cityledger.metrics.serving import MetricsServer
from cityledger.node.api_context import api_context
from cityledger.node.wiring import Node
from cityledger.settings.own_machine import local_url

_log = logging.getLogger(__name__)
_POLL_SECONDS = 0.05


class ServedNode:
    """A node whose loops run and whose API answers at ``url``. As a context manager it closes at the end."""

    def __init__(
        self, node: Node, server: uvicorn.Server, listener: socket.socket, metrics: MetricsServer | None
    ) -> None:
        self.node = node
        self._metrics = metrics
        self._server = server
        self._listener = listener
        self._url = local_url(*listener.getsockname()[:2])
        self._thread = threading.Thread(target=self._serve, name="api", daemon=True)
        self._is_closed = False

    @classmethod
    def start(cls, node: Node, *, host: str | None = None, port: int | None = None) -> ServedNode:
        """Begins to listen and starts the node's loops; returns before the index has caught up. The node is
        this object's from now on: ``close`` closes it too.

        Host and port are those of the settings unless given; port 0 takes a free one.

        Raises:
            ConfigurationError: nothing can listen there, or at the settings' place for metrics.
        """
        settings = node.settings
        listener = listen(
            settings.host if host is None else host,
            settings.port if port is None else port,
            lambda: node.services.instruments.refused("open-files"),
        )
        try:
            server = _server(node, listener)
            served = cls(node, server, listener, _serve_metrics(node))
        except BaseException:
            listener.close()
            raise
        node.start()
        served._thread.start()
        return served

    @property
    def url(self) -> str:
        """``http://host:port``, as a client on this machine reaches it."""
        return self._url

    @property
    def metrics_port(self) -> int | None:
        """Where metrics are served, None where they are not."""
        return None if self._metrics is None else self._metrics.port

    @property
    def is_running(self) -> bool:
        """Whether the API's thread is alive; it ends by ``close`` or by a failure that is in the log."""
        return self._thread.is_alive()

    def wait_until_ready(self, seconds: float) -> None:
        """Returns once ``/readyz`` says that the node may be asked.

        Raises:
            UnavailableError: not within ``seconds``; names the checks that fail.
        """
        deadline = time.monotonic() + seconds
        unready = "the API does not answer"
        while time.monotonic() < deadline and self.is_running:
            unready = self._unready() or ""
            if not unready:
                return
            time.sleep(_POLL_SECONDS)
        raise UnavailableError(f"the node did not become ready within {seconds:g} s: {unready}")

    def close(self) -> None:
        """Accepts no more requests, lets the open ones end, closes the node. Closing twice does nothing."""
        if self._is_closed:
            return
        self._is_closed = True
        self._server.should_exit = True
        self._thread.join()
        self._listener.close()
        if self._metrics is not None:
            self._metrics.close()
        self.node.close()

    def __enter__(self) -> ServedNode:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _serve(self) -> None:
        try:
            self._server.run(sockets=[self._listener])
        except Exception:
            _log.exception("the API ended")

    def _unready(self) -> str | None:
        """What ``/readyz`` complains about, None when it does not."""
        try:
            # trust_env off: a proxy of the environment has no business between a process and itself.
            answer = httpx.get(f"{self.url}/readyz", timeout=5, trust_env=False)
        except httpx.HTTPError as error:
            return type(error).__name__
        return None if answer.status_code == httpx.codes.OK else answer.text[:500]


def _serve_metrics(node: Node) -> MetricsServer | None:
    if node.settings.metrics_port is None:
        return None
    metrics = MetricsServer.start(node.settings, node.services.instruments)
    _log.info("metrics served host=%s port=%d", node.settings.metrics_host, metrics.port)
    return metrics


def _server(node: Node, listener: socket.socket) -> uvicorn.Server:
    host, port = listener.getsockname()[:2]
    app = create_app(api_context(node, host=host, port=port))
    settings, instruments = node.settings, node.services.instruments
    most = connection_limit(settings.max_connections)
    guard = Guard.of(settings, instruments, most, settings.max_connections_per_address)
    return GuardedServer(app, settings, guard)

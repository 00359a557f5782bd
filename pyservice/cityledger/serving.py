"""Serves a node over HTTP from a thread of this process, and stops it without losing what it acknowledged."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
import time
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import cast

import httpx
import uvicorn
from fastapi import FastAPI

from cityledger.api.application import create_app
from cityledger.api.limits.guarded_protocol import Guard, GuardedProtocol
from cityledger.api.limits.listening import Listener, connection_limit
from cityledger.app import Node, api_of
from cityledger.errors import ConfigurationError, UnavailableError
from cityledger.exchange.instruments import Instruments
from cityledger.metrics.serving import MetricsServer
from cityledger.settings import Settings

_log = logging.getLogger(__name__)
GRACE_SECONDS = 10
"""How long open requests may go on once the node was told to stop."""
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
        self._url = _url(listener)
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
        listener = _listen(
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
        told = "the API does not answer"
        while time.monotonic() < deadline and self.is_running:
            told = self._unready() or ""
            if not told:
                return
            time.sleep(_POLL_SECONDS)
        raise UnavailableError(f"the node did not become ready within {seconds:g} s: {told}")

    def close(self) -> None:
        """Takes no more requests, lets the open ones end, closes the node. Closing twice does nothing."""
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


class GuardedServer(uvicorn.Server):
    """uvicorn's server, with limits on its connections."""

    def __init__(self, app: FastAPI, settings: Settings, instruments: Instruments) -> None:
        self._guard = Guard.of(settings, instruments, connection_limit(settings.max_connections))
        config = uvicorn.Config(
            app,
            http=cast(type[asyncio.Protocol], partial(GuardedProtocol, self._guard)),  # called like the class
            log_config=None,  # that of the process stays in effect
            access_log=False,
            ws="none",
            proxy_headers=bool(settings.trusted_proxies),
            forwarded_allow_ips=settings.trusted_proxies,
            server_header=False,
            timeout_keep_alive=settings.keep_alive_seconds,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        super().__init__(config)

    async def main_loop(self) -> None:
        expiring = asyncio.create_task(self._guard.expire_for_ever())
        try:
            await super().main_loop()
        finally:
            expiring.cancel()


def _serve_metrics(node: Node) -> MetricsServer | None:
    settings = node.settings
    if settings.metrics_port is None:
        return None
    registry = node.services.instruments.registry
    metrics = MetricsServer.start(settings.metrics_host, settings.metrics_port, registry)
    _log.info("metrics served host=%s port=%d", settings.metrics_host, metrics.port)
    return metrics


def _server(node: Node, listener: socket.socket) -> uvicorn.Server:
    host, port = listener.getsockname()[:2]
    app = create_app(api_of(node, host=host, port=port))
    return GuardedServer(app, node.settings, node.services.instruments)


def _listen(host: str, port: int, refused: Callable[[], None] = lambda: None) -> Listener:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise ConfigurationError(
            f"nothing can listen at {host} port {port}: {error.strerror}; name another with --port"
        ) from error
    # asyncio does this only for sockets that it made itself; without it each answer waits 40 ms for an ACK.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Listener(listener, refused)


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"

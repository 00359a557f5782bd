"""Serves a node's figures at an address of their own: its API is open to everybody, and they are not."""

from __future__ import annotations

import threading
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, start_http_server

from cityledger.errors import ConfigurationError


class MetricsServer:
    """Answers every path in Prometheus's text format, from threads of its own, until ``close``."""

    def __init__(self, server: WSGIServer, thread: threading.Thread) -> None:
        self._server = server
        self._thread = thread

    @classmethod
    def start(cls, host: str, port: int, registry: CollectorRegistry) -> MetricsServer:
        """Port 0 takes a free one.

        Raises:
            ConfigurationError: nothing can listen there.
        """
        try:
            server, thread = start_http_server(port, host, registry)
        except OSError as error:
            told = f"metrics: nothing can listen at {host} port {port}: {error.strerror}"
            raise ConfigurationError(f"{told}; set another metrics_port") from error
        return cls(server, thread)

    @property
    def port(self) -> int:
        """The port that it listens at."""
        return self._server.server_port

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

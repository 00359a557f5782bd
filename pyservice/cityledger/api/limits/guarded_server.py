"""uvicorn's server with limits on its connections, and the socket that it listens at."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from functools import partial
from typing import cast

import uvicorn
from starlette.types import ASGIApp

from cityledger.api.limits.guarded_protocol import Guard, GuardedProtocol
from cityledger.api.limits.listening import Listener
from cityledger.errors import ConfigurationError
from cityledger.settings import Settings

GRACE_SECONDS = 10
"""How long open requests may continue after a server was asked to stop."""


class GuardedServer(uvicorn.Server):
    """Serves one application behind one guard. Ends when ``should_exit`` is set."""

    def __init__(self, app: ASGIApp, settings: Settings, guard: Guard) -> None:
        self._guard = guard
        config = uvicorn.Config(
            app,
            http=cast(type[asyncio.Protocol], partial(GuardedProtocol, guard)),  # called like the class
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


def listen(
    host: str,
    port: int,
    refused: Callable[[], None] = lambda: None,
    remedy: str = "name another with --port",
) -> Listener:
    """A socket that listens; port 0 takes a free one. ``refused`` is called for each connection that finds no
    free file; ``remedy`` ends the error's message.

    Raises:
        ConfigurationError: the address or the port cannot be used.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise ConfigurationError(
            f"nothing can listen at {host} port {port}: {error.strerror}; {remedy}"
        ) from error
    # asyncio does this only for sockets that it made itself; without it each answer waits 40 ms for an ACK.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Listener(listener, refused)

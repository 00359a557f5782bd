"""uvicorn's HTTP/1.1 connection with limits of number and time.

uvicorn itself closes only idle connections: one that sends half a header, half of a body that no route
reads, or that reads no bytes of its answer stays open for ever.
"""

from __future__ import annotations

import asyncio
import logging
import math
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle
from uvicorn.server import ServerState

from cityledger.api.http.hanging_up import announce
from cityledger.api.limits.connections import Connections
from cityledger.exchange.instruments import Instruments
from cityledger.settings import Settings
from cityledger.settings.networks import parse_networks

_errors = logging.getLogger("uvicorn.error.connections")
"""Of failures alone: uvicorn warns of each malformed request, and of each that asks for another protocol,
so that any client could fill the log. The former are counted instead.
"""
_errors.setLevel(logging.ERROR)
EXPIRE_EVERY_SECONDS = 0.25
UNREAD_SECONDS = 5.0
"""Time limit for the rest of a body that no route reads. If the connection were closed at once, a client that
still sends would lose the answer.
"""
UNREAD_BYTES = 16_777_216
_NO_PLACE = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
)
_TOO_LATE = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Guard:
    """What the connections of one server share. Times are seconds."""

    connections: Connections
    instruments: Instruments
    header_seconds: float
    answer_idle_seconds: float
    min_bytes_per_second: float

    @classmethod
    def of(cls, settings: Settings, instruments: Instruments, most: int, most_each: int) -> Guard:
        """``most`` connections at a time, and ``most_each`` of one address."""
        proxies = parse_networks(settings.trusted_proxies)
        return cls(
            connections=Connections(most, most_each, proxies),
            instruments=instruments,
            header_seconds=settings.header_seconds,
            answer_idle_seconds=settings.answer_idle_seconds,
            min_bytes_per_second=settings.body_min_bytes_per_second,
        )

    async def expire_for_ever(self) -> None:
        """Closes connections whose time limit has passed, until it is cancelled."""
        while True:
            await asyncio.sleep(EXPIRE_EVERY_SECONDS)
            self.connections.expire(asyncio.get_running_loop().time())


class GuardedProtocol(H11Protocol):
    """One connection. It is busy from a complete header to the end of the answer; otherwise it waits."""

    def __init__(
        self,
        guard: Guard,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.logger = _errors
        self._guard = guard
        self._hung_up = asyncio.Event()
        self._request_due = math.inf
        """When a header that began, or the rest of a body that no route reads, must be complete."""
        self._unread_bytes = 0
        self._unsent_bytes = 0
        self._drain_due = math.inf
        """When some of the answer must have been taken."""
        self._end_due = math.inf
        """When a closing connection is given up, whatever is unsent."""

    # --- asyncio's calls ------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if self._guard.connections.admit(self, self.client[0] if self.client else ""):
            self._request_due = self.loop.time() + self._guard.header_seconds
            return
        self._guard.instruments.refused("connections")
        transport.write(_NO_PLACE)
        transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._guard.connections.forget(self)
        self._hung_up.set()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.transport.is_closing() or self._is_busy():
            return
        if self.conn.their_state is h11.SEND_BODY:
            self._unread_bytes += len(data)
            if self._unread_bytes > UNREAD_BYTES:
                self._close("unread-body")
        elif self._request_due == math.inf or self._unread_bytes:
            # Bytes of a header, and uvicorn stopped its timer of idle connections for them.
            self._unread_bytes = 0
            self._request_due = self.loop.time() + self._guard.header_seconds

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unsent_bytes = self.transport.get_write_buffer_size()
        self._drain_due = self.loop.time() + self._guard.answer_idle_seconds

    def resume_writing(self) -> None:
        self._drain_due = math.inf
        super().resume_writing()

    # --- uvicorn's calls ------------------------------------------------------------------------------------

    def handle_events(self) -> None:
        before = self.cycle
        super().handle_events()
        if self.cycle is not before:
            announce(self.cycle.scope["state"], self._hung_up)
            self._request_due, self._unread_bytes = math.inf, 0
            self._guard.connections.is_busy(self)

    def on_response_complete(self) -> None:
        answered = self.cycle
        super().on_response_complete()
        if self.cycle is not answered or self.transport.is_closing():
            return  # the next request was waiting already, or none may follow
        self._guard.connections.waits(self)
        if self.conn.their_state is h11.SEND_BODY:
            self._unread_bytes = 1
            self._request_due = self.loop.time() + UNREAD_SECONDS

    def send_400_response(self, msg: str) -> None:
        self._guard.instruments.refused("malformed")
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            # h11 accepts no body in an answer to HEAD, and uvicorn sends one.
            with suppress(h11.LocalProtocolError):
                super().send_400_response(msg)
        self.transport.close()
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is not None and not cycle.response_complete:
            # Its application would answer, too: h11 would fail, which counts as a failure of the node.
            cycle.disconnected = True
            cycle.message_event.set()

    # --- the registry's calls -------------------------------------------------------------------------------

    def drop(self) -> None:
        self._close("connections")

    def expire(self, now: float) -> None:
        if self.transport.is_closing():
            self._expire_end(now)
        elif now >= self._drain_due:
            self._expire_answer(now)
        elif now >= self._request_due:
            if self.conn.trailing_data[0] and not self._unread_bytes:
                self.transport.write(_TOO_LATE)
            self._close("unread-body" if self._unread_bytes else "header-time")

    def _expire_answer(self, now: float) -> None:
        unsent = self.transport.get_write_buffer_size()
        least = self._guard.min_bytes_per_second * self._guard.answer_idle_seconds
        if unsent > self._unsent_bytes - least:
            self._guard.instruments.refused("answer-time")
            self.transport.abort()
        self._unsent_bytes = unsent
        self._drain_due = now + self._guard.answer_idle_seconds

    def _expire_end(self, now: float) -> None:
        if now >= self._end_due:
            self._guard.instruments.refused("answer-time")
            self.transport.abort()
        self._end_due = min(self._end_due, now + self._guard.answer_idle_seconds)

    def _is_busy(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and not cycle.response_complete

    def _close(self, limit: str) -> None:
        self._guard.instruments.refused(limit)
        self._unset_keepalive_if_required()
        self.transport.close()

"""A relay of WebSockets between a client and a devnet."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect as connect_socket
from websockets.sync.server import Server, ServerConnection, serve


class RelayedSockets:
    """Relays each WebSocket to the devnet, which speaks both protocols at one port."""

    def __init__(self, target: str, is_refused: Callable[[], bool]) -> None:
        self._target, self._is_refused = target, is_refused
        self._open: set[ServerConnection] = set()
        self._server: Server = serve(self._relay, "127.0.0.1", 0)
        host, port = self._server.socket.getsockname()[:2]
        self.url = f"ws://{host}:{port}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def cut(self) -> int:
        cut = list(self._open)
        for one in cut:
            with suppress(OSError):
                one.socket.shutdown(socket.SHUT_RDWR)
        return len(cut)

    def close(self) -> None:
        self.cut()
        self._server.shutdown()
        self._thread.join()

    def _relay(self, near: ServerConnection) -> None:
        if self._is_refused():
            near.close(1013)
            return
        self._open.add(near)
        try:
            with connect_socket(self._target, proxy=None) as far:
                onward = threading.Thread(target=_pump, args=(near, far))
                onward.start()
                _pump(far, near)
                onward.join()
        finally:
            self._open.discard(near)


def _pump(source: Any, sink: Any) -> None:
    """Relays messages until either side closes, and then closes both."""
    try:
        for message in source:
            sink.send(message)
    except (WebSocketException, OSError):
        pass
    finally:
        for one in (source, sink):
            with suppress(WebSocketException, OSError):
                one.close()

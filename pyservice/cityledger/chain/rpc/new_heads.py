"""A WebSocket that announces new blocks. It only notifies: the block itself is read over HTTP, by hash."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect
from websockets.sync.connection import Connection

from cityledger.chain.rpc.endpoint import masked

_log = logging.getLogger(__name__)
OPEN_SECONDS = 5.0
PING_SECONDS = 5.0
"""A connection that does not answer pings for this long is closed."""
SILENT_SECONDS = 60.0
"""And so is one that announces no block for this long: its subscription may be gone."""
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0
_POLL_SECONDS = 0.5
"""Interval at which the thread checks whether it must end."""
_SUBSCRIBE = {"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"]}
_FAILURES = (WebSocketException, OSError, TypeError, ValueError, TimeoutError)


class NewHeads:
    """Calls ``on_head`` for each new block, from the thread of ``run``."""

    def __init__(self, ws_url: str, on_head: Callable[[], None]) -> None:
        self._url = ws_url
        self._on_head = on_head
        self._is_up = False

    @property
    def is_up(self) -> bool:
        """Whether blocks are announced at present."""
        return self._is_up

    def run(self, stop: threading.Event) -> None:
        """Listens until ``stop`` is set; reconnects after growing pauses when the connection breaks."""
        pause = FIRST_PAUSE_SECONDS
        while not stop.is_set():
            try:
                # No proxy of the environment, as over HTTP.
                with connect(
                    self._url,
                    open_timeout=OPEN_SECONDS,
                    ping_interval=PING_SECONDS,
                    ping_timeout=PING_SECONDS,
                    close_timeout=1,
                    proxy=None,
                ) as opened:
                    self._subscribe(opened)
                    pause = FIRST_PAUSE_SECONDS
                    self._listen(opened, stop)
            except _FAILURES as error:
                shown = masked(self._url)
                _log.warning("new heads not announced endpoint=%s error=%s", shown, type(error).__name__)
            finally:
                self._is_up = False
                self._on_head()  # the loop has to poll quickly from now on
            stop.wait(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    def _subscribe(self, opened: Connection) -> None:
        opened.send(json.dumps(_SUBSCRIBE))
        if "result" not in json.loads(opened.recv(timeout=OPEN_SECONDS)):
            raise ValueError("no subscription")
        self._is_up = True
        _log.info("new heads announced endpoint=%s", masked(self._url))
        self._on_head()  # for blocks between the last poll and the subscription

    def _listen(self, opened: Connection, stop: threading.Event) -> None:
        silent = 0.0
        while not stop.is_set() and silent < SILENT_SECONDS:
            try:
                opened.recv(timeout=_POLL_SECONDS)
            except TimeoutError:
                silent += _POLL_SECONDS
                continue
            # Whatever the message was, it is never wrong to read the chain.
            silent = 0.0
            self._on_head()

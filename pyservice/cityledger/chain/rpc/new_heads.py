"""A WebSocket that tells of new blocks. It only wakes: what the block is, is asked over HTTP, by hash."""

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
"""A connection that does not answer pings for so long is given up."""
SILENT_SECONDS = 60.0
"""And so is one that tells of no block for so long: its subscription may be gone."""
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0
_LOOK_SECONDS = 0.5
"""How often the thread looks whether it is to end."""
_SUBSCRIBE = {"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"]}
_FAILURES = (WebSocketException, OSError, TypeError, ValueError, TimeoutError)


class NewHeads:
    """Calls ``woken`` for each new block, from the thread of ``run``."""

    def __init__(self, ws_url: str, woken: Callable[[], None]) -> None:
        self._url = ws_url
        self._woken = woken
        self._is_up = False

    @property
    def is_up(self) -> bool:
        """Whether blocks are being told of."""
        return self._is_up

    def run(self, stop: threading.Event) -> None:
        """Listens until ``stop`` is set; opens the connection anew, after growing pauses, when it breaks."""
        pause = FIRST_PAUSE_SECONDS
        while not stop.is_set():
            try:
                # No proxy of the environment: the node speaks to the chain as it does over HTTP.
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
                _log.warning("new heads not told endpoint=%s error=%s", shown, type(error).__name__)
            finally:
                self._is_up = False
                self._woken()  # the loop is to poll quickly from now on
            stop.wait(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    def _subscribe(self, opened: Connection) -> None:
        opened.send(json.dumps(_SUBSCRIBE))
        if "result" not in json.loads(opened.recv(timeout=OPEN_SECONDS)):
            raise ValueError("no subscription")
        self._is_up = True
        _log.info("new heads told endpoint=%s", masked(self._url))
        self._woken()  # for what came between the last look and the subscription

    def _listen(self, opened: Connection, stop: threading.Event) -> None:
        silent = 0.0
        while not stop.is_set() and silent < SILENT_SECONDS:
            try:
                opened.recv(timeout=_LOOK_SECONDS)
            except TimeoutError:
                silent += _LOOK_SECONDS
                continue
            # Whatever was said, looking at the chain is never wrong.
            silent = 0.0
            self._woken()

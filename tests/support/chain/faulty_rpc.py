"""A JSON-RPC proxy in front of a devnet that misbehaves as told: what endpoints do on bad days, one fault
at a time or by the throw of a seeded die.

::

    with faulty_rpc(devnet.rpc_url) as rpc:
        rpc.on(Fault.LAGGING)                          # until rpc.off(Fault.LAGGING)
        rpc.once(Fault.DROP_AFTER, 2)                  # the next two requests
        rpc.schedule(seed=7, share=0.2)                # a fifth of the requests, a random fault each
        endpoint = connect(rpc.url, CHAIN_ID)
    assert rpc.counts[Fault.LAGGING]
"""

from __future__ import annotations

import json
import random
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect as connect_socket
from websockets.sync.server import Server, ServerConnection, serve

Request = dict[str, Any]
Answer = dict[str, Any]
Lie = Callable[[Request, Answer], Answer]
"""Makes another answer of the true one."""


class Fault(StrEnum):
    DROP_BEFORE = "drop before"
    """Closes without an answer; the chain never hears of it."""
    DROP_AFTER = "drop after"
    """Forwards, then closes without the answer."""
    DELAY = "delay"
    DUPLICATE = "duplicate"
    """Forwards twice and answers with the second answer."""
    TOO_MANY = "429"
    SERVER_ERROR = "502"
    TRUNCATED = "truncated"
    """Half of the answer's JSON, as a whole HTTP answer."""
    MISSING_ITEM = "missing item"
    """A batch's answer lacks its last item."""
    OTHER_CHAIN = "other chain"
    """Everything is asked of ``other_url``; without one, only eth_chainId lies."""
    LAGGING = "lagging"
    """Answers as the chain stood ``lag_blocks`` ago."""
    MISSING_LOGS = "missing logs"
    """eth_getLogs succeeds and holds nothing."""
    MISSING_RANGE_LOGS = "missing range logs"
    """As ``MISSING_LOGS``, but a block asked by hash is answered in full."""
    NO_RECEIPTS = "no receipts"
    """Refuses eth_getBlockReceipts, as endpoints do that do not know it."""
    DEEP = "deep"
    """JSON of more brackets than a parser goes into, as a whole HTTP answer."""
    SILENT = "silent"
    """Takes the request and says nothing until the connection is given up."""
    NO_RANGES = "no ranges"
    """Refuses eth_getLogs over more than one block."""


PASSING = (
    Fault.DROP_BEFORE,
    Fault.DROP_AFTER,
    Fault.DELAY,
    Fault.DUPLICATE,
    Fault.TOO_MANY,
    Fault.SERVER_ERROR,
    Fault.TRUNCATED,
    Fault.MISSING_ITEM,
    Fault.LAGGING,
)
"""What every endpoint does now and then; nobody may lose anything by them, however they fall."""
_NAMED = {"latest": 0, "pending": 0, "safe": 1, "finalized": 2, "earliest": None}
"""How far below the head a devnet's names are (``--slots-in-an-epoch 1``)."""
_BLOCK_AT = {
    "eth_getBlockByNumber": 0,
    "eth_call": 1,
    "eth_estimateGas": 1,
    "eth_getBalance": 1,
    "eth_getCode": 1,
    "eth_getTransactionCount": 1,
    "eth_getStorageAt": 2,
    "eth_getProof": 2,
}
"""Where a method names its block."""


@dataclass(frozen=True, slots=True)
class _Schedule:
    dice: random.Random
    share: float
    faults: tuple[Fault, ...]


class FaultyRpc:
    """Listens at ``url`` (HTTP) and, once ``listen_socket`` was called, at ``ws_url``."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.other_url: str | None = None
        self.lag_blocks = 5
        self.delay_seconds = 0.5
        self.lies: dict[str, Lie] = {}
        """What becomes of the answers to a method; see ``lying_rpc``."""
        self.swallows: set[str] = set()
        """Methods that are lied about and never asked of the chain."""
        self.only: frozenset[str] | None = None
        """Methods that faults befall; None: all. A batch is befallen if one of its requests is."""
        self.counts: Counter[Fault] = Counter()
        self.requests = 0
        """HTTP requests as they came in, a batch as one."""
        self.asked: Counter[str] = Counter()
        """Requests by method, as they came in."""
        self.ws_url = ""
        self.refuses_sockets = False
        self._on: set[Fault] = set()
        self._once: Counter[Fault] = Counter()
        self._schedule: _Schedule | None = None
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._http = httpx.Client(timeout=30, trust_env=False)
        self._open: set[socket.socket] = set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()
        self._sockets: _Sockets | None = None

    # --- the test's hand ------------------------------------------------------------------------------------

    def on(self, *faults: Fault) -> None:
        """Each request is befallen by these, until ``off``."""
        with self._lock:
            self._on |= set(faults)

    def off(self, *faults: Fault) -> None:
        """Ends these faults; without any, all of them and the schedule."""
        with self._lock:
            self._on -= set(faults or Fault)
            if not faults:
                self._once.clear()
                self._schedule = None

    def once(self, fault: Fault, times: int = 1) -> None:
        """The next ``times`` requests are befallen."""
        with self._lock:
            self._once[fault] += times

    def schedule(self, seed: int, share: float, faults: Sequence[Fault] = PASSING) -> None:
        """That share of the requests, 0 to 1, is befallen by one of the faults; the seed decides which."""
        with self._lock:
            # Tests need the same throws again, not secrecy.
            self._schedule = _Schedule(random.Random(seed), share, tuple(faults))

    def listen_socket(self) -> str:
        """Relays WebSockets as well; returns their URL."""
        if self._sockets is None:
            self._sockets = _Sockets(self)
            self.ws_url = self._sockets.url
        return self.ws_url

    def cut_sockets(self) -> int:
        """Drops every open WebSocket without a word; returns how many."""
        return 0 if self._sockets is None else self._sockets.cut()

    def close(self) -> None:
        self._closing.set()
        if self._sockets is not None:
            self._sockets.close()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        for one in list(self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._http.close()

    # --- answering ------------------------------------------------------------------------------------------

    def answer(self, body: bytes) -> tuple[int, bytes] | None:
        """(status, body); None closes the connection."""
        asked = json.loads(body)
        requests = asked if isinstance(asked, list) else [asked]
        faults = self._befallen({request["method"] for request in requests})
        self.asked.update(request["method"] for request in requests)
        self.requests += 1
        if refused := self._refused(faults):
            return refused
        if Fault.DROP_BEFORE in faults:
            return None
        if Fault.SILENT in faults:
            self._closing.wait(60)
            return None
        if Fault.DEEP in faults:
            return 200, b"[" * 5_000
        if Fault.DELAY in faults:
            self._closing.wait(self.delay_seconds)
        for _ in range(2 if Fault.DUPLICATE in faults else 1):
            answers = [self._one(request, faults) for request in requests]
        if Fault.DROP_AFTER in faults:
            return None
        if isinstance(asked, list) and Fault.MISSING_ITEM in faults:
            answers.pop()
        told = json.dumps(answers if isinstance(asked, list) else answers[0]).encode()
        return 200, told[: len(told) // 2] if Fault.TRUNCATED in faults else told

    def ask(self, method: str, *params: Any) -> Any:
        """The chain's own result, past all faults."""
        return self._forward({"jsonrpc": "2.0", "id": 0, "method": method, "params": list(params)}).get(
            "result"
        )

    def _befallen(self, methods: set[str]) -> set[Fault]:
        with self._lock:
            if self.only is not None and not methods & self.only:
                return set()
            befallen = self._on | {fault for fault, left in self._once.items() if left > 0}
            self._once -= Counter(befallen)  # drops what has come to nought
            drawn = self._schedule
            if drawn is not None and drawn.dice.random() < drawn.share:
                befallen = befallen | {drawn.dice.choice(drawn.faults)}
            self.counts.update(befallen)
            return befallen

    @staticmethod
    def _refused(faults: set[Fault]) -> tuple[int, bytes] | None:
        if Fault.TOO_MANY in faults:
            return 429, b'{"message": "Too Many Requests"}'
        return (502, b"<html>Bad Gateway</html>") if Fault.SERVER_ERROR in faults else None

    def _one(self, request: Request, faults: set[Fault]) -> Answer:
        method, params = request["method"], request.get("params", [])
        if Fault.NO_RECEIPTS in faults and method == "eth_getBlockReceipts":
            return _refusal(request, "the method eth_getBlockReceipts does not exist")
        if method in self.lies:
            true = _result(request, "0x" + "ab" * 32) if method in self.swallows else self._forward(request)
            return {**self.lies[method](request, true), "id": request["id"]}
        if Fault.OTHER_CHAIN in faults and self.other_url is None and method == "eth_chainId":
            return _result(request, "0x1")
        if method == "eth_getLogs" and (told := _spoilt_logs(request, params[0], faults)):
            return told
        target = self.other_url if Fault.OTHER_CHAIN in faults else None
        if Fault.LAGGING in faults and method != "eth_sendRawTransaction":
            return self._lagging(request, method, params)
        return self._forward(request, target)

    def _forward(self, request: Request, target: str | None = None) -> Answer:
        answered: Answer = self._http.post(target or self.target, json=request).json()
        return answered

    # --- the past -------------------------------------------------------------------------------------------

    def _lagging(self, request: Request, method: str, params: Sequence[Any]) -> Answer:
        seen = max(0, int(self.ask("eth_blockNumber"), 16) - self.lag_blocks)
        if method == "eth_blockNumber":
            return _result(request, hex(seen))
        if method == "eth_getLogs":
            return self._lagging_logs(request, dict(params[0]), seen)
        if method == "eth_getBlockReceipts":
            return self._forward(request) if self._is_seen(params[0], seen) else _result(request, None)
        if method in ("eth_getBlockByHash", "eth_getTransactionReceipt"):
            return self._unless_newer(self._forward(request), seen)
        place = _BLOCK_AT.get(method)
        if place is None:
            return self._forward(request)
        moved = list(params) if place < len(params) else [*params, "latest"]
        at = moved[place]
        if isinstance(at, dict):
            return self._forward(request) if self._is_seen(at["blockHash"], seen) else _unknown(request)
        number = _height(at, seen)
        if number > seen:
            return _result(request, None) if method == "eth_getBlockByNumber" else _unknown(request)
        moved[place] = hex(number)
        return self._forward({**request, "params": moved})

    def _lagging_logs(self, request: Request, where: dict[str, Any], seen: int) -> Answer:
        if "blockHash" in where:
            return self._forward(request) if self._is_seen(where["blockHash"], seen) else _unknown(request)
        first, last = (_height(where.get(name, "latest"), seen) for name in ("fromBlock", "toBlock"))
        if first > seen:
            return _result(request, [])
        bounded = {**where, "fromBlock": hex(first), "toBlock": hex(min(last, seen))}
        return self._forward({**request, "params": [bounded]})

    def _is_seen(self, block_hash: str, seen: int) -> bool:
        held = self.ask("eth_getBlockByHash", block_hash, False)
        return held is not None and int(held["number"], 16) <= seen

    @staticmethod
    def _unless_newer(answered: Answer, seen: int) -> Answer:
        held = answered.get("result")
        number = None if held is None else held.get("blockNumber", held.get("number"))
        return answered if number is None or int(number, 16) <= seen else {**answered, "result": None}


@contextmanager
def faulty_rpc(target: str) -> Iterator[FaultyRpc]:
    """A proxy in front of the HTTP endpoint ``target``, with no fault yet."""
    made = FaultyRpc(target)
    try:
        yield made
    finally:
        made.close()


def _spoilt_logs(request: Request, where: dict[str, Any], faults: set[Fault]) -> Answer | None:
    is_range = "blockHash" not in where
    if Fault.NO_RANGES in faults and is_range and where.get("fromBlock") != where.get("toBlock"):
        return _refusal(request, "query exceeds max block range")
    missing = Fault.MISSING_LOGS in faults or (is_range and Fault.MISSING_RANGE_LOGS in faults)
    return _result(request, []) if missing else None


def _height(at: Any, seen: int) -> int:
    if at not in _NAMED:
        return int(at, 16)
    below = _NAMED[at]
    return 0 if below is None else max(0, seen - below)


def _result(request: Request, result: Any) -> Answer:
    return {"jsonrpc": "2.0", "id": request["id"], "result": result}


def _refusal(request: Request, message: str) -> Answer:
    return {"jsonrpc": "2.0", "id": request["id"], "error": {"code": -32000, "message": message}}


def _unknown(request: Request) -> Answer:
    return _refusal(request, "unknown block")


def _handler_of(rpc: FaultyRpc) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            super().setup()
            rpc._open.add(self.connection)

        def finish(self) -> None:
            rpc._open.discard(self.connection)
            super().finish()

        def do_POST(self) -> None:
            told = rpc.answer(self.rfile.read(int(self.headers["Content-Length"])))
            if told is None:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            status, body = told
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            pass

    return Handler


class _Sockets:
    """Relays each WebSocket to the devnet, which speaks both protocols at one port."""

    def __init__(self, rpc: FaultyRpc) -> None:
        self._rpc = rpc
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
        if self._rpc.refuses_sockets:
            near.close(1013)
            return
        self._open.add(near)
        try:
            with connect_socket(self._rpc.target.replace("http", "ws", 1), proxy=None) as far:
                onward = threading.Thread(target=_pump, args=(near, far))
                onward.start()
                _pump(far, near)
                onward.join()
        finally:
            self._open.discard(near)


def _pump(source: Any, sink: Any) -> None:
    """Hands messages on until either side is gone, and then closes both."""
    try:
        for message in source:
            sink.send(message)
    except (WebSocketException, OSError):
        pass
    finally:
        for one in (source, sink):
            with suppress(WebSocketException, OSError):
                one.close()

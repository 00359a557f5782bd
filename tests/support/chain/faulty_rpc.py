"""A JSON-RPC proxy in front of a devnet that misbehaves as a test orders: one fault at a time, or
random faults from a seed.

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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

from support.chain.lagging_chain import LaggingChain
from support.chain.relayed_sockets import RelayedSockets
from support.chain.rpc_faults import PASSING, Answer, Fault, Lie, Request, refusal_of, result_of


@dataclass(frozen=True, slots=True)
class _Schedule:
    sampler: random.Random
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
        """Makes another answer of the true one, by method; see ``lying_rpc``."""
        self.swallows: set[str] = set()
        """Methods that are lied about and never asked of the chain."""
        self.only: frozenset[str] | None = None
        """Methods that faults befall; None: all. A batch is befallen if one of its requests is."""
        self.counts: Counter[Fault] = Counter()
        self.requests = 0
        """HTTP requests as they came in, a batch as one."""
        self.methods: Counter[str] = Counter()
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
        self._sockets: RelayedSockets | None = None

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
            self._sockets = RelayedSockets(self.target.replace("http", "ws", 1), lambda: self.refuses_sockets)
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
        message = json.loads(body)
        requests = message if isinstance(message, list) else [message]
        faults = self._draw_faults({request["method"] for request in requests})
        self.methods.update(request["method"] for request in requests)
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
        answers = [self._one(request, faults) for request in requests]
        if Fault.DUPLICATE in faults:
            answers = [self._one(request, faults) for request in requests]
        if Fault.DROP_AFTER in faults:
            return None
        if isinstance(message, list) and Fault.MISSING_ITEM in faults:
            answers.pop()
        encoded = json.dumps(answers if isinstance(message, list) else answers[0]).encode()
        return 200, encoded[: len(encoded) // 2] if Fault.TRUNCATED in faults else encoded

    def ask(self, method: str, *params: Any) -> Any:
        """The chain's own result, past all faults."""
        return self._forward({"jsonrpc": "2.0", "id": 0, "method": method, "params": list(params)}).get(
            "result"
        )

    def _draw_faults(self, methods: set[str]) -> set[Fault]:
        with self._lock:
            if self.only is not None and not methods & self.only:
                return set()
            befallen = self._on | {fault for fault, left in self._once.items() if left > 0}
            self._once -= Counter(befallen)  # drops what has come to nought
            drawn = self._schedule
            if drawn is not None and drawn.sampler.random() < drawn.share:
                befallen = befallen | {drawn.sampler.choice(drawn.faults)}
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
            return refusal_of(request, "the method eth_getBlockReceipts does not exist")
        if method in self.lies:
            true = result_of(request, "0x" + "ab" * 32) if method in self.swallows else self._forward(request)
            return {**self.lies[method](request, true), "id": request["id"]}
        if Fault.OTHER_CHAIN in faults and self.other_url is None and method == "eth_chainId":
            return result_of(request, "0x1")
        if method == "eth_getLogs" and (spoilt := _spoilt_logs(request, params[0], faults)):
            return spoilt
        target = self.other_url if Fault.OTHER_CHAIN in faults else None
        if Fault.LAGGING in faults and method != "eth_sendRawTransaction":
            return LaggingChain(self._forward, self.ask, self.lag_blocks).answer(request)
        return self._forward(request, target)

    def _forward(self, request: Request, target: str | None = None) -> Answer:
        answered: Answer = self._http.post(target or self.target, json=request).json()
        return answered


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
        return refusal_of(request, "query exceeds max block range")
    missing = Fault.MISSING_LOGS in faults or (is_range and Fault.MISSING_RANGE_LOGS in faults)
    return result_of(request, []) if missing else None


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
            answer = rpc.answer(self.rfile.read(int(self.headers["Content-Length"])))
            if answer is None:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            status, body = answer
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            pass

    return Handler

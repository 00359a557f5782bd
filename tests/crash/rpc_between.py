"""A JSON-RPC endpoint between node and chain, whose answers to one method a test gives itself."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

Request = dict[str, Any]
Answer = dict[str, Any]
Ask = Callable[[Request], Answer]
Rule = Callable[[Request, Ask], Answer]


class RpcBetween:
    """Hands everything on to ``target``, save what ``rules`` (by method) say."""

    def __init__(self, target: str) -> None:
        self.rules: dict[str, Rule] = {}
        self._http = httpx.Client(base_url=target, timeout=30, trust_env=False)
        between = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                answers = (
                    [between.answer(one) for one in body] if isinstance(body, list) else between.answer(body)
                )
                sent = json.dumps(answers).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(sent)))
                self.end_headers()
                self.wfile.write(sent)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    def answer(self, request: Request) -> Answer:
        rule = self.rules.get(request["method"])
        return self.ask(request) if rule is None else rule(request, self.ask)

    def ask(self, request: Request) -> Answer:
        answered: Answer = self._http.post("/", json=request).json()
        return answered

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._http.close()


@contextmanager
def rpc_between(target: str) -> Iterator[RpcBetween]:
    made = RpcBetween(target)
    try:
        yield made
    finally:
        made.close()

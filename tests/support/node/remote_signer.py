"""A server with the two calls of Web3Signer that a node uses, on loopback; it keeps one account's key."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from eth_account.signers.local import LocalAccount
from eth_keys.datatypes import PrivateKey

from cityledger.signing import LocalSigner

LIST = "/api/v1/eth1/publicKeys"
SIGN = "/api/v1/eth1/sign/"


@dataclass
class RemoteSigner:
    """``answers`` replaces what it says to a signing request; ``is_down`` makes it refuse everything."""

    account: LocalAccount
    url: str = ""
    answers: str | None = None
    is_down: bool = False
    requests: list[bytes] = field(default_factory=list)

    @property
    def public_key(self) -> str:
        return "0x" + PrivateKey(bytes(self.account.key)).public_key.to_bytes().hex()

    def sign(self, data: bytes) -> str:
        self.requests.append(data)
        return self.answers or "0x" + LocalSigner(self.account).sign(data).hex()


@contextmanager
def remote_signer(account: LocalAccount) -> Iterator[RemoteSigner]:
    signer = RemoteSigner(account)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(json.dumps([signer.public_key]) if self.path == LIST else None)

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            is_ours = self.path == SIGN + signer.public_key
            self._answer(signer.sign(bytes.fromhex(body["data"][2:])) if is_ours else None)

        def _answer(self, text: str | None) -> None:
            self.send_response(503 if signer.is_down else 404 if text is None else 200)
            data = b"" if text is None or signer.is_down else text.encode()
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    signer.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield signer
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from cityledger.chain.rpc import bounded_http
from cityledger.chain.rpc.bounded_http import BoundedHttp
from cityledger.chain.rpc.endpoint import connect
from cityledger.errors import ChainUnavailableError

pytestmark = pytest.mark.loopback(reason="it limits what a server may send")

ANSWER = b'{"jsonrpc": "2.0", "id": 1, "result": "0x7a69"}'


@contextmanager
def answering(*pieces: bytes, encoding: str = "", stalls: threading.Event | None = None) -> Iterator[str]:
    """A server that sends these pieces; the last only once ``stalls`` is set."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", str(sum(map(len, pieces))))
            if encoding:
                self.send_header("Content-Encoding", encoding)
            self.end_headers()
            for place, piece in enumerate(pieces):
                if stalls is not None and place == len(pieces) - 1:
                    stalls.wait(30)
                try:
                    self.wfile.write(piece)
                except OSError:
                    return

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        if stalls is not None:
            stalls.set()
        server.shutdown()
        thread.join()
        server.server_close()


def test_an_answer_in_pieces_is_read_whole() -> None:
    with answering(ANSWER[:5], ANSWER[5:]) as url:
        assert connect(url, 31337).request("eth_chainId") == "0x7a69"


def test_a_packed_answer_is_unpacked() -> None:
    with answering(gzip.compress(ANSWER), encoding="gzip") as url:
        assert connect(url, 31337).request("eth_chainId") == "0x7a69"


def test_an_answer_that_stalls_in_its_middle_is_given_up() -> None:
    with (
        answering(ANSWER[:5], ANSWER[5:], stalls=threading.Event()) as url,
        pytest.raises(ChainUnavailableError),
    ):
        connect(url, 31337, timeout_seconds=0.2)


def test_an_answer_that_comes_byte_by_byte_is_given_up_at_the_timeout(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each byte would restart the library's timeout. Here a clock that jumps replaces the bytes."""
    seconds = iter(range(0, 10_000, 7))
    monkeypatch.setattr("cityledger.chain.rpc.bounded_http.time.monotonic", lambda: float(next(seconds)))
    pieces = [ANSWER[at : at + 1] for at in range(len(ANSWER))]
    with answering(*pieces) as url, pytest.raises(ChainUnavailableError):
        connect(url, 31337, timeout_seconds=5)


def test_an_answer_that_is_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_http, "ANSWER_LIMIT_BYTES", 1_000)
    for encoding, body in (("", b" " * 5_000 + ANSWER), ("gzip", gzip.compress(b" " * 10**6 + ANSWER))):
        with answering(body, encoding=encoding) as url, pytest.raises(ChainUnavailableError):
            connect(url, 31337)


def test_the_url_is_in_no_error() -> None:
    with answering(ANSWER[:5], ANSWER[5:], stalls=threading.Event()) as url:
        provider = BoundedHttp(
            f"{url}/secret-key", request_kwargs={"timeout": 0.2}, exception_retry_configuration=None
        )
        with pytest.raises(OSError) as caught:
            provider.make_request("eth_chainId", [])
        assert "secret" not in str(caught.value)

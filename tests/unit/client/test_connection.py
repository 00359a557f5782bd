"""What is sent twice and what is not, and how failures of the network come out."""

from collections.abc import Callable

import httpx
import pytest

from cityledger.client.connection import IDEMPOTENCY_KEY, Connection, Request
from cityledger.errors import ConfigurationError, NodeError, NodeUnreachableError, UnavailableError

Handler = Callable[[httpx.Request], httpx.Response]
PAUSES: list[float] = []


def connection(handler: Handler) -> Connection:
    transport = httpx.MockTransport(handler)
    return Connection("http://node.test/", timeout_seconds=1, transport=transport, sleep=PAUSES.append)


def failing(error: type[httpx.TransportError], seen: list[httpx.Request]) -> Handler:
    def fail(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        raise error("cut off")

    return fail


@pytest.mark.parametrize(
    ("request_", "error", "times"),
    [
        (Request("GET", "/x"), httpx.ReadTimeout, 3),
        (Request("PUT", "/x", headers={IDEMPOTENCY_KEY: "k"}), httpx.ReadError, 3),
        (Request("PUT", "/x"), httpx.ReadError, 1),
        (Request("POST", "/x"), httpx.RemoteProtocolError, 1),
        (Request("POST", "/x"), httpx.ConnectError, 3),  # nothing was sent
        (Request("DELETE", "/x"), httpx.ReadTimeout, 1),
    ],
)
def test_send_repeats_only_what_is_harmless(
    request_: Request, error: type[httpx.TransportError], times: int
) -> None:
    seen: list[httpx.Request] = []
    with pytest.raises(NodeUnreachableError, match=error.__name__):
        connection(failing(error, seen)).send(request_)
    assert len(seen) == times


def test_send_does_not_repeat_what_the_node_answered() -> None:
    seen: list[httpx.Request] = []

    def busy(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(503, json={"code": "unavailable", "detail": "later"})

    with pytest.raises(UnavailableError, match="later"):
        connection(busy).send(Request("GET", "/x"))
    assert len(seen) == 1


def test_errors_do_not_name_the_record() -> None:
    with pytest.raises(NodeUnreachableError) as failed:
        connection(failing(httpx.ReadError, [])).send(Request("GET", "/v1/datasets/0x/records/secret"))
    assert "secret" not in str(failed.value)


def test_headers_are_sent_as_utf8() -> None:
    seen: list[httpx.Request] = []

    def note(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={})

    connection(note).send(Request("GET", "/x", headers={"Cityledger-Case": "病例"}), bearer="t")
    assert dict(seen[0].headers.raw)[b"Cityledger-Case"].decode("utf-8") == "病例"
    assert seen[0].headers["Authorization"] == "Bearer t"


@pytest.mark.parametrize("body", [b"<html>", b'{"a": 1, "a": 2}', b"\xff"])
def test_answers_that_are_not_strict_json_are_refused(body: bytes) -> None:
    answer = connection(lambda _request: httpx.Response(200, content=body)).send(Request("GET", "/x"))
    with pytest.raises(NodeError):
        answer.json()


def test_redirects_are_not_followed() -> None:
    moved = connection(lambda _request: httpx.Response(302, headers={"Location": "http://evil.test/"}))
    with pytest.raises(NodeError, match="302"):
        moved.send(Request("GET", "/x"))


@pytest.mark.parametrize("url", ["node.test", "ftp://node.test", "http://", ""])
def test_url_must_be_http(url: str) -> None:
    with pytest.raises(ConfigurationError):
        Connection(url, timeout_seconds=1)

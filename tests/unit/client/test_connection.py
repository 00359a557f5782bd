"""Failures of the network and forms of answers. Repeated requests: http/test_retries.py."""

from collections.abc import Callable

import httpx
import pytest

from cityledger.client import NO_RETRIES
from cityledger.client._sync.connection import Connection
from cityledger.client.http.messages import Request
from cityledger.errors import ConfigurationError, NodeError, NodeUnreachableError

Handler = Callable[[httpx.Request], httpx.Response]


def connection(handler: Handler) -> Connection:
    transport = httpx.MockTransport(handler)
    return Connection("http://node.test/", timeout_seconds=1, retries=NO_RETRIES, transport=transport)


def cut_off(_request: httpx.Request) -> httpx.Response:
    raise httpx.ReadError("cut off")


def test_errors_do_not_name_the_record() -> None:
    with pytest.raises(NodeUnreachableError, match="ReadError") as failed:
        connection(cut_off).send(Request("GET", "/v1/datasets/0x/records/secret"))
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


def test_refusals_without_a_problem_document_tell_their_status() -> None:
    behind = connection(lambda _request: httpx.Response(500, content=b"<html>proxy</html>"))
    with pytest.raises(NodeError, match="answered 500 without a problem code: Internal Server Error"):
        behind.send(Request("GET", "/x"))


def test_redirects_are_not_followed() -> None:
    moved = connection(lambda _request: httpx.Response(302, headers={"Location": "http://evil.test/"}))
    with pytest.raises(NodeError, match="302"):
        moved.send(Request("GET", "/x"))


@pytest.mark.parametrize("url", ["node.test", "ftp://node.test", "http://", "", "http://[half"])
def test_url_must_be_http(url: str) -> None:
    with pytest.raises(ConfigurationError):
        Connection(url, timeout_seconds=1, retries=NO_RETRIES)

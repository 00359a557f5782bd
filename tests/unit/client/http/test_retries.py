"""What is sent twice and what is not, and how long the pauses are, in both clients."""

import inspect
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import anyio
import httpx
import pytest

from cityledger.client import NO_RETRIES, Retries
from cityledger.client._async.connection import Connection as AsyncConnection
from cityledger.client._sync.connection import Connection
from cityledger.client.http.messages import IDEMPOTENCY_KEY, Answer, Request
from cityledger.client.http.retries import retry_after_seconds
from cityledger.errors import CityledgerError, NodeUnreachableError

URL = "http://node.test"
FAST = Retries(attempts=4, budget_seconds=20, first_pause_seconds=0.5, longest_pause_seconds=1)
KEYED = Request("PUT", "/x", headers={IDEMPOTENCY_KEY: "k"})
LOOKUP = Request("POST", "/x", is_question=True)

Outcome = type[httpx.TransportError] | httpx.Response


class Network:
    """Fails with the given outcomes, then answers; both clients, as ``parametrize`` says, send through it."""

    def __init__(self, outcomes: list[Outcome], *, waits: bool, retries: Retries = FAST) -> None:
        self.seen: list[httpx.Request] = []
        self.pauses: list[float] = []
        self._outcomes = outcomes
        self._waits = waits
        self._retries = retries

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        outcome = self._outcomes.pop(0) if self._outcomes else httpx.Response(200, json={})
        if isinstance(outcome, httpx.Response):
            return httpx.Response(outcome.status_code, headers=outcome.headers, content=outcome.content)
        raise outcome("cut off")

    def send(self, request: Request) -> Answer:
        given: dict[str, Any] = {"timeout_seconds": 1, "retries": self._retries}
        transport = httpx.MockTransport(self.answer)
        if self._waits:
            node = AsyncConnection(URL, **given, transport=transport, sleep=self._note)
            return anyio.run(node.send, request)
        return Connection(URL, **given, transport=transport, sleep=self.pauses.append).send(request)

    async def _note(self, seconds: float) -> None:
        self.pauses.append(seconds)


@pytest.fixture(params=[False, True], ids=["Client", "AsyncClient"])
def network(request: pytest.FixtureRequest) -> Callable[..., Network]:
    def made(*outcomes: Outcome, retries: Retries = FAST) -> Network:
        return Network(list(outcomes), waits=request.param, retries=retries)

    return made


def problem(status: int, code: str, **headers: str) -> httpx.Response:
    return httpx.Response(status, json={"code": code, "detail": "not now"}, headers=headers)


def stale(**headers: str) -> httpx.Response:
    return problem(503, "index-stale", **headers)


HARMLESS = {
    "a read that may have arrived": (Request("GET", "/x"), httpx.ReadTimeout),
    "a write under a key": (KEYED, httpx.ReadError),
    "a POST under a key": (Request("POST", "/x", headers={IDEMPOTENCY_KEY: "k"}), httpx.ReadTimeout),
    "a POST of which nothing was sent": (Request("POST", "/x"), httpx.ConnectError),
    "a read by a stale index": (Request("GET", "/x"), stale()),
    "a lookup by a stale index": (LOOKUP, stale()),
    "a read behind a tired proxy": (Request("GET", "/x"), httpx.Response(502, content=b"<html>")),
    "a read that came too often": (Request("GET", "/x"), httpx.Response(429)),
    "a write that came too early": (KEYED, problem(503, "unavailable")),
    "a POST that a rate limit refused": (Request("POST", "/x"), problem(429, "too-many-requests")),
    "a POST that found no memory": (Request("POST", "/x"), problem(503, "busy")),
}
HARMFUL = {
    "a POST that may have arrived": (Request("POST", "/x"), httpx.RemoteProtocolError),
    "a lookup that may have arrived": (LOOKUP, httpx.ReadTimeout),
    "a write without a key": (Request("PUT", "/x"), httpx.ReadError),
    "an erasure": (Request("DELETE", "/x"), httpx.ReadTimeout),
    "a POST that was answered": (Request("POST", "/x"), stale()),
    "a lookup that failed otherwise": (LOOKUP, problem(503, "unavailable")),
    "a proof that must be mined first": (Request("GET", "/x"), problem(503, "not-anchored")),
    "a log that waits for its operator": (KEYED, problem(503, "log-halted")),
    "a refusal": (Request("GET", "/x"), problem(404, "record-not-found")),
    "a node that failed": (Request("GET", "/x"), problem(500, "internal-error")),
    "a full store": (KEYED, problem(507, "storage-full")),
}


@pytest.mark.parametrize(("request_", "failure"), HARMLESS.values(), ids=HARMLESS)
def test_send_repeats_what_is_harmless(
    network: Callable[..., Network], request_: Request, failure: Outcome
) -> None:
    through = network(failure)
    assert through.send(request_).status == 200
    assert len(through.seen) == 2


@pytest.mark.parametrize(("request_", "failure"), HARMFUL.values(), ids=HARMFUL)
def test_send_does_not_repeat_what_may_be_harmful(
    network: Callable[..., Network], request_: Request, failure: Outcome
) -> None:
    through = network(failure)
    with pytest.raises(CityledgerError):
        through.send(request_)
    assert len(through.seen) == 1


def test_a_repeat_carries_the_same_key_and_body(network: Callable[..., Network]) -> None:
    through = network(httpx.ReadError)
    through.send(Request("PUT", "/x", headers={IDEMPOTENCY_KEY: "k"}, content=b'{"a":6.10}'))
    first, second = through.seen
    assert (second.headers[IDEMPOTENCY_KEY], second.content) == ("k", b'{"a":6.10}')
    assert first.headers[IDEMPOTENCY_KEY] == "k"


def test_attempts_are_limited_and_the_last_failure_is_raised(network: Callable[..., Network]) -> None:
    through = network(*[httpx.ConnectError] * 9)
    with pytest.raises(NodeUnreachableError, match="ConnectError"):
        through.send(Request("GET", "/x"))
    assert len(through.seen) == 4


def test_pauses_are_random_below_a_cap_that_doubles(network: Callable[..., Network]) -> None:
    pauses = []
    for _ in range(40):
        through = network(*[httpx.ConnectError] * 3)
        through.send(Request("GET", "/x"))
        pauses.append(through.pauses)
    assert all(one <= 0.5 and two <= 1 and three <= 1 for one, two, three in pauses)
    assert len({first for first, *_ in pauses}) > 30  # jitter from zero up, not a fixed step
    assert min(first for first, *_ in pauses) < 0.25


def test_retry_after_is_kept(network: Callable[..., Network]) -> None:
    through = network(stale(**{"Retry-After": "5"}))
    through.send(Request("GET", "/x"))
    assert through.pauses == [5]


def test_the_budget_ends_repeats_rather_than_cutting_a_pause_short(network: Callable[..., Network]) -> None:
    through = network(*[stale(**{"Retry-After": "9"})] * 9)
    with pytest.raises(CityledgerError, match="not now"):
        through.send(Request("GET", "/x"))
    assert through.pauses == [9, 9]
    assert len(through.seen) == 3


def test_without_retries_every_failure_is_raised_at_once(network: Callable[..., Network]) -> None:
    through = network(httpx.ConnectError, retries=NO_RETRIES)
    with pytest.raises(NodeUnreachableError):
        through.send(Request("GET", "/x"))
    assert len(through.seen) == 1


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7),
        ("Mon, 02 Jan 2023 03:04:15 GMT", 10),
        ("Mon, 02 Jan 2023 03:04:00 GMT", 0),
        ("", 0),
        ("soon", 0),
        ("-3", 0),
        ("²", 0),
    ],
)
def test_retry_after_seconds_reads_numbers_and_dates(text: str, seconds: float) -> None:
    now = datetime(2023, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert retry_after_seconds({"Retry-After": text}, now) == seconds
    assert retry_after_seconds({}, now) == 0


def test_both_connections_send_alike() -> None:
    """What is tested of one holds of the other: the same names with the same parameters."""
    for name in ("send", "__init__"):
        one, other = (inspect.signature(getattr(kind, name)) for kind in (Connection, AsyncConnection))
        assert list(one.parameters) == list(other.parameters)

"""One URL of an endpoint: its answers, checked for their form, and its health."""

from __future__ import annotations

import json
import logging
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol, TypeVar

from requests import RequestException
from web3.exceptions import Web3Exception
from web3.types import RPCEndpoint

from cityledger.chain.abi.reverts import decode_revert
from cityledger.chain.rpc.methods import find_method
from cityledger.errors import RevertedError, WrongChainError

_log = logging.getLogger(__name__)
T = TypeVar("T")
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0
_THREADS = 8
STRIKES = 3
"""A method must be refused, or answered late, this many times in a row before that counts against a URL."""
_SHOWN_CHARACTERS = 200
"""The longest part of an endpoint's own message that is logged."""
# RecursionError: JSON of some thousand brackets is deeper than the parser goes.
_FAILURES = (RequestException, Web3Exception, OSError, ValueError, TimeoutError, RecursionError)
# web3 takes a batch's answer apart and fails at items that are not as JSON-RPC says.
_MALFORMED = (AttributeError, KeyError, TypeError)


class NoAnswerError(Exception):
    """No answer, or none that JSON-RPC knows. Has only its kind: a transport's message repeats the URL."""


class Provider(Protocol):
    def make_request(self, method: RPCEndpoint, params: Any) -> Any: ...
    def make_batch_request(self, requests: Any) -> Any: ...


class HealthState(StrEnum):
    OK = "ok"
    LAGGING = "lagging"
    """Behind the others, or behind what was acted on; used only when no other answers."""
    DISAGREES = "disagrees"
    """On another fork than the majority, or without a majority; not used."""
    UNRELIABLE = "unreliable"
    """An answer of it was refuted, or it refused or was slow several times; used last, and tried again after
    growing pauses.
    """
    UNREACHABLE = "unreachable"
    """Does not answer, or not as JSON-RPC says; tried again after growing pauses."""
    WRONG_CHAIN = "wrong chain"
    """Serves another chain id; not used."""


@dataclass(frozen=True, slots=True)
class EndpointHealth:
    shown_url: str
    """Without what could be a credential."""
    state: HealthState
    seconds: float
    """Time that it has been in this state."""
    head: int | None
    """Number of the newest block that it reported; None before the first."""


@dataclass(frozen=True, slots=True)
class RpcAnswer:
    """A JSON-RPC answer before it is compared or checked. ``error`` is "" on success."""

    result: Any
    error: str = ""
    error_data: bytes = b""
    reverted: bool = False

    def revert(self) -> RevertedError:
        """The contract's error, when ``reverted``."""
        return decode_revert(self.error_data)


class Upstream:
    """One URL with its health. ``monotonic`` gives seconds."""

    def __init__(self, shown_url: str, provider: Provider, monotonic: Callable[[], float]) -> None:
        self.shown_url = shown_url
        self.head: int | None = None
        self.is_verified = False
        """Whether it has returned the right chain id since it was last unreachable."""
        self._provider = provider
        self._monotonic = monotonic
        self._state = HealthState.OK
        self._since = monotonic()
        self._pause = FIRST_PAUSE_SECONDS
        self._retry_at = 0.0
        self._strikes: Counter[str] = Counter()
        self._pool = ThreadPoolExecutor(_THREADS, "endpoint")  # no thread before its first use
        self._lock = threading.Lock()

    @property
    def state(self) -> HealthState:
        return self._state

    def submit(self, work: Callable[..., T], *arguments: object) -> Future[T]:
        """Runs ``work`` in a thread of this URL: a URL that keeps connections open does not delay the
        others."""
        return self._pool.submit(work, *arguments)

    def health(self) -> EndpointHealth:
        return EndpointHealth(self.shown_url, self._state, self._monotonic() - self._since, self.head)

    # --- requests -------------------------------------------------------------------------------------------

    def ask(self, method: str, params: Sequence[object]) -> RpcAnswer:
        """Raises NoAnswerError."""
        return self._answered(
            lambda: _shaped(method, self._provider.make_request(RPCEndpoint(method), list(params)))
        )

    def ask_many(self, requests: Sequence[tuple[str, Sequence[object]]]) -> list[RpcAnswer]:
        """As ``ask``, in one round trip; all are answered or none is."""
        batch = [(RPCEndpoint(method), list(params)) for method, params in requests]
        return self._answered(lambda: _shaped_batch(requests, self._provider.make_batch_request(batch)))

    def verify_serves(self, chain_id: int) -> None:
        """Reads the chain id.

        Raises:
            WrongChainError: it is another.
            NoAnswerError: none was returned.
        """
        served = quantity(self.ask("eth_chainId", []))
        if served != chain_id:
            raise WrongChainError(f"{self.shown_url} serves chain {served}; expected chain {chain_id}")
        self.is_verified = True

    @staticmethod
    def _answered(call: Callable[[], T]) -> T:
        try:
            return call()
        except (*_FAILURES, *_MALFORMED) as error:
            raise NoAnswerError(type(error).__name__) from None

    # --- health ---------------------------------------------------------------------------------------------

    def is_due(self) -> bool:
        """Whether an unhealthy URL may be tried again. True once each pause; makes the next pause longer."""
        with self._lock:
            is_paused = self._state in _PAUSED
            if not is_paused or self._monotonic() < self._retry_at:
                return False
            self._pause = min(self._pause * 2, LONGEST_PAUSE_SECONDS)
            self._retry_at = self._monotonic() + self._pause
            return True

    def mark(self, state: HealthState, reason: str = "") -> None:
        with self._lock:
            if state is self._state:
                return
            if state in _PAUSED:
                self._pause, self.is_verified = self._next_pause(), False
                self._retry_at = self._monotonic() + self._pause
            self._state, self._since = state, self._monotonic()
        _log.warning("endpoint changed endpoint=%s state=%s reason=%s", self.shown_url, state.value, reason)

    def _next_pause(self) -> float:
        """The first one, unless it was healthy for less than the longest: it would be tried every second."""
        if self._state in _PAUSED or self._monotonic() - self._since >= LONGEST_PAUSE_SECONDS:
            return FIRST_PAUSE_SECONDS
        return self._pause

    def refuted(self, reason: str) -> None:
        """Records an answer that cannot be true."""
        self.mark(HealthState.UNRELIABLE, reason)

    def strike(self, method: str, reason: str) -> None:
        """Records that it gave no answer, or a different one, where others agreed; the third time in a row
        counts."""
        with self._lock:
            self._strikes[method] += 1
            counts = self._strikes[method] >= STRIKES
        if counts:
            self.keeps(method)
            self.mark(HealthState.UNRELIABLE, reason)

    def keeps(self, method: str) -> None:
        """Records that it answered as the others do."""
        with self._lock:
            del self._strikes[method]

    def failed(self, reason: str) -> None:
        self.mark(HealthState.UNREACHABLE, reason)

    def answered(self) -> None:
        """It has answered: no longer unreachable. Whether it lags or disagrees, only a comparison shows."""
        if self._state is HealthState.UNREACHABLE:
            self.mark(HealthState.OK, "answers")


_PAUSED = (HealthState.UNREACHABLE, HealthState.WRONG_CHAIN, HealthState.UNRELIABLE)


def note(upstream: Upstream, error: NoAnswerError | WrongChainError) -> None:
    """Marks a URL that gave no answer, or one of another chain."""
    if isinstance(error, WrongChainError):
        upstream.mark(HealthState.WRONG_CHAIN, str(error))
    else:
        upstream.failed(str(error))


def describe(upstreams: Sequence[Upstream]) -> str:
    """The URLs with their state, for people; no credential in them."""
    if len(upstreams) == 1:
        return upstreams[0].shown_url
    return ", ".join(f"{one.shown_url} ({one.state.value})" for one in upstreams)


def quantity(answer: RpcAnswer) -> int:
    """The number in an answer.

    Raises:
        NoAnswerError: it has none.
    """
    try:
        return int(answer.result, 16)
    except (TypeError, ValueError):
        raise NoAnswerError("NoQuantity") from None


def _shaped_batch(requests: Sequence[tuple[str, Sequence[object]]], answered: Any) -> list[RpcAnswer]:
    if not isinstance(answered, list) or len(answered) != len(requests):
        raise NoAnswerError("IncompleteBatch")
    shaped = [_shaped(method, one) for (method, _), one in zip(requests, answered, strict=True)]
    # web3 has put them in the order of their ids; an answer that came twice would replace a missing one.
    if len({one.get("id") for one in answered}) != len(requests):
        raise NoAnswerError("IncompleteBatch")
    return shaped


def _shaped(method: str, response: Any) -> RpcAnswer:
    """The answer, if its result has the form of the method's results."""
    answer = _answer_of(response)
    if not answer.error:
        find_method(method).key(answer.result)
    return answer


def _answer_of(response: Any) -> RpcAnswer:
    if not isinstance(response, dict):
        raise NoAnswerError("NoObject")
    error = response.get("error")
    if error is None:
        # Without this an answer that was cut would read as null: "no such block", "not mined".
        if "result" not in response:
            raise NoAnswerError("NoResult")
        return RpcAnswer(response["result"])
    if not isinstance(error, dict):
        return RpcAnswer(None, _shown(str(error)) or "an error without a message")
    message = _shown(str(error.get("message", "")) or json.dumps(error))
    data = _revert_data(error.get("data"))
    reverted = error.get("code") == 3 or "revert" in message.lower()
    return RpcAnswer(None, message, data, reverted)


def _shown(message: str) -> str:
    """An endpoint's message in one line of a log."""
    return "".join(one if one.isprintable() else " " for one in message[:_SHOWN_CHARACTERS])


def _revert_data(data: object) -> bytes:
    """Revert data as clients wrap it: a hex string, an object with ``data``, or prose before the hex."""
    if isinstance(data, dict):
        return _revert_data(data.get("data") or data.get("result"))
    if not isinstance(data, str) or "0x" not in data:
        return b""
    try:
        return bytes.fromhex(data[data.index("0x") + 2 :])
    except ValueError:
        return b""

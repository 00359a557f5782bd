"""One URL of an endpoint: what it answers, judged for shape, and how well it is."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

import requests
from web3.exceptions import Web3Exception
from web3.types import RPCEndpoint

from cityledger.chain.reverts import decode_revert
from cityledger.errors import RevertedError, WrongChainError

_log = logging.getLogger(__name__)
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0
_FAILURES = (requests.RequestException, Web3Exception, OSError, ValueError, TimeoutError)
# web3 takes a batch's answer apart and stumbles over items that are not as JSON-RPC says.
_MALFORMED = (AttributeError, KeyError, TypeError)


class NoAnswerError(Exception):
    """No answer, or none that JSON-RPC knows. Tells only its kind: a transport's message repeats the URL."""


class Provider(Protocol):
    def make_request(self, method: RPCEndpoint, params: Any) -> Any: ...
    def make_batch_request(self, requests: Any) -> Any: ...


class HealthState(StrEnum):
    OK = "ok"
    LAGGING = "lagging"
    """Behind the others, or behind what was acted on; asked only when no other answers."""
    DISAGREES = "disagrees"
    """On another fork than the majority, or there is no majority; not asked."""
    UNREACHABLE = "unreachable"
    """Does not answer, or not as JSON-RPC says; tried again after growing pauses."""
    WRONG_CHAIN = "wrong chain"
    """Serves another chain id; not asked."""


@dataclass(frozen=True, slots=True)
class EndpointHealth:
    shown_url: str
    """Without what could be a credential."""
    state: HealthState
    seconds: float
    """How long it has been in this state."""
    head: int | None
    """Number of the newest block that it told of; None before the first."""


@dataclass(frozen=True, slots=True)
class RpcAnswer:
    """A JSON-RPC answer before anyone has judged it. ``error`` is "" on success."""

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
        """Whether it has told the right chain id since it was last unreachable."""
        self._provider = provider
        self._monotonic = monotonic
        self._state = HealthState.OK
        self._since = monotonic()
        self._pause = FIRST_PAUSE_SECONDS
        self._retry_at = 0.0
        self._lock = threading.Lock()

    @property
    def state(self) -> HealthState:
        return self._state

    def health(self) -> EndpointHealth:
        return EndpointHealth(self.shown_url, self._state, self._monotonic() - self._since, self.head)

    # --- asking ---------------------------------------------------------------------------------------------

    def ask(self, method: str, params: Sequence[object]) -> RpcAnswer:
        """Raises NoAnswerError."""
        return _judged(self._answered(lambda: self._provider.make_request(RPCEndpoint(method), list(params))))

    def ask_many(self, asked: Sequence[tuple[str, Sequence[object]]]) -> list[RpcAnswer]:
        """As ``ask``, in one round trip; all are answered or none is."""
        batch = [(RPCEndpoint(method), list(params)) for method, params in asked]
        answered = self._answered(lambda: self._provider.make_batch_request(batch))
        if not isinstance(answered, list) or len(answered) != len(asked):
            raise NoAnswerError("IncompleteBatch")
        judged = [_judged(one) for one in answered]
        # web3 has put them in the order of their ids; one that came twice would stand for one that did not.
        if len({one.get("id") for one in answered}) != len(asked):
            raise NoAnswerError("IncompleteBatch")
        return judged

    def verify_serves(self, chain_id: int) -> None:
        """Asks for the chain id.

        Raises:
            WrongChainError: it is another.
            NoAnswerError: none was told.
        """
        served = quantity(self.ask("eth_chainId", []))
        if served != chain_id:
            raise WrongChainError(f"{self.shown_url} serves chain {served}; expected chain {chain_id}")
        self.is_verified = True

    @staticmethod
    def _answered(call: Callable[[], Any]) -> Any:
        try:
            return call()
        except (*_FAILURES, *_MALFORMED) as error:
            raise NoAnswerError(type(error).__name__) from None

    # --- health ---------------------------------------------------------------------------------------------

    def is_due(self) -> bool:
        """Whether an ill URL may be tried again. Says yes once a pause, and makes the next one longer."""
        with self._lock:
            is_ill = self._state in (HealthState.UNREACHABLE, HealthState.WRONG_CHAIN)
            if not is_ill or self._monotonic() < self._retry_at:
                return False
            self._pause = min(self._pause * 2, LONGEST_PAUSE_SECONDS)
            self._retry_at = self._monotonic() + self._pause
            return True

    def mark(self, state: HealthState, reason: str = "") -> None:
        with self._lock:
            if state is self._state:
                return
            if state in (HealthState.UNREACHABLE, HealthState.WRONG_CHAIN):
                self._pause, self.is_verified = FIRST_PAUSE_SECONDS, False
                self._retry_at = self._monotonic() + self._pause
            self._state, self._since = state, self._monotonic()
        _log.warning("endpoint changed endpoint=%s state=%s reason=%s", self.shown_url, state.value, reason)

    def failed(self, reason: str) -> None:
        self.mark(HealthState.UNREACHABLE, reason)

    def answered(self) -> None:
        """It has answered: no longer unreachable. Whether it lags or disagrees, only a comparison tells."""
        if self._state is HealthState.UNREACHABLE:
            self.mark(HealthState.OK, "answers")


def quantity(answer: RpcAnswer) -> int:
    """The number that an answer tells.

    Raises:
        NoAnswerError: it tells none.
    """
    try:
        return int(answer.result, 16)
    except (TypeError, ValueError):
        raise NoAnswerError("NoQuantity") from None


def _judged(response: Any) -> RpcAnswer:
    if not isinstance(response, dict):
        raise NoAnswerError("NoObject")
    error = response.get("error")
    if error is None:
        # Without this an answer that was cut would read as null: "no such block", "not mined".
        if "result" not in response:
            raise NoAnswerError("NoResult")
        return RpcAnswer(response["result"])
    if not isinstance(error, dict):
        return RpcAnswer(None, str(error) or "an error without words")
    message = str(error.get("message", "")) or json.dumps(error)
    data = _revert_data(error.get("data"))
    reverted = error.get("code") == 3 or "revert" in message.lower()
    return RpcAnswer(None, message, data, reverted)


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

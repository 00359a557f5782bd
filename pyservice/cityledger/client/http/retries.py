"""Decides which requests are repeated after a failure, and after which pause.

A request is repeated only if that cannot have its effect twice: it is a GET or has an Idempotency-Key, or
nothing of it was sent. So a POST that may have arrived is never repeated, except one that changes nothing and
was refused because the node's index is stale, and one that a limit refused: neither had an effect.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
from tenacity import RetryCallState, wait_random_exponential

from cityledger.client.http.messages import Answer, Request

_NOTHING_WAS_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_MAY_PASS = frozenset({429, 502, 503, 504})
_INDEX_STALE = "index-stale"
_REFUSED_UNDONE = frozenset({"too-many-requests", "busy"})
"""Refused before the request had an effect, so that even a POST may be repeated."""
_STAYS = frozenset({"not-anchored", "log-halted", "chain-error", "wrong-chain", "node-error"})
"""Problems of such a status that do not pass within seconds, or that the caller waits for in its own way."""


@dataclass(frozen=True, slots=True)
class Retries:
    """At most ``attempts`` in all, within ``budget_seconds``. The pause before the n-th repeat is random
    between 0 and ``first_pause_seconds`` · 2ⁿ⁻¹, at most ``longest_pause_seconds``, so that clients which
    failed together do not repeat together; a node's Retry-After is respected if it is longer.
    """

    attempts: int = 5
    budget_seconds: float = 20.0
    first_pause_seconds: float = 0.2
    longest_pause_seconds: float = 5.0

    def options(self, request: Request) -> dict[str, Any]:
        """The settings of a tenacity retrier that sends ``request``, in either client."""
        return {
            "retry": lambda state: may_repeat(request, state),
            "wait": self._pause(),
            "stop": self._is_enough,
            "retry_error_callback": _last,
        }

    def _pause(self) -> Callable[[RetryCallState], float]:
        jitter = wait_random_exponential(multiplier=self.first_pause_seconds, max=self.longest_pause_seconds)
        return lambda state: max(jitter(state), _requested_pause(state))

    def _is_enough(self, state: RetryCallState) -> bool:
        spent = max(state.seconds_since_start or 0.0, state.idle_for)
        return state.attempt_number >= self.attempts or spent + state.upcoming_sleep > self.budget_seconds


RETRIES = Retries()
"""The default of a client."""
NO_RETRIES = Retries(attempts=1)
"""Every failure is raised at once."""


def may_repeat(request: Request, state: RetryCallState) -> bool:
    """Whether the last attempt failed in a way that may be temporary, and a repeat is harmless."""
    outcome = state.outcome
    if outcome is None:
        return False
    if outcome.failed:
        error = outcome.exception()
        return isinstance(error, _NOTHING_WAS_SENT) or (
            isinstance(error, httpx.TransportError) and request.is_repeatable
        )
    answer: Answer = outcome.result()
    return answer.status in _MAY_PASS and _is_harmless(request, str(answer.problem().get("code", "")))


def _is_harmless(request: Request, code: str) -> bool:
    if code in _REFUSED_UNDONE:
        return request.upload is None or request.upload.may_repeat
    if request.is_question and code == _INDEX_STALE:
        return True
    return request.is_repeatable and code not in _STAYS


def _requested_pause(state: RetryCallState) -> float:
    outcome = state.outcome
    if outcome is None or outcome.failed:
        return 0.0
    return retry_after_seconds(outcome.result().headers)


def retry_after_seconds(headers: Mapping[str, str], now: datetime | None = None) -> float:
    """The pause in ``Retry-After`` (RFC 9110 §10.2.3), which is seconds or a date; 0 if it is missing."""
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - (now or datetime.now(UTC))).total_seconds())


def _last(state: RetryCallState) -> Any:
    """The last answer, or the last failure raised."""
    assert state.outcome is not None
    return state.outcome.result()

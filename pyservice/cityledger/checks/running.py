"""``/readyz``: the health checks of a running node. Cheap ones run for each request, the others now and then,
in the background, so that an answer never waits for the chain.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cityledger.checks import indexed
from cityledger.checks.health_checks import (
    Opened,
    chain_checks,
    database_check,
    list_objects_check,
    lists_check,
    logs_check,
    objects_check,
    purging_check,
)
from cityledger.checks.result import CheckResult, HealthCheck, Observation, run_check
from cityledger.errors import CheckFailedError
from cityledger.exchange.services import Services
from cityledger.types import Address

FRESH_SECONDS = 10.0
"""How long a result is shown that was ok."""
RETRY_SECONDS = 1.0
"""How long a failed result is shown: who waits for a node should learn soon that it is healthy."""
WAIT_SECONDS = 3.0
"""How long an answer waits for checks that are due, before it shows the previous results."""
CHEAP_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class _Round:
    results: tuple[CheckResult, ...]
    finished: float

    def is_due(self, now: float, fresh_seconds: float) -> bool:
        is_healthy = all(result.ok for result in self.results)
        return now - self.finished >= (fresh_seconds if is_healthy else min(RETRY_SECONDS, fresh_seconds))


class BackgroundChecks:
    """The results of some checks, which one background thread runs again when they are due.

    A check that hangs blocks that thread only: the answer then names the check that did not return.
    """

    def __init__(
        self,
        checks: Sequence[HealthCheck],
        fresh_seconds: float = FRESH_SECONDS,
        *,
        wait_seconds: float = WAIT_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._checks = list(checks)
        self._fresh_seconds = fresh_seconds
        self._wait_seconds = wait_seconds
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._round: _Round | None = None
        self._running: threading.Thread | None = None
        self._began = 0.0
        self._hangs_at = ""

    def results(self) -> tuple[CheckResult, ...]:
        """Returns at most ``wait_seconds`` after the checks began. Each caller occupies an API thread, so
        the wait for a check that hangs does not begin again with each of them.
        """
        with self._lock:
            if self._running is None and self._is_due():
                self._began = self._monotonic()
                self._running = threading.Thread(target=self._run, name="checks", daemon=True)
                self._running.start()
            running, left = self._running, self._began + self._wait_seconds - self._monotonic()
        if running is not None:
            running.join(max(left, 0.0))
            if running.is_alive():
                return (*self._previous(), self._hanging())
        return self._previous()

    def _is_due(self) -> bool:
        return self._round is None or self._round.is_due(self._monotonic(), self._fresh_seconds)

    def _previous(self) -> tuple[CheckResult, ...]:
        return () if self._round is None else self._round.results

    def _hanging(self) -> CheckResult:
        message = f"{self._hangs_at} has not answered for {self._wait_seconds:g} s"
        return CheckResult("checks", False, message, message, f"check what {self._hangs_at} needs")

    def _run(self) -> None:
        results = []
        for check in self._checks:
            self._hangs_at = check.name
            results.append(run_check(check))
        self._round = _Round(tuple(results), self._monotonic())
        with self._lock:
            self._running = None


class Readiness:
    """What ``/readyz`` reports about one running node."""

    def __init__(self, services: Services, opened: Opened) -> None:
        self._cheap = BackgroundChecks(
            [*_cheap_checks(services), purging_check(opened), lists_check(opened.database)], CHEAP_SECONDS
        )
        self._others = BackgroundChecks(_slow_checks(services, opened))

    def results(self) -> list[CheckResult]:
        """Every result, those about the node itself first."""
        return [*self._cheap.results(), *self._others.results()]


def _cheap_checks(services: Services) -> list[HealthCheck]:
    return [
        database_check(services.database),
        HealthCheck(
            "following",
            lambda: _observe_following(services),
            "check the chain, the endpoint and this machine's clock; the log says why",
        ),
        HealthCheck(
            "rules",
            lambda: _observe_rules(services),
            "install the version of this program that has the city's new rules; if contract and index"
            " disagree, stop the node and find why before it decides again",
        ),
        logs_check(services.database),
        HealthCheck(
            "stored bytes",
            lambda: _observe_stored_bytes(services),
            "cityledger node scrub; the log names log and number of each read",
            vital=False,
        ),
    ]


def _slow_checks(services: Services, opened: Opened) -> list[HealthCheck]:
    agencies = HealthCheck(
        "agencies",
        lambda: indexed.observe_agencies(services.database, services.keyring),
        "cityledger node link for each, with the agency's account",
        vital=False,
    )
    operator = Address(services.operator.address)
    keyring = HealthCheck(
        "keyring",
        lambda: indexed.observe_hosted_keys(services.database, services.keyring, operator),
        "restore the keyring from a backup",
    )
    return [
        keyring,
        *chain_checks(opened),
        agencies,
        objects_check(opened),
        list_objects_check(opened),
    ]


def _observe_following(services: Services) -> str:
    services.clock.verify_fresh(services.staleness_limit_seconds)
    return f"at block {services.clock.head.number}"


def _observe_stored_bytes(services: Services) -> Observation:
    count, last = services.alterations.met
    if last is None:
        return Observation("no read met altered bytes", "no read met altered bytes")
    message = f"{count} reads met altered bytes since the start"
    raise CheckFailedError(message, detail=f"{message}; the last at log {last[0]}, number {last[1]}")


def _observe_rules(services: Services) -> str:
    services.cross_check.verify_agreed()
    services.rules_watch.verify_own()
    return "the policy contract's code is this node's rules; contract and index agree as far as compared"

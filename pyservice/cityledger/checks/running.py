"""``/readyz``: the looks of a node that runs. Cheap ones are taken each time, the others now and then, in the
background, so that an answer never waits for the chain.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cityledger.checks import indexed
from cityledger.checks.health_checks import (
    Opened,
    chain_looks,
    database_look,
    list_objects_look,
    lists_look,
    logs_look,
    objects_look,
    purging_look,
)
from cityledger.checks.result import Line, Look, Seen, WrongError, line_of
from cityledger.exchange.services import Services
from cityledger.types import Address

FRESH_SECONDS = 10.0
"""How long a line is shown that was ok."""
RETRY_SECONDS = 1.0
"""And one that was not: whoever waits for a node should hear soon that it is well."""
WAIT_SECONDS = 3.0
"""How long an answer waits for lines that are due, before it shows the ones of before."""
CHEAP_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class _Round:
    lines: tuple[Line, ...]
    taken: float

    def is_due(self, now: float, fresh_seconds: float) -> bool:
        is_well = all(line.ok for line in self.lines)
        return now - self.taken >= (fresh_seconds if is_well else min(RETRY_SECONDS, fresh_seconds))


class Watched:
    """The lines of some looks, taken again in one background thread when they are due.

    A look that hangs hangs there: the answer then names the look that did not come back.
    """

    def __init__(
        self,
        looks: Sequence[Look],
        fresh_seconds: float = FRESH_SECONDS,
        *,
        wait_seconds: float = WAIT_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._looks = list(looks)
        self._fresh_seconds = fresh_seconds
        self._wait_seconds = wait_seconds
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._round: _Round | None = None
        self._taking: threading.Thread | None = None
        self._began = 0.0
        self._hangs_at = ""

    def lines(self) -> tuple[Line, ...]:
        """At most ``wait_seconds`` after the looks began: each who asks holds one of the API's threads, so
        nobody waits anew for what hangs.
        """
        with self._lock:
            if self._taking is None and self._is_due():
                self._began = self._monotonic()
                self._taking = threading.Thread(target=self._take, name="checks", daemon=True)
                self._taking.start()
            taking, left = self._taking, self._began + self._wait_seconds - self._monotonic()
        if taking is not None:
            taking.join(max(left, 0.0))
            if taking.is_alive():
                return (*self._before(), self._hanging())
        return self._before()

    def _is_due(self) -> bool:
        return self._round is None or self._round.is_due(self._monotonic(), self._fresh_seconds)

    def _before(self) -> tuple[Line, ...]:
        return () if self._round is None else self._round.lines

    def _hanging(self) -> Line:
        message = f"{self._hangs_at} has not answered for {self._wait_seconds:g} s"
        return Line("checks", False, message, message, f"look at what {self._hangs_at} needs")

    def _take(self) -> None:
        lines = []
        for look in self._looks:
            self._hangs_at = look.name
            lines.append(line_of(look))
        self._round = _Round(tuple(lines), self._monotonic())
        with self._lock:
            self._taking = None


class Readiness:
    """What ``/readyz`` tells of one running node."""

    def __init__(self, services: Services, opened: Opened) -> None:
        self._cheap = Watched(
            [*_cheap_looks(services), purging_look(opened), lists_look(opened.database)], CHEAP_SECONDS
        )
        self._others = Watched([*_slow_looks(services, opened)])

    def lines(self) -> list[Line]:
        """Every line, the node's own first."""
        return [*self._cheap.lines(), *self._others.lines()]


def _cheap_looks(services: Services) -> list[Look]:
    return [
        database_look(services.database),
        Look(
            "following",
            lambda: _see_following(services),
            "look at the chain, the endpoint and this machine's clock; the log says why",
        ),
        Look(
            "rules",
            lambda: _see_rules(services),
            "install the version of this program that has the city's new rules; if contract and index"
            " disagree, stop the node and find why before it decides again",
        ),
        logs_look(services.database),
        Look(
            "stored bytes",
            lambda: _see_stored_bytes(services),
            "cityledger node scrub; the log names log and number of each read",
            vital=False,
        ),
    ]


def _slow_looks(services: Services, opened: Opened) -> list[Look]:
    agencies = Look(
        "agencies",
        lambda: indexed.see_agencies(services.database, services.keyring),
        "cityledger node link for each, with the agency's account",
        vital=False,
    )
    operator = Address(services.operator.address)
    keyring = Look(
        "keyring",
        lambda: indexed.see_hosted_keys(services.database, services.keyring, operator),
        "restore the keyring from a backup",
    )
    return [
        keyring,
        *chain_looks(opened),
        agencies,
        objects_look(opened),
        list_objects_look(opened),
    ]


def _see_following(services: Services) -> str:
    services.clock.verify_fresh(services.staleness_limit_seconds)
    return f"at block {services.clock.head.number}"


def _see_stored_bytes(services: Services) -> Seen:
    count, last = services.alterations.met
    if last is None:
        return Seen("no read met altered bytes", "no read met altered bytes")
    message = f"{count} reads met altered bytes since the start"
    raise WrongError(message, detail=f"{message}; the last at log {last[0]}, number {last[1]}")


def _see_rules(services: Services) -> str:
    services.cross_check.verify_agreed()
    services.rules_watch.verify_own()
    return "the policy contract's code is this node's rules; contract and index agree as far as asked"

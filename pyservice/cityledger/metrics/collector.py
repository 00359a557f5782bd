"""Takes a node's figures when they are scraped. What cannot be known now is left out, so that an alert on an
absent figure can tell it from 0.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

import sqlalchemy as sa
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from cityledger.anchoring import halts
from cityledger.chain.rpc.endpoint import Endpoint
from cityledger.checks.chain import probe_all
from cityledger.checks.remembered import Remembered
from cityledger.errors import CityledgerError, UnavailableError
from cityledger.exchange.services import Services
from cityledger.metrics import families as f
from cityledger.store import backlog, node_state
from cityledger.store.anchoring import logs
from cityledger.store.backlog import Unanchored
from cityledger.store.engine import purging
from cityledger.store.index import queries as index
from cityledger.types import Address, HaltCause, LogKind

_WEI = 10**18


@dataclass(frozen=True, slots=True)
class ChainFigures:
    """The newest block's number; the operator's balance in wei and its number of mined transactions."""

    head: int
    balance: int
    nonce: int


@dataclass(frozen=True, slots=True)
class Watch:
    """The sources. ``now`` is Unix seconds; ``is_ok`` gives each result of ``/readyz``; ``waits_at_cap``
    is whether the limit of fees holds a transaction up.
    """

    services: Services
    now: Callable[[], float]
    is_ok: Callable[[], dict[str, bool]]
    waits_at_cap: Callable[[], bool]
    chain: Remembered[ChainFigures]
    endpoints: Remembered[list[bool]]


def watch(
    services: Services,
    endpoint: Endpoint,
    rpc_url: str,
    now: Callable[[], float],
    is_ok: Callable[[], dict[str, bool]],
    waits_at_cap: Callable[[], bool],
) -> Watch:
    """Of a node that runs."""
    operator = services.operator.address
    return Watch(
        services,
        now,
        is_ok,
        waits_at_cap,
        Remembered(lambda: ask_chain(endpoint, operator)),
        Remembered(lambda: [one.head is not None for one in probe_all(rpc_url, endpoint.chain_id)]),
    )


def ask_chain(endpoint: Endpoint, operator: str) -> ChainFigures:
    """In one round trip."""
    answers = endpoint.request_many(
        [
            ("eth_blockNumber", []),
            ("eth_getBalance", [operator, "latest"]),
            ("eth_getTransactionCount", [operator, "latest"]),
        ]
    )
    return ChainFigures(*(int(one, 16) for one in answers))


class NodeCollector(Collector):
    """The gauges of one node."""

    def __init__(self, watched: Watch) -> None:
        self._watched = watched

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Names only, so that registering asks nothing of a node that is not started yet."""
        return [gauge.family() for gauge in f.GAUGES]

    def collect(self) -> Iterator[GaugeMetricFamily]:
        chain = self._watched.chain.value()
        with suppress(CityledgerError):  # of a database that does not answer: the line of /readyz says so
            yield from self._stored(chain)
        yield _one(f.QUEUE, self._watched.services.journal.waiting)
        yield _one(f.ALTERED, self._watched.services.alterations.met[0])
        yield _one(f.AT_CAP, int(self._watched.waits_at_cap()))
        yield _each(f.CHECK_OK, {name: int(ok) for name, ok in self._watched.is_ok().items()})
        if chain is not None:
            yield _one(f.BALANCE, chain.balance / _WEI)
            yield _one(f.NONCE, chain.nonce)
        endpoints = self._watched.endpoints.value()
        if endpoints is not None:
            yield _each(f.ENDPOINT_UP, {str(place): int(up) for place, up in enumerate(endpoints)})

    def _stored(self, chain: ChainFigures | None) -> Iterator[GaugeMetricFamily]:
        services = self._watched.services
        operator = Address(services.operator.address)
        with services.database.reading() as connection:
            unanchored = backlog.list_unanchored(connection)
            imports = backlog.count_imports(connection)
            cursor = index.find_cursor(connection)
            halted = halts.list_unresolved(logs.list_heads(connection))
            purge_due = purging.find_due(connection)
            index_halted = node_state.find_value(connection, node_state.INDEX_HALTED)
            is_stopped = _is_stopped(services, connection)
            pending = None if chain is None else backlog.count_pending(connection, operator, chain.nonce)
        yield from _anchoring(unanchored, self._watched.now())
        causes = Counter(head.halted for head in halted)
        yield _each(f.HALTED, {cause.value: causes[cause] for cause in HaltCause})
        yield _one(f.IMPORTS, imports)
        yield _one(f.PURGE_DUE, 0 if purge_due is None else max(self._watched.now() - purge_due, 0))
        yield _one(f.INDEX_HALTED, int(index_halted is not None))
        yield _one(f.READS_STOPPED, int(is_stopped))
        if cursor is not None:
            yield _one(f.LAG_SECONDS, max(self._watched.now() - cursor.time, 0))
            if chain is not None:
                yield _one(f.LAG_BLOCKS, max(chain.head - cursor.number, 0))
        if pending is not None:
            yield _one(f.PENDING, pending.nonces)
            yield _one(f.BUMPS, pending.replacements)


def _anchoring(unanchored: list[Unanchored], now: float) -> Iterator[GaugeMetricFamily]:
    by_kind = {kind: [one for one in unanchored if one.head.kind == kind] for kind in LogKind}
    leaves = {kind.name.lower(): sum(log.leaves for log in waiting) for kind, waiting in by_kind.items()}
    ages = {kind.name.lower(): _oldest(waiting, now) for kind, waiting in by_kind.items()}
    yield _each(f.UNANCHORED, leaves)
    yield _each(f.OLDEST_UNANCHORED, ages)


def _oldest(waiting: list[Unanchored], now: float) -> float:
    return max((now - log.oldest for log in waiting if log.oldest is not None), default=0.0)


def _is_stopped(services: Services, connection: sa.Connection) -> bool:
    """Inside the transaction: a database that does not answer fails as a driver's error there, and leaves the
    figure out rather than call it a disagreement.
    """
    try:
        services.cross_check.verify_agreed_within(connection)
    except UnavailableError:
        return True
    return services.rules_watch.complaint is not None


def _one(gauge: f.Gauge, value: float) -> GaugeMetricFamily:
    made = gauge.family()
    made.add_metric([], value)
    return made


def _each(gauge: f.Gauge, values: dict[str, float] | dict[str, int]) -> GaugeMetricFamily:
    made = gauge.family()
    for label, value in values.items():
        made.add_metric([label], value)
    return made

"""Metrics were part of the API, for anybody, and counted decisions as they were made: a consumer that scraped
before and after a read learned whether a record was hidden from it or absent.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest
from prometheus_client import Counter

from cityledger.errors import ConfigurationError
from cityledger.exchange.instruments import Instruments
from cityledger.metrics.serving import MetricsServer
from cityledger.types import RecordId
from support.node.node_fixture import TestNode
from support.node.sample_records import TREATMENT_RECORD


@pytest.fixture
def served(node: TestNode) -> Iterator[MetricsServer]:
    instruments = node.context.services.instruments
    Counter("some", "Something.", registry=instruments.registry).inc()
    server = MetricsServer.start(replace(node.context.settings, metrics_port=0), instruments)
    yield server
    server.close()


def test_the_api_serves_no_metrics(node: TestNode) -> None:
    answer = node.client.get("/metrics")
    assert (answer.status_code, answer.json()["code"]) == (404, "route-not-found")


def test_metrics_are_served_at_a_port_of_their_own(served: MetricsServer) -> None:
    answer = httpx.get(f"http://127.0.0.1:{served.port}/metrics", trust_env=False)
    assert answer.status_code == 200
    assert "some_total 1.0" in answer.text


def test_a_port_that_is_taken_is_named(served: MetricsServer, node: TestNode) -> None:
    taken = replace(node.context.settings, metrics_port=served.port)
    with pytest.raises(ConfigurationError, match=f"port {served.port}: .*metrics_port"):
        MetricsServer.start(taken, Instruments())


@pytest.mark.parametrize("agency", [0, 2])
def test_decisions_are_counted_as_they_were_disclosed(node: TestNode, agency: int) -> None:
    record = node.put(node.health, "hidden", TREATMENT_RECORD)["record"]
    node.restrict(node.health, RecordId(bytes.fromhex(record[2:])), agency)  # type: ignore[arg-type]
    counted = []
    for name in ("hidden", "absent"):
        before = _reads(node)
        node.client.get(node.url(node.health, name), headers=node.headers("LAND", "reader", "TREATMENT"))
        counted.append({outcome: count - before.get(outcome, 0) for outcome, count in _reads(node).items()})

    assert counted == [{"not-found": 1.0}] * 2


def _reads(node: TestNode) -> dict[str, float]:
    families = node.context.services.instruments.registry.collect()
    return {
        sample.labels["outcome"]: sample.value
        for family in families
        for sample in family.samples
        if sample.name == "cityledger_decisions_total" and sample.labels["action"] == "read"
    }

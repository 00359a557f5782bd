"""The metrics of a node's scrape, parsed as Prometheus parses them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy.exc import OperationalError

from cityledger.checks.remembered import Remembered
from cityledger.errors import ChainUnavailableError
from cityledger.exchange.rules.crosscheck import READS_STOPPED
from cityledger.metrics.collector import ChainFigures, NodeCollector, Watch
from cityledger.metrics.families import GAUGES
from cityledger.store import node_state
from cityledger.store.anchoring import logs
from cityledger.types import HaltCause, LogId, LogKind
from support.node.node_fixture import TestNode, make_node
from support.node.sample_records import TREATMENT_RECORD

NOW = 1_767_190_100
CHAIN = ChainFigures(head=7, balance=2 * 10**18, nonce=5)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[TestNode]:
    made = make_node(tmp_path)
    yield made
    made.close()


def scrape(
    node: TestNode,
    chain: ChainFigures | None = CHAIN,
    *,
    endpoints: tuple[bool, ...] = (True, False),
    waits_at_cap: bool = False,
) -> dict[str, dict[str, float]]:
    """Values by the metric's name, and in it by the label's value ("" without one)."""

    def ask_chain() -> ChainFigures:
        if chain is None:
            raise ChainUnavailableError("no answer")
        return chain

    watch = Watch(
        node.context.services,
        lambda: NOW,
        lambda: {"index": True, "logs": False},
        lambda: waits_at_cap,
        Remembered(ask_chain),
        Remembered(lambda: list(endpoints)),
    )
    registry = CollectorRegistry()
    registry.register(NodeCollector(watch))
    return {
        family.name: {"".join(sample.labels.values()): sample.value for sample in family.samples}
        for family in text_string_to_metric_families(generate_latest(registry).decode())
    }


def test_scrape_tells_every_gauge_once(node: TestNode) -> None:
    assert scrape(node).keys() == {gauge.name for gauge in GAUGES}


def test_unanchored_leaves_have_a_count_and_an_age_by_kind(node: TestNode) -> None:
    before = scrape(node)
    node.put(node.health, "visit-1", TREATMENT_RECORD)
    written, after = node.time.now, scrape(node)
    for name in ("cityledger_unanchored_leaves", "cityledger_oldest_unanchored_leaf_age_seconds"):
        assert before[name] == {"records": 0, "receipts": 0}
    assert after["cityledger_unanchored_leaves"] == {"records": 1, "receipts": 0}
    assert after["cityledger_oldest_unanchored_leaf_age_seconds"]["records"] == NOW - written


def test_halted_logs_are_told_by_cause(node: TestNode) -> None:
    with node.context.services.database.writing() as connection:
        head = next(one for one in logs.list_heads(connection) if one.kind == LogKind.RECORDS)
        logs.halt(connection, LogId(head.log), HaltCause.OTHER_ROOT, "a root that is not ours")
    halted = scrape(node)["cityledger_halted_logs"]
    assert {cause for cause, count in halted.items() if count} == {"other-root"}
    assert halted.keys() == {cause.value for cause in HaltCause}


def test_index_tells_its_lag_and_its_end(node: TestNode) -> None:
    scraped = scrape(node)
    assert scraped["cityledger_index_lag_blocks"] == {"": 7 - node.block}
    assert scraped["cityledger_index_lag_seconds"] == {"": NOW - node.time.now}
    assert scraped["cityledger_index_halted"] == {"": 0}
    with node.context.services.database.writing() as connection:
        node_state.put_value(connection, node_state.INDEX_HALTED, "a deep reorg")
    assert scrape(node)["cityledger_index_halted"] == {"": 1}


def test_operator_and_endpoints_are_told(node: TestNode) -> None:
    scraped = scrape(node)
    assert scraped["cityledger_operator_balance_ether"] == {"": 2}
    assert scraped["cityledger_operator_nonce"] == {"": 5}
    assert scraped["cityledger_pending_transactions"] == {"": 0}
    assert scraped["cityledger_endpoint_up"] == {"0": 1, "1": 0}
    assert scraped["cityledger_check_ok"] == {"index": 1, "logs": 0}


def test_transaction_that_the_limit_of_fees_holds_up_is_told(node: TestNode) -> None:
    assert scrape(node)["cityledger_operator_waits_at_fee_limit"] == {"": 0}
    assert scrape(node, waits_at_cap=True)["cityledger_operator_waits_at_fee_limit"] == {"": 1}


def test_reads_are_told_stopped_for_a_disagreement_only(
    node: TestNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert scrape(node)["cityledger_reads_stopped"] == {"": 0}

    def lose(_connection: object, key: str) -> None:
        if key == READS_STOPPED:
            raise OperationalError("SELECT", {}, Exception("the connection is lost"))

    with monkeypatch.context() as patched:
        patched.setattr(node_state, "find_value", lose)
        assert "cityledger_reads_stopped" not in scrape(node)
    with node.context.services.database.writing() as connection:
        node_state.put_value(connection, READS_STOPPED, "contract and index disagreed")
    assert scrape(node)["cityledger_reads_stopped"] == {"": 1}


def test_what_the_chain_would_tell_is_absent_while_it_is_silent(node: TestNode) -> None:
    missing = {gauge.name for gauge in GAUGES} - scrape(node, None).keys()
    assert missing == {
        "cityledger_operator_balance_ether",
        "cityledger_operator_nonce",
        "cityledger_pending_transactions",
        "cityledger_pending_fee_bumps",
        "cityledger_index_lag_blocks",
    }


def test_database_that_is_gone_breaks_no_scrape(node: TestNode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node.context.services.database, "reading", _refuse)
    scraped = scrape(node)
    assert scraped["cityledger_check_ok"]["index"] == 1
    assert "cityledger_unanchored_leaves" not in scraped


def _refuse() -> None:
    raise ChainUnavailableError("gone")


def test_reads_are_counted_by_action_and_outcome(node: TestNode) -> None:
    node.put(node.health, "visit-1", TREATMENT_RECORD)
    headers = node.headers("LAND", "reader", "TREATMENT")
    node.client.get(node.url(node.health, "visit-1"), headers=headers)
    node.client.get(node.url(node.parking, "visit-1"), headers=headers)
    scraped = generate_latest(node.context.services.instruments.registry).decode()
    assert 'cityledger_decisions_total{action="read",outcome="permitted"} 1.0' in scraped
    assert 'cityledger_decisions_total{action="read",outcome="denied"} 1.0' in scraped
    assert "cityledger_receipt_commit_seconds_count 2.0" in scraped

from __future__ import annotations

import logging
from dataclasses import replace

import pytest
from httpx import Response
from prometheus_client import CollectorRegistry, generate_latest
from starlette.testclient import TestClient

from cityledger.api.application import create_app
from cityledger.api.context import Check
from cityledger.api.http.shapes import hex_of
from support.node.chain_facts import CHAIN_ID, INSTANCE
from support.node.node_fixture import TestNode
from support.node.sample_records import TREATMENT_RECORD


def test_node_says_what_a_client_needs(node: TestNode) -> None:
    body = node.client.get("/.well-known/cityledger").json()
    assert (body["instance"], body["chainId"]) == (hex_of(INSTANCE), str(CHAIN_ID))
    assert body["stalenessLimitSeconds"] == 15
    assert body["siweDomain"] == "city.test"
    assert body["agencies"] == [1, 2, 3]
    assert body["token"]["endpoint"] == "/v1/token"


def test_root_names_the_ways_in(node: TestNode) -> None:
    body = node.client.get("/").json()
    assert body["service"] == "cityledger"
    for name in ("openapi", "about", "ready"):
        assert node.client.get(body[name]).status_code == 200


def test_readiness_names_what_is_wrong(node: TestNode) -> None:
    assert node.client.get("/readyz").json()["ready"] is True
    answer = _ready(node, Check("index", True, "at the head"), Check("journal", False, "closed", "open it"))
    assert answer.status_code == 503
    assert answer.json()["checks"][1] == {
        "name": "journal",
        "ok": False,
        "detail": "closed",
        "next": "open it",
        "vital": True,
    }


def test_readiness_outlives_what_is_not_vital(node: TestNode) -> None:
    answer = _ready(node, Check("funds", False, "not enough", "send some", vital=False))
    assert (answer.status_code, answer.json()["ready"]) == (200, True)
    assert answer.json()["checks"][0]["ok"] is False


def _ready(node: TestNode, *checks: Check) -> Response:
    context = replace(node.context, readiness=lambda: list(checks), metrics=CollectorRegistry())
    return TestClient(create_app(context)).get("/readyz")


def test_metrics_and_logs_hold_templates_only(node: TestNode, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    node.put(node.health, "visit-7", TREATMENT_RECORD)
    headers = node.headers("LAND", "reader", "TREATMENT", **{"Cityledger-Case": "case-42"})
    node.client.get(node.url(node.health, "visit-7") + "?version=1", headers=headers)
    node.client.get("/v1/agencies/HEALTH")
    node.client.get("/secret-path")
    metrics = generate_latest(node.context.metrics).decode()

    route = 'route="/v1/datasets/{dataset}/records/{id}"'
    assert f'cityledger_requests_total{{method="GET",{route},status="200"}} 1.0' in metrics
    ours = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("cityledger"))
    assert "route=/v1/datasets/{dataset}/records/{id} status=200" in ours
    for hidden in (
        "visit-7",
        "case-42",
        "reader-1",
        "secret-path",
        "version=1",
        node.health.hex(),
        "Patient",
    ):
        assert hidden not in metrics + ours
    assert headers["Authorization"].split()[1] not in metrics + ours


def test_two_nodes_live_in_one_process(node: TestNode) -> None:
    other = replace(
        node.context,
        settings=replace(node.context.settings, domain="other.test"),
        metrics=CollectorRegistry(),
    )
    assert TestClient(create_app(other)).get("/.well-known/cityledger").json()["siweDomain"] == "other.test"
    assert node.client.get("/.well-known/cityledger").json()["siweDomain"] == "city.test"

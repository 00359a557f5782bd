"""A method that a route does not take was a label of its own in the metrics: a stranger could grow them
without end, and put words there.
"""

from __future__ import annotations

from prometheus_client import generate_latest

from support.node.node_fixture import TestNode


def test_made_up_methods_are_no_labels(node: TestNode) -> None:
    for number in range(3):
        assert node.client.request(f"WORD{number}", "/readyz").status_code == 405
    node.client.get("/readyz")

    text = generate_latest(node.context.metrics).decode()

    assert "WORD" not in text
    assert 'cityledger_requests_total{method="none",route="/readyz",status="405"} 3.0' in text
    assert 'method="GET",route="/readyz"' in text

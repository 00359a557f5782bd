"""Of 200 parallel writes without a condition to one record, 91 ended in 409 "try again" (hostile)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from support.node.node_fixture import TestNode
from support.node.sample_records import TREATMENT_RECORD


def test_parallel_writes_without_a_condition_all_succeed(node: TestNode) -> None:
    headers = node.headers("HEALTH", "writer")
    url = node.url(node.health, "visit-1")

    def put(_: int) -> int:
        answer = node.client.put(url, json=TREATMENT_RECORD, headers=headers)
        assert answer.status_code in (200, 201), answer.text
        return int(answer.json()["version"])

    with ThreadPoolExecutor(40) as threads:
        versions = list(threads.map(put, range(120)))

    assert sorted(versions) == list(range(1, 121))

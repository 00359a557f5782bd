"""No question that a node asks of its large tables reads more of them than it answers with: what is asked
over HTTP is noted, and SQLite is asked how it would find it in a store that it knows nothing about.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from support.node.node_fixture import TestNode, make_node
from support.node.sample_records import TITLE_RECORD, TREATMENT_RECORD

LARGE = {
    "leaf",
    "record_version",
    "record_part",
    "record_subject",
    "record_identifier",
    "subject",
    "tombstone",
    "idempotency",
    "token",
    "once",
    "batch",
    "block",
}
"""Tables with a row for each record, read or block. ``receipt`` is apart: who lists reads, reads them."""
COARSE = {"dataset", "log", "agency", "provider", "version", "numbered_at"}
"""Columns with few values: by these alone a search goes through much of its table."""
ENDS = re.compile(r"order by [a-z_.]+ desc\s+limit|max\(|select count\(\*\) as \w+, min\(", re.IGNORECASE)
"""Questions for one end of an index, or for the open tail of a log."""


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestNode]:
    monkeypatch.setenv("CITYLEDGER_TEST_DATABASE", "sqlite")
    made = make_node(tmp_path)
    yield made
    made.close()


def test_no_question_goes_through_a_large_table(node: TestNode) -> None:
    queries: dict[str, Any] = {}
    engine = node.context.services.database.engine

    def note(_connection: object, _cursor: object, statement: str, given: Any, *_rest: object) -> None:
        if statement.lstrip().upper().startswith(("SELECT", "UPDATE", "DELETE")):
            queries[statement] = given[0] if isinstance(given, list) else given

    sa.event.listen(engine, "before_cursor_execute", note)
    _use(node)
    sa.event.remove(engine, "before_cursor_execute", note)
    for table in ("leaf", "record_version", "record_part", "record_subject", "batch"):
        assert any(f"FROM {table}" in statement for statement in queries), table

    with node.context.services.database.reading() as connection:
        slow = [
            (step, statement)
            for statement, given in queries.items()
            for step in _plan(connection, statement, given)
            if _is_slow(step, statement)
        ]
    assert slow == []


@pytest.mark.parametrize(
    ("step", "statement", "is_slow"),
    [
        ("SCAN leaf", "SELECT 1", True),
        ("SCAN log_head", "SELECT 1", False),
        ("SEARCH record_subject USING COVERING INDEX a (dataset=?)", "SELECT 1", True),
        ("SEARCH record_subject USING COVERING INDEX a (subject=? AND dataset=?)", "SELECT 1", False),
        ("SEARCH batch USING INDEX a (log=?)", "SELECT 1 ORDER BY batch.first DESC\n LIMIT 1", False),
    ],
)
def test_plan_that_reads_too_much_is_known(step: str, statement: str, is_slow: bool) -> None:
    assert _is_slow(step, statement) == is_slow


def _plan(connection: sa.Connection, statement: str, given: Any) -> list[str]:
    return [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given)]


def _is_slow(step: str, statement: str) -> bool:
    kind, _, rest = step.partition(" ")
    table = rest.split(" ")[0]
    if kind not in ("SCAN", "SEARCH") or table not in LARGE or ENDS.search(statement):
        return False
    bound = set(re.findall(r"(\w+)[=<>]", rest.rpartition("(")[2]))
    return kind == "SCAN" or not bound - COARSE


def _use(node: TestNode) -> None:
    """Every kind of request that a store is asked for."""
    reading = node.headers("HEALTH", "reader")
    subject = {"subject": TREATMENT_RECORD["subjects"][0]}
    for name in ("visit-1", "visit-2", "visit-1"):
        node.put(node.health, name, TREATMENT_RECORD, **{"Idempotency-Key": f"key-{name}-{node.time.now}"})
    node.put(node.land, "title-1", TITLE_RECORD)
    node.anchor_all()
    for tail in ("", "/history", "/proof", "?version=1"):
        answer = node.client.get(node.url(node.health, "visit-1") + tail, headers=reading)
        assert answer.status_code == 200, answer.text
    find = f"/v1/datasets/0x{node.health.hex()}/records/find"
    assert node.client.post(find, json=subject, headers=reading).status_code == 200
    found = node.client.post(find, json={"key": "visit-1"}, headers=reading)
    assert found.status_code in (200, 422), found.text
    assert node.client.get("/v1/reads", headers=node.headers("HEALTH", "auditor")).status_code == 200
    answer = node.client.request(
        "DELETE",
        node.url(node.health, "visit-2") + "?erase=true",
        headers=node.headers("HEALTH", "steward"),
    )
    assert answer.status_code < 500, answer.text

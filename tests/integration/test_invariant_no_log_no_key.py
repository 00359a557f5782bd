"""Invariant 1: on every exit, with the receipts failing at each step, no payload, key or ciphertext leaves.

The table names each route that has to do with records, so that no new one can come unnoticed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.routing import iter_route_contexts
from httpx import Response
from sqlalchemy import event

from cityledger.errors import StorageFullError
from cityledger.exchange import audit, heads, lookup, part_streams, read, submit
from cityledger.exchange.erasure_proof import prove_erasure
from cityledger.exchange.imports import jobs
from cityledger.exchange.lookup import find_by_identifier
from cityledger.types import AgencyId, purpose_from_name
from support.node.node_fixture import TestNode, make_node
from support.node.record_exits import (
    READS,
    RECORDS,
    Ask,
    Prepared,
    asking,
    prepare,
)
from support.node.sample_records import TREATMENT_RECORD
from support.store.failing_journal import FailingJournal

ON_CHAIN = "the steward desk: answers a transaction, nothing of the record"
EXITS: dict[tuple[str, str], object] = {
    ("PUT", RECORDS + "/{id}"): submit.submit,
    ("GET", RECORDS + "/{id}"): read.read_plain,
    ("DELETE", RECORDS + "/{id}"): submit.erase,
    ("POST", RECORDS + "/{id}/withdraw"): submit.withdraw,
    ("POST", RECORDS + "/{id}/release"): read.read,
    ("GET", RECORDS + "/{id}/parts/{part}"): part_streams.read_part,
    ("GET", RECORDS + "/{id}/parts/{part}/ciphertext"): part_streams.read_ciphertext,
    ("GET", RECORDS + "/{id}/history"): lookup.history,
    ("GET", RECORDS + "/{id}/proof"): (lookup.prove, read.read_plain),
    ("GET", RECORDS + "/{id}/tombstone"): prove_erasure,
    ("POST", RECORDS + "/find"): (lookup.find_by_subject, lookup.find_by_key, find_by_identifier),
    ("POST", RECORDS + "/check"): (lookup.find_by_subject, lookup.find_by_key, find_by_identifier),
    ("POST", RECORDS + "/{id}/head"): heads.move_head,
    ("POST", RECORDS + "/{id}/restrict"): ON_CHAIN,
    ("POST", RECORDS + "/{id}/seal"): ON_CHAIN,
    ("POST", "/v1/datasets/{dataset}/imports"): jobs.receive_import,
    ("POST", "/v1/subjects/resolve"): lookup.resolve_subject,
    ("GET", "/v1/reads"): audit.list_reads,
    ("GET", "/v1/reads/{digest}/proof"): audit.prove_read,
}
"""Every route about records, subjects and reads, and the exchange function that answers it."""
NO_RECORDS = {
    ("GET", "/v1/siwe/nonce"),
    ("POST", "/v1/token"),
    ("GET", "/v1/whoami"),
    ("GET", "/v1/agencies"),
    ("GET", "/v1/agencies/{agency}"),
    ("GET", "/v1/agencies/{agency}/revocations"),
    ("PUT", "/v1/agencies/{agency}/revocations"),
    ("GET", "/v1/catalog"),
    ("GET", "/v1/datasets/{dataset}"),
    ("GET", "/v1/datasets/{dataset}/schema"),
    ("GET", "/v1/grants"),
    ("POST", "/v1/grants"),
    ("POST", "/v1/grants/revoke"),
    ("POST", "/v1/decisions"),
    ("GET", "/v1/imports"),
    ("GET", "/v1/imports/{import}"),
    ("GET", "/v1/imports/{import}/rows"),
    ("GET", "/v1/imports/{import}/errors"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/"),
    ("GET", "/.well-known/cityledger"),
    ("GET", "/openapi.json"),
}
"""Routes that never touch a record: ``/v1/decisions`` asks the rules about a dataset only, and what is
reported of an import is counts, row numbers, fields and reasons."""


@pytest.fixture
def node(tmp_path: Path) -> Iterator[TestNode]:
    made = make_node(tmp_path)
    yield made
    made.close()


def test_every_route_is_in_a_table(node: TestNode) -> None:
    walked = {
        (method, route.path)
        for route in iter_route_contexts(node.client.app.routes)  # type: ignore[attr-defined]
        for method in (route.methods or {"every method"}) - {"HEAD"}
    }
    assert walked == EXITS.keys() | NO_RECORDS


@pytest.mark.parametrize("path", sorted({path for _, path in NO_RECORDS}))
def test_routes_outside_the_table_are_not_about_records(path: str) -> None:
    assert not re.search(r"/(records|subjects|reads)\b", path)


def test_every_exit_is_asked() -> None:
    written = {
        ("PUT", RECORDS + "/{id}"),
        ("DELETE", RECORDS + "/{id}"),
        ("POST", RECORDS + "/{id}/withdraw"),
        ("POST", RECORDS + "/{id}/head"),
        ("POST", "/v1/datasets/{dataset}/imports"),
    }
    listed = {exit_ for exit_ in EXITS if exit_[1].startswith("/v1/reads")}
    on_chain = {exit_ for exit_, how in EXITS.items() if how == ON_CHAIN}
    assert {exit_ for exit_, _ in READS.values()} == EXITS.keys() - written - listed - on_chain


@pytest.mark.parametrize("ask", [ask for _, ask in READS.values()], ids=READS)
def test_exit_answers_only_with_durable_receipts(node: TestNode, ask: Ask) -> None:
    prepare(node)
    before = node.row_counts()["receipt"]

    answer = ask(node, node.client)

    assert answer.status_code == 200, answer.text
    receipts = answer.headers["cityledger-read-receipt"].split(", ")
    assert node.row_counts()["receipt"] == before + len(receipts) > before


@pytest.mark.parametrize("ask", [ask for _, ask in READS.values()], ids=READS)
@pytest.mark.parametrize("where", ["before", "inside", "after"])
@pytest.mark.parametrize("error", [StorageFullError("full"), RuntimeError("driver said: Patient/secret")])
def test_exit_tells_nothing_when_receipts_fail(
    node: TestNode, ask: Ask, where: str, error: Exception
) -> None:
    secrets = prepare(node)
    journal = FailingJournal(node.context.services.journal, where, 1, error)

    answer = ask(node, node.client_with(journal=journal))

    assert journal.count == 1
    assert answer.status_code in (500, 507)
    verify_tells_nothing(answer, secrets)


@pytest.mark.parametrize("ask", [ask for _, ask in READS.values()], ids=READS)
def test_exit_tells_nothing_when_the_commit_fails(node: TestNode, ask: Ask) -> None:
    secrets = prepare(node)
    before = node.row_counts()

    headers = asking(node)  # tokens are written before commits begin to fail
    with failing_commits(node):
        answer = ask(Prepared(node, headers), node.client)  # type: ignore[arg-type]

    assert answer.status_code == 507
    verify_tells_nothing(answer, secrets)
    assert node.row_counts() == before


@pytest.mark.parametrize("name", sorted(READS.keys() - {"resolve", "tombstone"}))
@pytest.mark.parametrize("nth", [1, 2])
def test_exit_tells_nothing_when_revoked_between_the_decisions(node: TestNode, name: str, nth: int) -> None:
    """Also when the receipt of that second decision, the denial, cannot be written."""
    secrets = prepare(node)
    journal = RevokingJournal(node, StorageFullError("full") if nth == 2 else None)

    answer = READS[name][1](node, node.client_with(journal=journal))

    assert answer.status_code == (507 if nth == 2 else 403)
    verify_tells_nothing(answer, secrets)


@pytest.mark.parametrize("where", ["before", "inside"])
def test_write_that_fails_leaves_and_tells_nothing(node: TestNode, where: str) -> None:
    secrets = prepare(node)
    journal = FailingJournal(node.context.services.journal, where, 1, StorageFullError("full"))
    client = node.client_with(journal=journal)
    headers = {**node.headers("HEALTH", "writer"), "Idempotency-Key": "k"}
    before = node.row_counts()

    answer = client.put(node.url(node.health, "visit"), json=TREATMENT_RECORD, headers=headers)
    verify_tells_nothing(answer, secrets)
    assert (answer.status_code, node.row_counts()) == (507, before)


@pytest.mark.parametrize("where", ["before", "inside"])
def test_withdrawal_that_fails_leaves_the_record_and_tells_nothing(node: TestNode, where: str) -> None:
    secrets = prepare(node)
    headers = node.headers("HEALTH", "writer")
    before = node.row_counts()
    client = node.client_with(
        journal=FailingJournal(node.context.services.journal, where, 1, StorageFullError("full"))
    )

    answer = client.post(node.url(node.health, "visit", "/withdraw"), headers=headers)

    verify_tells_nothing(answer, secrets)
    assert (answer.status_code, node.row_counts()) == (507, before)


@dataclass
class RevokingJournal:
    """Lets the chain revoke the grant right after the first receipts are durable."""

    node: TestNode
    then: Exception | None
    count: int = 0

    def run(self, work: Callable[[sa.Connection], Any]) -> Any:
        self.count += 1
        if self.count > 1 and self.then is not None:
            raise self.then
        result = self.node.context.services.journal.run(work)
        if self.count == 1:
            self.node.revoke(self.node.health, AgencyId(2), purpose_from_name("TREATMENT"))
        return result


@contextmanager
def failing_commits(node: TestNode) -> Iterator[None]:
    engine = node.context.services.database.engine

    def fail(_connection: sa.Connection) -> None:
        if _connection.get_execution_options().get("cityledger_write", False):
            raise StorageFullError("full")

    event.listen(engine, "commit", fail)
    yield
    event.remove(engine, "commit", fail)


def verify_tells_nothing(answer: Response, secrets: list[bytes]) -> None:
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json().keys() <= {"type", "title", "status", "detail", "code", "ruleCode"}
    for name in ("cityledger-read-receipt", "cityledger-decision", "etag"):
        assert name not in answer.headers
    assert not [secret for secret in secrets if secret in answer.content]

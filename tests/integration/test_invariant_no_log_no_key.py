"""Invariant 1: on every exit, with the receipts failing at each step, no payload, key or ciphertext leaves.

The table names each route that has to do with records, so that no new one can come unnoticed.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.routing import iter_route_contexts
from httpx import Response
from sqlalchemy import event
from starlette.testclient import TestClient

from cityledger.api.http.shapes import hex_of
from cityledger.errors import StorageFullError
from cityledger.exchange import audit, heads, lookup, part_streams, read, submit
from cityledger.exchange.erasure_proof import prove_erasure
from cityledger.exchange.imports import jobs
from cityledger.exchange.lookup import find_by_identifier
from cityledger.store import tables as t
from cityledger.store.engine.journal import Journal
from cityledger.types import AgencyId, purpose_from_name
from support.node.node_fixture import TestNode, make_node
from support.node.sample_records import TREATMENT_RECORD

RECORDS = "/v1/datasets/{dataset}/records"
SCAN = b"scan of a page " * 30_000
"""A payload that is kept as an object."""
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
"""Routes that never touch a record: ``/v1/decisions`` asks the rules about a dataset only, and what is told
of an import is counts, row numbers, fields and reasons."""

VISIT_NUMBER = {"system": "urn:example:visits", "value": "V-2041"}

Ask = Callable[[TestNode, TestClient], Response]


@pytest.fixture
def node(tmp_path: Path) -> Iterator[TestNode]:
    made = make_node(tmp_path)
    yield made
    made.close()


@dataclass
class FailingJournal:
    """Fails the ``nth`` write: before it runs, inside its transaction, or after its commit."""

    inner: Journal
    where: str
    nth: int
    error: Exception
    count: int = field(default=0)

    def run(self, work: Callable[[sa.Connection], Any]) -> Any:
        self.count += 1
        if self.count != self.nth:
            return self.inner.run(work)
        if self.where == "after":
            self.inner.run(work)
        if self.where != "inside":
            raise self.error

        def failing(connection: sa.Connection) -> None:
            work(connection)
            raise self.error

        return self.inner.run(failing)


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


READS: dict[str, tuple[tuple[str, str], Ask]] = {
    "read": (
        ("GET", RECORDS + "/{id}"),
        lambda node, client: client.get(node.url(node.health, "visit"), headers=asking(node)),
    ),
    "read as FHIR": (
        ("GET", RECORDS + "/{id}"),
        lambda node, client: client.get(
            node.url(node.health, "visit"), headers=asking(node) | {"Accept": "application/fhir+json"}
        ),
    ),
    "release": (
        ("POST", RECORDS + "/{id}/release"),
        lambda node, client: client.post(
            node.url(node.health, "visit", "/release"), headers=asking(node), json=presented(node)
        ),
    ),
    "part": (
        ("GET", RECORDS + "/{id}/parts/{part}"),
        lambda node, client: client.get(
            node.url(node.health, "visit", "/parts/summary"), headers=asking(node)
        ),
    ),
    "long part": (
        ("GET", RECORDS + "/{id}/parts/{part}"),
        lambda node, client: client.get(
            node.url(node.health, "scan", "/parts/attachment"), headers=asking(node)
        ),
    ),
    "ciphertext of a long part": (
        ("GET", RECORDS + "/{id}/parts/{part}/ciphertext"),
        lambda node, client: fetch_ciphertext(node, client),
    ),
    "history": (
        ("GET", RECORDS + "/{id}/history"),
        lambda node, client: client.get(node.url(node.health, "visit", "/history"), headers=asking(node)),
    ),
    "proof": (
        ("GET", RECORDS + "/{id}/proof"),
        lambda node, client: client.get(node.url(node.health, "visit", "/proof"), headers=asking(node)),
    ),
    "proof with openings": (
        ("GET", RECORDS + "/{id}/proof"),
        lambda node, client: client.get(
            node.url(node.health, "visit", "/proof?openings=true"), headers=asking(node)
        ),
    ),
    "tombstone": (
        ("GET", RECORDS + "/{id}/tombstone"),
        lambda node, client: client.get(
            node.url(node.health, "erased", "/tombstone"), headers=node.headers("HEALTH", "reader")
        ),
    ),
    "find by id": (
        ("POST", RECORDS + "/find"),
        lambda node, client: client.post(
            node.url(node.health, "find"), headers=asking(node), json={"id": "visit"}
        ),
    ),
    "find by subject": (
        ("POST", RECORDS + "/find"),
        lambda node, client: client.post(
            node.url(node.health, "find"), headers=asking(node), json={"subject": subject()}
        ),
    ),
    "find by identifier": (
        ("POST", RECORDS + "/find"),
        lambda node, client: client.post(
            node.url(node.health, "find"), headers=asking(node), json={"identifier": VISIT_NUMBER}
        ),
    ),
    "check": (
        ("POST", RECORDS + "/check"),
        lambda node, client: client.post(
            node.url(node.health, "check"), headers=asking(node), json={"id": "visit"}
        ),
    ),
    "resolve": (
        ("POST", "/v1/subjects/resolve"),
        lambda node, client: client.post(
            "/v1/subjects/resolve",
            headers=node.headers("HEALTH", "reader"),
            json={"dataset": hex_of(node.health), "system": "urn:x", "value": "P-1"},
        ),
    ),
}
"""Every exit that gives something of a record, as a caller who is let through."""


def test_every_exit_is_asked() -> None:
    written = {
        ("PUT", RECORDS + "/{id}"),
        ("DELETE", RECORDS + "/{id}"),
        ("POST", RECORDS + "/{id}/withdraw"),
        ("POST", RECORDS + "/{id}/head"),
        ("POST", "/v1/datasets/{dataset}/imports"),
    }
    listed = {exit_ for exit_ in EXITS if exit_[1].startswith("/v1/reads")}
    on_chain = {exit_ for exit_, told in EXITS.items() if told == ON_CHAIN}
    assert {exit_ for exit_, _ in READS.values()} == EXITS.keys() - written - listed - on_chain


@pytest.mark.parametrize("ask", [ask for _, ask in READS.values()], ids=READS)
def test_exit_answers_only_with_durable_receipts(node: TestNode, ask: Ask) -> None:
    prepare(node)
    before = node.row_counts()["receipt"]

    answer = ask(node, node.client)

    assert answer.status_code == 200, answer.text
    told = answer.headers["cityledger-read-receipt"].split(", ")
    assert node.row_counts()["receipt"] == before + len(told) > before


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


@dataclass
class Prepared:
    """A node whose caller has signed in already."""

    node: TestNode
    held: dict[str, str]

    def headers(self, *_: str) -> dict[str, str]:
        return self.held

    def __getattr__(self, name: str) -> Any:
        return getattr(self.node, name)


@contextmanager
def failing_commits(node: TestNode) -> Iterator[None]:
    engine = node.context.services.database.engine

    def fail(_connection: sa.Connection) -> None:
        if _connection.get_execution_options().get("cityledger_write", False):
            raise StorageFullError("full")

    event.listen(engine, "commit", fail)
    yield
    event.remove(engine, "commit", fail)


def prepare(node: TestNode) -> list[bytes]:
    """Anchored records, one of them erased; returns what must not leave."""
    summary = {**TREATMENT_RECORD["parts"]["summary"], "identifier": [VISIT_NUMBER]}
    node.put(node.health, "visit", {**TREATMENT_RECORD, "parts": {"summary": summary}})
    put_scan(node)
    node.put(node.health, "erased", TREATMENT_RECORD)
    erased = node.client.delete(
        node.url(node.health, "erased", "?reason=duty"), headers=node.headers("HEALTH", "writer")
    )
    assert erased.status_code == 200, erased.text
    node.anchor_all()
    with node.context.services.database.reading() as connection:
        ciphertexts = connection.execute(sa.select(t.record_part.c.ciphertext)).scalars().all()
        wrapped = connection.execute(sa.select(t.record_version.c.wrapped)).scalars().all()
    objects = node.context.services.objects
    held = [b"".join(objects.get(one.key)) for one in objects.list("parts/")]
    assert len(held) == 1
    sealed = [*filter(None, ciphertexts), *filter(None, wrapped), *held]
    forms = [form for one in sealed for form in (one[:24], base64.urlsafe_b64encode(one)[:24])]
    return [b"Patient/", b"Encounter", b"leafHash", b"Q0xFMg", SCAN[:24], *forms]


def put_scan(node: TestNode) -> None:
    """A record with a part that is kept as an object, granted to the one who asks."""
    head = 'Content-Disposition: form-data; name="'
    record = json.dumps(TREATMENT_RECORD)
    body = f'--b0\r\n{head}record"\r\n\r\n{record}\r\n--b0\r\n{head}attachment"\r\n\r\n'.encode()
    answer = node.client.put(
        node.url(node.health, "scan"),
        content=body + SCAN + b"\r\n--b0--",
        headers=node.headers("HEALTH", "writer") | {"Content-Type": "multipart/form-data; boundary=b0"},
    )
    assert answer.status_code == 201, answer.text
    node.grant(node.health, AgencyId(2), purpose_from_name("TREATMENT"), 0xFF)


def fetch_ciphertext(node: TestNode, client: TestClient) -> Response:
    """The ciphertext that a release refers to, or the refusal of that release."""
    url = node.url(node.health, "scan", "/release")
    released: Response = client.post(url, headers=asking(node), json=presented(node))
    if released.status_code != 200:
        return released
    (part,) = released.json()["objects"].values()
    answer: Response = client.get(part["href"], headers=asking(node))
    return answer


def verify_tells_nothing(answer: Response, secrets: list[bytes]) -> None:
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json().keys() <= {"type", "title", "status", "detail", "code", "ruleCode"}
    for name in ("cityledger-read-receipt", "cityledger-decision", "etag"):
        assert name not in answer.headers
    assert not [secret for secret in secrets if secret in answer.content]


def asking(node: TestNode) -> dict[str, str]:
    return node.headers("LAND", "reader", "TREATMENT")


def presented(node: TestNode) -> dict[str, object]:
    key = node.context.services.keyring.agency(AgencyId(2)).sealing_key
    encoded = base64.urlsafe_b64encode(key.public_bytes).decode().rstrip("=")
    return {"kem": int(key.kem), "sealingKey": encoded}


def subject() -> str:
    return str(TREATMENT_RECORD["subjects"][0])

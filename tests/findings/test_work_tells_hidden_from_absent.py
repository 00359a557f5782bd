"""Hidden records could be distinguished from absent ones by the work that they made: 31 SQL statements a read
instead of 30, 20 more for each hidden record of a subject; by a public counter of decisions; and by
pseudonyms that were given away where no record was visible.

Every route about records is asked about hidden ones and about what does not exist. Status, header names,
bytes, statements with the rows that they read, log lines and figures must be equal.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

import pytest
import sqlalchemy as sa
from httpx import Response
from prometheus_client import generate_latest

from cityledger.api.http.paging import write_cursor, write_key_cursor
from cityledger.api.http.shapes import hex_of
from cityledger.sealing.record_ids import record_id
from cityledger.store import subjects as subject_store
from cityledger.store.tables import receipt
from cityledger.types import AgencyId, RecordId, SubjectId
from integration.test_invariant_no_log_no_key import EXITS
from support.node.node_fixture import TestNode, make_node
from support.node.record_exits import RECORDS, presented
from support.node.sample_records import TREATMENT_RECORD

HEALTH, LAND = AgencyId(1), AgencyId(2)
SYSTEM = "urn:example:visits"
COUNTS = (1, 20)
Hide = Callable[[TestNode, RecordId, str], None]


def _erase(node: TestNode, _record: RecordId, name: str) -> None:
    url = node.url(node.health, name) + "?reason=subject-request"
    answer = node.client.delete(url, headers=node.headers("HEALTH", "writer"))
    assert answer.status_code == 200, answer.text


WAYS: dict[str, Hide] = {
    "sealed by law": lambda node, record, _: node.seal(node.health, record),
    "restricted for all": lambda node, record, _: node.restrict(node.health, record, AgencyId(0)),
    "restricted for the caller": lambda node, record, _: node.restrict(node.health, record, LAND),
    "erased at the subject's request": _erase,
}


@dataclass(frozen=True)
class Person:
    """By a record's name, a visit number, a pseudonym, a resident's number."""

    number: int

    @property
    def name(self) -> str:
        return f"visit-{self.number:03}-000"

    @property
    def visit(self) -> dict[str, str]:
        return {"system": SYSTEM, "value": f"V-{self.number:03}"}

    @property
    def subject(self) -> SubjectId:
        return SubjectId(bytes([self.number]) * 32)

    @property
    def resident(self) -> str:
        return f"P-{self.number:03}"


NOBODY = Person(200)
"""Does not exist."""
KINDS = [(way, count) for way in WAYS for count in COUNTS]
HIDDEN = {kind: Person(1 + place) for place, kind in enumerate(KINDS)}


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestNode]:
    made = make_node(tmp_path_factory.mktemp("hidden"))
    for (way, count), person in HIDDEN.items():
        _write(made, way, count, person)
    made.anchor_all()
    yield made
    made.close()


def _write(node: TestNode, way: str, count: int, person: Person) -> None:
    services = node.context.services
    summary = {**TREATMENT_RECORD["parts"]["summary"], "identifier": [person.visit]}
    others = [hex_of(bytes([100 + place]) * 32) for place in range(3)]
    body = {"subjects": [hex_of(person.subject), *others], "parts": {"summary": summary}}
    for place in range(count):
        name = person.name[:-3] + f"{place:03}"
        record = RecordId(bytes.fromhex(node.put(node.health, name, body)["record"][2:]))
        WAYS[way](node, record, name)
    identifier = subject_store.identifier_digest(
        services.keys_of(HEALTH).subject_key, "urn:residents", person.resident
    )
    services.journal.run(lambda c: subject_store.add_subject(c, HEALTH, identifier, person.subject))


# --- what is asked --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Asking:
    """One caller's question about one person."""

    node: TestNode
    headers: dict[str, str]
    person: Person

    def request(self, method: str, url: str, **more: Any) -> Response:
        headers = self.headers | more.pop("headers", {})
        answer: Response = self.node.client.request(method, url, headers=headers, **more)
        return answer

    def about(self, method: str, tail: str = "", **more: Any) -> Response:
        return self.request(method, self.node.url(self.node.health, self.person.name, tail), **more)

    def by_id(self, method: str, tail: str = "", **more: Any) -> Response:
        return self.request(method, self.node.url(self.node.health, hex_of(self.record), tail), **more)

    @property
    def record(self) -> RecordId:
        """The id of the named record, as the provider's record key makes it, there or not."""
        keys = self.node.context.services.keys_of(HEALTH)
        return record_id(keys.record_key(self.node.health), self.person.name)

    def search(self, word: str, body: dict[str, Any], query: str = "") -> Response:
        return self.request("POST", self.node.url(self.node.health, word, query), json=body)

    @property
    def about_subject(self) -> dict[str, Any]:
        return {"subject": hex_of(self.person.subject)}

    @property
    def page_from_record(self) -> str:
        """The query of a page whose first record is the named one, where that is listed."""
        before = (int.from_bytes(self.record) - 1).to_bytes(32)
        return f"?limit=1&after={write_key_cursor(before)}"

    def receipt_of_a_read(self) -> str:
        """The digest of the receipt of a read of the named record, which only the provider knows."""
        self.about("GET")
        query = sa.select(receipt.c.digest).order_by(receipt.c.log, receipt.c.seq.desc()).limit(1)
        with self.node.context.services.database.reading() as connection:
            return hex_of(connection.execute(query).scalar_one())

    def page_after_a_read(self) -> Response:
        """The caller's list of reads, from a read of the named record on."""
        query = sa.select(sa.func.max(receipt.c.seq)).where(receipt.c.log == 2)
        with self.node.context.services.database.reading() as connection:
            newest = connection.execute(query).scalar_one() or 0
        self.about("GET")
        return self.request("GET", f"/v1/reads?after={write_cursor((2, newest))}")


def _searches(word: str) -> dict[str, Callable[[Asking], Response]]:
    return {
        f"{word} by id": lambda one: one.search(word, {"id": one.person.name}),
        f"{word} by 0x id": lambda one: one.search(word, {"id": hex_of(one.record)}),
        f"{word} by subject": lambda one: one.search(word, one.about_subject),
        f"{word} by identifier": lambda one: one.search(word, {"identifier": one.person.visit}),
    }


def _pages() -> dict[str, Callable[[Asking], Response]]:
    """First pages, and later ones that begin with the named record."""
    return {
        "page by subject": lambda one: one.search("find", one.about_subject, "?limit=1"),
        "page by identifier": lambda one: one.search("find", {"identifier": one.person.visit}, "?limit=1"),
        "later page by subject": lambda one: one.search("find", one.about_subject, one.page_from_record),
        "later page by identifier": lambda one: one.search(
            "find", {"identifier": one.person.visit}, one.page_from_record
        ),
    }


PROBES: dict[tuple[str, str], dict[str, Callable[[Asking], Response]]] = {
    ("GET", RECORDS + "/{id}"): {
        "read": lambda one: one.about("GET"),
        "read by 0x id": lambda one: one.by_id("GET"),
        "read of a version": lambda one: one.about("GET", "?version=1"),
        "read of a part": lambda one: one.about("GET", "?parts=summary"),
        "read as FHIR": lambda one: one.about("GET", headers={"Accept": "application/fhir+json"}),
    },
    ("PUT", RECORDS + "/{id}"): {
        "put": lambda one: one.about("PUT", json=TREATMENT_RECORD),
        "put as FHIR": lambda one: one.about(
            "PUT",
            content=json.dumps(TREATMENT_RECORD["parts"]["summary"]),
            headers={"Content-Type": "application/fhir+json"},
        ),
    },
    ("DELETE", RECORDS + "/{id}"): {"erase": lambda one: one.about("DELETE", "?reason=duty")},
    ("POST", RECORDS + "/{id}/withdraw"): {"withdraw": lambda one: one.about("POST", "/withdraw")},
    ("POST", RECORDS + "/{id}/release"): {
        "release": lambda one: one.about("POST", "/release", json=presented(one.node)),
    },
    ("GET", RECORDS + "/{id}/parts/{part}"): {"part": lambda one: one.about("GET", "/parts/summary")},
    ("GET", RECORDS + "/{id}/parts/{part}/ciphertext"): {
        "ciphertext": lambda one: one.about(
            "GET", "/parts/summary/ciphertext?version=1&receipt=0x" + "12" * 32
        ),
    },
    ("GET", RECORDS + "/{id}/history"): {
        "history": lambda one: one.about("GET", "/history"),
        "history by 0x id": lambda one: one.by_id("GET", "/history"),
    },
    ("GET", RECORDS + "/{id}/proof"): {
        "proof": lambda one: one.about("GET", "/proof"),
        "proof of a version": lambda one: one.about("GET", "/proof?version=1"),
        "proof with openings": lambda one: one.about("GET", "/proof?openings=true"),
    },
    ("GET", RECORDS + "/{id}/tombstone"): {
        "tombstone": lambda one: one.about("GET", "/tombstone"),
        "tombstone of a version": lambda one: one.about("GET", "/tombstone?version=1"),
    },
    ("POST", RECORDS + "/find"): {**_searches("find"), **_pages()},
    ("POST", RECORDS + "/check"): _searches("check"),
    ("POST", RECORDS + "/{id}/head"): {"land": lambda one: one.about("POST", "/head", json={})},
    ("POST", RECORDS + "/{id}/restrict"): {
        "restrict": lambda one: one.about("POST", "/restrict", json={"consumer": 2, "restricted": False}),
    },
    ("POST", RECORDS + "/{id}/seal"): {"seal": lambda one: one.about("POST", "/seal")},
    ("POST", "/v1/datasets/{dataset}/imports"): {
        "import": lambda one: one.request(
            "POST",
            f"/v1/datasets/{hex_of(one.node.health)}/imports?format=ndjson",
            content=json.dumps({"id": one.person.name, **TREATMENT_RECORD}),
            headers={"Content-Type": "application/x-ndjson"},
        ),
    },
    ("POST", "/v1/subjects/resolve"): {
        "resolve": lambda one: one.request(
            "POST",
            "/v1/subjects/resolve",
            json={
                "dataset": hex_of(one.node.health),
                "system": "urn:residents",
                "value": one.person.resident,
            },
        ),
    },
    ("GET", "/v1/reads"): {"reads": lambda one: one.page_after_a_read()},
    ("GET", "/v1/reads/{digest}/proof"): {
        "proof of a read": lambda one: one.request("GET", f"/v1/reads/{one.receipt_of_a_read()}/proof"),
    },
}
PROBES_BY_NAME = {name: probe for probes in PROBES.values() for name, probe in probes.items()}
CALLERS = [("reader", "TREATMENT"), ("auditor", "TREATMENT"), ("reader", "CREDIT")]
SEARCHES = [
    name for name in PROBES_BY_NAME if " by subject" in name or " by identifier" in name or name == "resolve"
]
"""Probes for which it matters how many records are hidden."""
CASES = [(name, kind) for name in PROBES_BY_NAME for kind in KINDS if kind[1] == 1 or name in SEARCHES]


def test_every_route_about_records_is_asked() -> None:
    """``EXITS`` is compared with the application's routes by its own module."""
    assert PROBES.keys() == EXITS.keys()


@pytest.mark.parametrize(
    ("name", "kind"), CASES, ids=[f"{name}, {kind[1]} {kind[0]}" for name, kind in CASES]
)
def test_hidden_is_as_absent_in_answer_and_work(
    node: TestNode, caplog: pytest.LogCaptureFixture, name: str, kind: tuple[str, int]
) -> None:
    caplog.set_level(logging.DEBUG, "cityledger")
    for role, purpose in CALLERS:
        headers = node.headers("LAND", role, purpose)
        absent = _observe(node, PROBES_BY_NAME[name], Asking(node, headers, NOBODY), caplog)
        hidden = _observe(node, PROBES_BY_NAME[name], Asking(node, headers, HIDDEN[kind]), caplog)

        assert hidden.answer == absent.answer, (role, purpose)
        assert _unlike(hidden.work, absent.work) == [], (role, purpose)
        assert hidden == absent, (role, purpose)


def test_what_is_compared_tells_a_visible_record(node: TestNode, caplog: pytest.LogCaptureFixture) -> None:
    """The comparison is of use: of a record that the caller may see it fails on every probe that a reader may
    make.
    """
    person = Person(150)
    _write(node, "sealed by law", 0, person)
    summary = {**TREATMENT_RECORD["parts"]["summary"], "identifier": [person.visit]}
    node.put(node.health, person.name, {"subjects": [hex_of(person.subject)], "parts": {"summary": summary}})
    headers = node.headers("LAND", "reader", "TREATMENT")
    writes = {"put", "put as FHIR", "erase", "withdraw", "land", "restrict", "seal", "import"}
    for name in PROBES_BY_NAME.keys() - writes - {"proof of a read", "tombstone", "tombstone of a version"}:
        absent = _observe(node, PROBES_BY_NAME[name], Asking(node, headers, NOBODY), caplog)
        visible = _observe(node, PROBES_BY_NAME[name], Asking(node, headers, person), caplog)
        assert visible != absent, name


# --- what is observed -----------------------------------------------------------------------------------


def _unlike(hidden: list[tuple[str, int]], absent: list[tuple[str, int]]) -> list[object]:
    """The steps in which two pieces of work differ; short enough to be read."""
    return [pair for pair in zip_longest(hidden, absent) if pair[0] != pair[1]]


@dataclass
class Observation:
    """Everything about one request that a caller, or a reader of logs and figures, could compare."""

    answer: tuple[int, tuple[str, ...], str] = (0, (), "")
    work: list[tuple[str, int]] = field(default_factory=list)
    """Statements, each with the number of rows that it reads."""
    lines: list[str] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)


def _observe(
    node: TestNode, probe: Callable[[Asking], Response], asking: Asking, caplog: pytest.LogCaptureFixture
) -> Observation:
    seen, engine = Observation(), node.context.services.database.engine
    probe(asking)  # caches of statements are filled then, and each record has been asked for before
    caplog.clear()
    before = _figures(node)

    def note(_c: object, cursor: Any, statement: str, given: Any, _context: object, _many: object) -> None:
        rows = 0
        if "commit_mark" in statement:
            return  # PostgreSQL's marks of commits are cleared now and then, whatever is asked
        if statement.startswith("SELECT"):
            again = cursor.connection.cursor()
            again.execute(statement, given)
            rows = len(again.fetchall())
        seen.work.append((statement, rows))

    sa.event.listen(engine, "after_cursor_execute", note)
    try:
        answer = probe(asking)
    finally:
        sa.event.remove(engine, "after_cursor_execute", note)
    seen.answer = (answer.status_code, tuple(sorted(answer.headers)), _masked(answer.text, asking))
    seen.lines = [
        re.sub(r"ms=\S+", "ms=", record.getMessage())
        for record in caplog.records
        if record.name.startswith("cityledger")
    ]
    after = _figures(node)
    seen.figures = {
        name: value - before.get(name, 0) for name, value in after.items() if value != before.get(name)
    }
    return seen


def _masked(text: str, asking: Asking) -> str:
    """Without what the caller sent itself, and without random digests and places in logs."""
    text = text.replace(hex_of(asking.record), "(record)")
    text = re.sub(r"0x[0-9a-f]{64,}", "(digest)", text)
    return re.sub(r'"(seq|readNo|next)":"[^"]+"', r'"\1":""', text)


def _figures(node: TestNode) -> dict[str, float]:
    """Every counter; of histograms only the counts, for the rest is time."""
    registries = (node.context.metrics, node.context.services.instruments.registry)
    lines = "".join(generate_latest(one).decode() for one in registries).splitlines()
    samples = (line.rpartition(" ") for line in lines if not line.startswith("#"))
    return {
        name: float(value) for name, _, value in samples if not re.search(r"_(bucket|sum|created)\b", name)
    }

"""What each act does, and what another write does to an import."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from cityledger.exchange.imports import run as import_run
from cityledger.exchange.imports.outcomes import ALREADY_EXISTS, NOTHING_TO_CHANGE, NOTHING_TO_DELETE
from cityledger.exchange.imports.run import ImportRun
from cityledger.exchange.imports.runner import ImportRunner
from cityledger.exchange.submit import submit_rows
from cityledger.store.imports import JobState, Verdict
from cityledger.store.subjects import find_subject, identifier_digest
from cityledger.store.tables import import_job
from support.imports.import_fixture import ImportDesk, ndjson, outcomes
from support.imports.import_rows import STREETS, delete, person, put, street_of, title, visit
from support.node.node_fixture import TestNode
from support.node.sample_records import PARKING_RECORD


@pytest.fixture
def land(node: TestNode) -> ImportDesk:
    return ImportDesk.of(node, node.land)


def test_every_row_has_one_outcome_and_refused_ones_are_listed(land: ImportDesk) -> None:
    file = ndjson(
        [
            put("a"),  # 1
            put("a"),  # 2 unchanged
            put("a", STREETS[1]),  # 3 the next version
            put("a", STREETS[2], "add"),  # 4 is there with other content
            put("a", STREETS[1], "add"),  # 5 is there with this content
            put("b", act="change"),  # 6 unknown
            delete("b"),  # 7 unknown
            put("b", act="add"),  # 8
            put("b", STREETS[1], "change"),  # 9
            delete("b"),  # 10
            delete("b"),  # 11 is withdrawn already
            put("b", act="add"),  # 12 returns
            {"id": "c", "parts": {"title": {"uid": 7}}},  # 13
        ]
    )
    job = land.import_(file)

    assert job.state is JobState.DONE
    assert outcomes(job) == {"accepted": 5, "unchanged": 2, "withdrawn": 1, "rejected": 5}
    assert [(row.row_no, row.field, row.reason) for row in land.rows(job)] == [
        (4, "", ALREADY_EXISTS),
        (6, "", NOTHING_TO_CHANGE),
        (7, "", NOTHING_TO_DELETE),
        (11, "", NOTHING_TO_DELETE),
        (13, "parts.title.uid", "must be a string"),
    ]
    assert {name: one.version for name, one in land.newest("a", "b", "c").items()} == {"a": 2, "b": 4, "c": 0}


def test_upsert_adds_what_is_changed_and_passes_over_what_is_deleted(land: ImportDesk) -> None:
    job = land.import_(ndjson([put("a", act="change"), delete("b")]), upsert=True)
    assert outcomes(job) == {"accepted": 1, "unchanged": 1}


def test_withdrawn_record_is_absent_and_its_history_stays(node: TestNode, land: ImportDesk) -> None:
    land.import_(ndjson([put("a"), delete("a")]))
    headers = node.headers("LAND", "reader")

    assert node.client.get(node.url(node.land, "a"), headers=headers).status_code == 404
    assert node.client.get(node.url(node.land, "a") + "?version=1", headers=headers).status_code == 200

    land.import_(ndjson([put("a", STREETS[1], "add")]))
    assert node.client.get(node.url(node.land, "a"), headers=headers).json()["version"] == 3


def test_what_was_imported_reads_back_byte_for_byte(node: TestNode, land: ImportDesk) -> None:
    raw = b'{ "uid":"110101-001-0007", "type":"apartment", "address":{"district":"\\u897f","street":"x"},'
    raw += b' "area":{"value":61.50,"unit":"m2"} }'
    land.import_(b'{"id": "a", "parts": {"title": ' + raw + b"}}")

    answer = node.client.get(node.url(node.land, "a"), headers=node.headers("LAND", "reader"))
    assert raw in answer.content


def test_a_file_sent_again_writes_nothing_and_another_option_is_another_import(land: ImportDesk) -> None:
    file = ndjson([put("a")])
    first = land.import_(file)
    before = land.node.row_counts()
    again = land.import_(file)
    assert (again.repeat_of, outcomes(again)) == (first.id, {})
    assert land.node.row_counts() == {**before, "import_job": 2}
    assert land.send(file, upsert=True).repeat_of is None


def test_a_job_of_another_node_of_the_database_is_left_to_that_node(node: TestNode, land: ImportDesk) -> None:
    land.send(ndjson([put("a")]))
    node.execute(sa.update(import_job).values(agency=99))

    assert not ImportRunner(node.context.services).turn()
    with node.context.services.database.reading() as connection:
        assert connection.execute(sa.select(import_job.c.state)).scalar_one() == JobState.WAITING


def test_the_same_rows_in_another_file_add_nothing(land: ImportDesk) -> None:
    land.import_(ndjson([put("a"), put("b")]))
    assert outcomes(land.import_(ndjson([put("b"), put("a")]))) == {"unchanged": 2}


def test_parking_states_are_compared_by_meaning(node: TestNode) -> None:
    desk = ImportDesk.of(node, node.parking)

    def state(at: str, free: int) -> dict[str, Any]:
        parts: dict[str, Any] = json.loads(json.dumps(PARKING_RECORD["parts"]))
        parts["state"] |= {"observedAt": at, "availableSpotNumber": free}
        return {"id": "p", "parts": parts}

    job = desk.import_(
        ndjson(
            [
                state("2026-03-01T08:15:00+08:00", 7),
                state("2026-03-01T00:15:00Z", 7),  # the same instant
                state("2026-03-01T00:14:59Z", 6),
                state("2026-03-01T00:16:00Z", 6),
            ]
        )
    )
    assert outcomes(job) == {"accepted": 2, "duplicate": 1, "rejected": 1}
    assert [row.row_no for row in desk.rows(job, Verdict.DUPLICATE)] == [2]
    assert [(row.row_no, row.reason) for row in desk.rows(job)] == [
        (3, "is older than the newest state that is there")
    ]


def test_an_identifier_is_one_pseudonym_in_every_row_and_file(node: TestNode) -> None:
    desk = ImportDesk.of(node, node.health)
    desk.import_(ndjson([visit("a", person("1")), visit("b", person("2"), person("1"))]))
    desk.import_(ndjson([visit("c", person("2"))]))

    newest = desk.newest("a", "b", "c")
    (one,), (two,) = newest["a"].subjects, newest["c"].subjects
    assert newest["b"].subjects == tuple(sorted([one, two]))
    resolved = node.client.post(
        "/v1/subjects/resolve",
        headers=node.headers("HEALTH", "reader"),
        json={"dataset": "0x" + node.health.hex(), **person("1")},
    ).json()
    assert resolved["subject"] == "0x" + one.hex()
    assert node.row_counts()["subject"] == 2


def test_another_subject_is_another_version(node: TestNode) -> None:
    desk = ImportDesk.of(node, node.health)
    job = desk.import_(ndjson([visit("a", person("1")), visit("a", person("1")), visit("a", person("2"))]))
    assert outcomes(job) == {"accepted": 2, "unchanged": 1}


def test_subjects_of_refused_rows_are_not_remembered(node: TestNode) -> None:
    desk = ImportDesk.of(node, node.health)
    desk.import_(ndjson([{**visit("a", person("1")), "act": "change"}, visit("b", person("x" * 257))]))
    assert node.row_counts()["subject"] == 0


def test_a_subject_that_somebody_named_meanwhile_keeps_that_name(
    node: TestNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = ImportDesk.of(node, node.health)
    desk.send(ndjson([visit("a", person("1"))]))
    asking = node.headers("HEALTH", "reader")

    def name_first() -> None:
        body = {"dataset": "0x" + node.health.hex(), **person("1")}
        assert node.client.post("/v1/subjects/resolve", headers=asking, json=body).status_code == 200

    before_first_store(monkeypatch, name_first)
    desk.run()

    agency = node.agency("HEALTH")
    digest = identifier_digest(node.context.services.keys_of(agency).subject_key, "urn:mrn", "1")
    with node.context.services.database.reading() as connection:
        named = find_subject(connection, agency, digest)
    assert desk.newest("a")["a"].subjects == (named,)


def before_first_store(monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> None:
    """Lets ``act`` happen after a chunk was compared and before it is stored."""
    acts = [act]

    def racing(*given: Any) -> Any:
        while acts:
            acts.pop()()
        return submit_rows(*given)

    monkeypatch.setattr(import_run, "submit_rows", racing)


def test_a_row_is_compared_again_when_another_write_came_first(
    node: TestNode, land: ImportDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    land.send(ndjson([put("a", STREETS[0], "add"), put("b", STREETS[1])]))
    before_first_store(monkeypatch, lambda: void(node.put(node.land, "a", {"parts": title(STREETS[2])})))
    land.run()

    assert [street_of(land, name) for name in ("a", "b")] == [STREETS[2], STREETS[1]]
    assert land.newest("a")["a"].version == 1


def void(_: object) -> None:
    return None


def test_a_dry_run_tells_the_same_and_writes_nothing(node: TestNode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_run, "CHUNK_ROWS", 2)
    desk = ImportDesk.of(node, node.health)
    file = ndjson([visit("a", person("1")), visit("a", person("1")), visit("b"), delete("b"), delete("c")])
    before = node.row_counts()
    dry = desk.import_(file, dry_run=True)
    changed = {name for name, count in node.row_counts().items() if count != before[name]}

    assert changed == {"import_job", "import_row", "node_state"}  # the last: the file's key is to be purged
    real = desk.import_(file)
    assert dry.cursor.tallies == real.cursor.tallies
    assert desk.rows(dry) == desk.rows(real)


def test_a_dry_run_that_was_cut_begins_again(node: TestNode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_run, "CHUNK_ROWS", 1)
    desk = ImportDesk.of(node, node.land)
    job = desk.send(ndjson([put("a"), put("a"), delete("b")]), dry_run=True)
    assert ImportRun(desk.services, desk.job(job.id)).step()
    desk.run()
    assert outcomes(desk.job(job.id)) == {"accepted": 1, "unchanged": 1, "rejected": 1}
    assert len(desk.rows(job)) == 1

"""A file that was applied again, as the dataset had moved, brought back what its subject had let erase."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cityledger.exchange.imports import run as import_run
from cityledger.exchange.imports.erased import ERASED
from cityledger.exchange.imports.run import ImportRun
from cityledger.exchange.submit import seal_rows
from cityledger.profiles.samples import sample_of
from cityledger.store import tables as t
from support.imports.import_fixture import ImportDesk, ndjson, outcomes
from support.node.node_fixture import TestNode


def put(id_: str, street: str = "x", act: str = "put") -> dict[str, Any]:
    made: dict[str, Any] = json.loads(json.dumps(sample_of("property")))
    made["parts"]["title"]["address"]["street"] = street
    return {"id": id_, "act": act, "parts": made["parts"]}


FILE = ndjson([put("a"), put("b")])
OTHER = ndjson([put("c")])


@pytest.fixture
def desk(node: TestNode) -> ImportDesk:
    return ImportDesk.of(node, node.land)


def erase(desk: ImportDesk, id_: str, reason: str = "subject-request") -> None:
    url = desk.node.url(desk.dataset, id_) + f"?reason={reason}"
    answer = desk.node.client.delete(url, headers=desk.node.headers("LAND", "writer"))
    assert answer.status_code == 200, answer.text


def write(desk: ImportDesk, id_: str, street: str) -> None:
    body = {"subjects": [], "parts": put(id_, street)["parts"]}
    headers = desk.node.headers("LAND", "writer")
    answer = desk.node.client.put(desk.node.url(desk.dataset, id_), json=body, headers=headers)
    assert answer.status_code in (200, 201), answer.text


def exists(desk: ImportDesk, *ids: str) -> list[bool]:
    return [desk.newest(one)[one].exists for one in ids]


def reasons(desk: ImportDesk, job: Any) -> list[tuple[int, str]]:
    return [(row.row_no, row.reason) for row in desk.rows(job)]


def moved(desk: ImportDesk) -> None:
    desk.import_(OTHER)


def test_a_file_applied_again_leaves_the_erased_record_erased(desk: ImportDesk) -> None:
    desk.import_(FILE)
    erase(desk, "a")
    moved(desk)

    again = desk.import_(FILE)

    assert (again.repeat_of, outcomes(again)) == (None, {"rejected": 1, "unchanged": 1})
    assert reasons(desk, again) == [(1, ERASED)]
    assert exists(desk, "a", "b") == [False, True]


@pytest.mark.parametrize("act", ["put", "add", "change"])
@pytest.mark.parametrize("dry_run", [False, True])
def test_no_other_file_brings_it_back_either(desk: ImportDesk, act: str, dry_run: bool) -> None:
    desk.import_(FILE)
    erase(desk, "a")

    job = desk.import_(ndjson([put("a", "y", act)]), dry_run=dry_run, upsert=True)

    assert reasons(desk, job) == [(1, ERASED)]
    assert exists(desk, "a") == [False]


def test_a_record_that_was_written_again_is_kept_from_files_of_before_the_erasure(desk: ImportDesk) -> None:
    desk.import_(FILE)
    erase(desk, "a")
    write(desk, "a", "new")

    assert reasons(desk, again := desk.import_(FILE)) == [(1, ERASED)]
    assert outcomes(again) == {"rejected": 1, "unchanged": 1}
    assert b"new" in (desk.newest("a")["a"].parts or {})["title"]


def test_files_received_later_change_a_record_that_was_written_again(desk: ImportDesk) -> None:
    desk.import_(FILE)
    erase(desk, "a")
    write(desk, "a", "new")
    earlier = t.tombstone.c.erased_at - 60
    desk.node.execute(t.tombstone.update().values(erased_at=earlier))

    assert outcomes(desk.import_(ndjson([put("a", "newer")]))) == {"accepted": 1}


@pytest.mark.parametrize("reason", ["duty", "law", "written-in-error"])
def test_erasures_for_other_reasons_refuse_no_row(desk: ImportDesk, reason: str) -> None:
    desk.import_(FILE)
    erase(desk, "a", reason)
    moved(desk)

    assert outcomes(desk.import_(FILE)) == {"accepted": 1, "unchanged": 1}


def test_an_erasure_of_another_record_refuses_no_row(desk: ImportDesk) -> None:
    desk.import_(FILE)
    erase(desk, "b")

    assert outcomes(desk.import_(ndjson([put("a", "y")]))) == {"accepted": 1}


def test_an_erasure_that_a_restore_repeated_counts(desk: ImportDesk) -> None:
    desk.import_(FILE)
    erase(desk, "a")
    names = [one.name for one in t.tombstone.columns]
    with desk.services.database.writing() as connection:
        row = connection.execute(t.tombstone.select()).one()._mapping
        more = {"signature": bytes(65), "replayed_at": 1}
        connection.execute(t.replayed_tombstone.insert().values({name: row[name] for name in names} | more))
        connection.execute(t.tombstone.delete())
    moved(desk)

    assert reasons(desk, desk.import_(FILE)) == [(1, ERASED)]


def test_an_erasure_while_the_file_waits_or_runs_counts(
    desk: ImportDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_run, "CHUNK_ROWS", 1)
    job = desk.send(ndjson([put("a"), put("b"), put("a", "y")]))
    run = ImportRun(desk.services, desk.job(job.id))
    assert run.step()
    erase(desk, "a")  # the run remembers the record as it was
    assert run.step() and run.step()

    assert reasons(desk, desk.job(job.id)) == [(3, ERASED)]
    assert exists(desk, "a", "b") == [False, True]


def test_an_erasure_between_the_comparison_and_the_write_counts(
    desk: ImportDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.import_(FILE)
    real = seal_rows
    erased: list[bool] = []

    def racing(*given: Any) -> Any:
        sealed = real(*given)
        if not erased:
            erased.append(True)
            erase(desk, "a")
        return sealed

    monkeypatch.setattr(import_run, "seal_rows", racing)
    job = desk.import_(ndjson([put("a", "y"), put("c")]))

    assert reasons(desk, job) == [(1, ERASED)]
    assert exists(desk, "a", "c") == [False, True]


def test_a_deletion_of_an_erased_record_is_answered_as_before(desk: ImportDesk) -> None:
    desk.import_(FILE)
    erase(desk, "a")

    assert outcomes(desk.import_(ndjson([{"id": "a", "act": "delete"}]), upsert=True)) == {"unchanged": 1}

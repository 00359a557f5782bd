"""A file sent again was the same import permanently: it answered ``accepted 1`` and wrote nothing, also where
another file had deleted its rows since.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from cityledger.exchange.imports import run as import_run
from cityledger.exchange.imports.run import ImportRun
from cityledger.exchange.imports.runner import ImportRunner
from cityledger.formats import native
from cityledger.profiles.samples import sample_of
from cityledger.store.imports import JobState
from cityledger.types import AgencyStatus
from support.imports.import_fixture import ImportDesk, ndjson, outcomes
from support.node.node_fixture import TestNode


def put(id_: str, street: str = "x") -> dict[str, Any]:
    made: dict[str, Any] = json.loads(json.dumps(sample_of("property")))
    made["parts"]["title"]["address"]["street"] = street
    return {"id": id_, "parts": made["parts"]}


FILE_A = ndjson([put("a"), put("b")])
DELETES_A = ndjson([{"id": "a", "act": "delete"}])
CHANGES_A = ndjson([put("a", "y")])


@pytest.fixture
def desk(node: TestNode) -> ImportDesk:
    return ImportDesk.of(node, node.land)


def exists(desk: ImportDesk, *ids: str) -> list[bool]:
    return [desk.newest(one)[one].exists for one in ids]


def test_a_nightly_file_brings_back_what_another_deleted(desk: ImportDesk) -> None:
    first = desk.import_(FILE_A)
    assert outcomes(desk.import_(DELETES_A)) == {"withdrawn": 1}
    assert exists(desk, "a", "b") == [False, True]

    again = desk.import_(FILE_A)

    assert exists(desk, "a", "b") == [True, True]
    assert (again.repeat_of, outcomes(again)) == (None, {"accepted": 1, "unchanged": 1})
    assert again.id != first.id


def test_the_same_for_a_write_by_the_api(node: TestNode, desk: ImportDesk) -> None:
    desk.import_(FILE_A)
    body = {"subjects": [], "parts": put("a", "y")["parts"]}
    headers = node.headers("LAND", "writer") | {"If-Match": '"v1"'}
    answer = node.client.put(node.url(node.land, "a"), json=body, headers=headers)
    assert answer.status_code == 200, answer.text

    assert outcomes(desk.import_(FILE_A)) == {"accepted": 1, "unchanged": 1}


def test_a_repeat_counts_no_row_and_says_so_everywhere(node: TestNode) -> None:
    client, headers = node.client, node.headers("LAND", "writer") | {"Content-Type": "application/x-ndjson"}
    url = f"/v1/datasets/0x{node.land.hex()}/imports?format=ndjson"
    first = client.post(url, content=FILE_A, headers=headers)
    while node.context.imports.turn():
        pass
    before = node.row_counts()["record_version"]

    for _ in range(2):
        repeat = client.post(url, content=FILE_A, headers=headers)
        job = client.get(repeat.headers["Location"], headers=headers).json()
        assert (first.status_code, repeat.status_code) == (202, 200)
        assert job["repeatOf"] == first.json()["id"]
        assert job["note"] == f"repeat of import {first.json()['id']}: nothing written"
        assert (job["state"], job["rowsDone"], set(job["outcomes"].values())) == ("done", 0, {0})
        assert repeat.json() == job
    assert node.row_counts()["record_version"] == before


def test_files_in_the_queue_keep_their_order(desk: ImportDesk) -> None:
    first, between, last = (desk.send(one) for one in (FILE_A, CHANGES_A, FILE_A))
    desk.run()

    assert len({first.id, between.id, last.id}) == 3
    assert outcomes(desk.job(last.id)) == {"accepted": 1, "unchanged": 1}
    assert json.loads((desk.newest("a")["a"].parts or {})["title"])["address"]["street"] == "x"


def test_a_file_that_waits_or_runs_already_is_that_import(
    desk: ImportDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_run, "CHUNK_ROWS", 1)
    waiting = desk.send(FILE_A)
    assert desk.send(FILE_A).id == waiting.id
    assert ImportRun(desk.services, desk.job(waiting.id)).step()  # and the process ends
    assert desk.send(FILE_A).id == waiting.id

    desk.run()
    assert outcomes(desk.job(waiting.id)) == {"accepted": 2}


def stopped_after_one(node: TestNode, desk: ImportDesk, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(import_run, "CHUNK_ROWS", 1)
    job, runner = desk.send(FILE_A), ImportRunner(desk.services)
    runner.turn()
    node.set_agency("LAND", status=int(AgencyStatus.SUSPENDED))
    runner.turn()
    node.set_agency("LAND", status=int(AgencyStatus.ACTIVE))
    assert (desk.job(job.id).state, desk.job(job.id).cursor.rows) == (JobState.STOPPED, 1)
    return job.id


def test_a_stopped_import_continues_where_it_was(
    node: TestNode, desk: ImportDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = stopped_after_one(node, desk, monkeypatch)
    again = desk.import_(FILE_A)
    assert (again.id, outcomes(again)) == (stopped, {"accepted": 2})


def test_a_stopped_import_begins_again_where_others_wrote_since(
    node: TestNode, desk: ImportDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = stopped_after_one(node, desk, monkeypatch)
    desk.import_(CHANGES_A)
    again = desk.import_(FILE_A)
    assert (again.id != stopped, outcomes(again)) == (True, {"accepted": 2})


def test_a_write_between_two_rows_counts_as_one_since(
    desk: ImportDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_run, "CHUNK_ROWS", 1)
    run = ImportRun(desk.services, desk.job(desk.send(FILE_A).id))
    assert run.step()
    other = ImportDesk.of(desk.node, desk.node.land)
    sent = other.send(CHANGES_A)
    assert ImportRun(desk.services, other.job(sent.id)).step()
    desk.run()

    assert outcomes(desk.import_(FILE_A)) == {"accepted": 1, "unchanged": 1}


def test_rows_on_which_the_node_failed_are_tried_again(
    desk: ImportDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    real: Callable[..., Any] = native._row

    def failing(line_no: int, line: bytes) -> Any:
        if line_no == 2:
            raise ZeroDivisionError
        return real(line_no, line)

    monkeypatch.setattr(native, "_row", failing)
    assert outcomes(desk.import_(FILE_A)) == {"accepted": 1, "rejected": 1}
    monkeypatch.setattr(native, "_row", real)

    assert outcomes(desk.import_(FILE_A)) == {"accepted": 1, "unchanged": 1}
    assert desk.import_(FILE_A).repeat_of is not None


def test_a_dry_run_is_a_repeat_only_while_nothing_is_written(desk: ImportDesk) -> None:
    desk.import_(FILE_A, dry_run=True)
    assert desk.import_(FILE_A, dry_run=True).repeat_of is not None
    desk.import_(FILE_A)
    assert outcomes(desk.import_(FILE_A, dry_run=True)) == {"unchanged": 2}

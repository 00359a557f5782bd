"""The loop of the imports: their order, and what stops, delays and resumes one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from cityledger.exchange.imports import run as import_run
from cityledger.exchange.imports.runner import NODE_FAILED, ImportRunner
from cityledger.formats import native
from cityledger.formats.rows import Format, Row
from cityledger.store.imports import JobState
from cityledger.types import AgencyStatus
from support.imports.import_fixture import ImportDesk, ndjson, outcomes
from support.imports.import_rows import STREETS, list_objects, put
from support.node.node_fixture import TestNode
from support.node.sample_records import PARKING_RECORD


def test_a_suspended_agency_stops_and_goes_on_when_the_file_is_sent_again(
    node: TestNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_run, "CHUNK_ROWS", 2)
    desk = ImportDesk.of(node, node.land)
    file = ndjson(put(f"r{n}") for n in range(6))
    job, runner = desk.send(file), ImportRunner(desk.services)
    runner.turn()
    node.set_agency("LAND", status=int(AgencyStatus.SUSPENDED))
    receipts = node.row_counts()["receipt"]
    runner.turn()

    stopped = desk.job(job.id)
    assert (stopped.state, stopped.cursor.rows) == (JobState.STOPPED, 2)
    assert stopped.failure is not None and "denied by rule 1" in stopped.failure
    assert stopped.spooled is None and list_objects(node) == []
    assert node.row_counts()["receipt"] == receipts + 1
    assert not runner.turn()

    node.set_agency("LAND", status=int(AgencyStatus.ACTIVE))
    again = desk.import_(file)
    assert (again.id, again.state, outcomes(again)) == (job.id, JobState.DONE, {"accepted": 6})


def test_an_expired_credential_stops_and_another_caller_goes_on(
    node: TestNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_run, "CHUNK_ROWS", 2)
    desk = ImportDesk.of(node, node.land)
    file = ndjson(put(f"r{n}") for n in range(6))
    job, runner = desk.send(file), ImportRunner(desk.services)
    runner.turn()
    node.pass_time(3_600)
    runner.turn()
    assert "denied by rule 2" in (desk.job(job.id).failure or "")

    assert outcomes(desk.import_(file)) == {"accepted": 6}


def test_a_stale_index_lets_it_rest_and_a_block_lets_it_go_on(node: TestNode) -> None:
    desk = ImportDesk.of(node, node.land)
    now = [0.0]
    job, runner = desk.send(ndjson([put("a")])), ImportRunner(desk.services, lambda: now[0])
    node.time.now += 60
    assert not runner.turn()
    node.pass_time(1)
    assert not runner.turn()  # it rests
    now[0] += 5.0
    while runner.turn():
        pass
    assert outcomes(desk.job(job.id)) == {"accepted": 1}


def test_datasets_take_turns_and_one_dataset_keeps_its_order(
    node: TestNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_run, "CHUNK_ROWS", 1)
    land, parking = ImportDesk.of(node, node.land), ImportDesk.of(node, node.parking)
    long = land.send(ndjson(put(f"r{n}") for n in range(5)))
    node.pass_time(1)
    later = land.send(ndjson([put("r0", STREETS[1], "change")]))
    short = parking.send(ndjson([{"id": "p", **PARKING_RECORD}]))
    runner = ImportRunner(land.services)
    for _ in range(2):
        runner.turn()

    assert parking.job(short.id).state is JobState.DONE
    assert land.job(long.id).cursor.rows == 2
    assert land.job(later.id).state is JobState.WAITING
    while runner.turn():
        pass
    assert outcomes(land.job(later.id)) == {"accepted": 1}


def test_a_failure_of_the_code_stops_that_import_only(
    node: TestNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = ImportDesk.of(node, node.land)
    read = native.FORMATS["ndjson"].read

    def failing(stream: Any, options: Any) -> Iterator[Any]:
        for row in read(stream, options):
            assert not isinstance(row, Row) or row.provider_id != "bad"
            yield row

    monkeypatch.setitem(native.FORMATS, "ndjson", Format("ndjson", "", None, failing))
    bad = desk.send(ndjson([put("good"), put("bad")]))
    node.pass_time(1)
    good = desk.send(ndjson([put("other")]))
    desk.run()

    assert (desk.job(bad.id).state, desk.job(bad.id).failure) == (JobState.STOPPED, NODE_FAILED)
    assert desk.job(good.id).state is JobState.DONE


def test_run_ends_when_it_is_told_and_takes_what_it_is_woken_for(node: TestNode) -> None:
    desk, stop = ImportDesk.of(node, node.land), threading.Event()
    runner = node.context.imports
    loop = threading.Thread(target=runner.run, args=(stop,))
    loop.start()
    job = desk.send(ndjson([put("a")]))
    runner.wake()
    for _ in range(1_000):
        if desk.job(job.id).state is JobState.DONE:
            break
        threading.Event().wait(0.01)
    stop.set()
    runner.wake()
    loop.join(10)
    assert not loop.is_alive()
    assert outcomes(desk.job(job.id)) == {"accepted": 1}

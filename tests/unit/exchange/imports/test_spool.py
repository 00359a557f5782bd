"""Files of imports: sealed at rest, removed when no import needs them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cityledger.exchange.imports.spool import spool, sweep
from cityledger.store.imports import JobState
from support.imports.import_fixture import ImportDesk, ndjson
from support.imports.import_rows import list_objects, put
from support.node.node_fixture import TestNode


def test_the_file_is_stored_sealed_and_deleted_when_it_is_done(node: TestNode) -> None:
    desk = ImportDesk.of(node, node.land)
    desk.send(ndjson([put("a", "A street that no file may show")]))
    (spooled,) = list_objects(node)
    assert b"no file may show" not in Path(spooled).read_bytes()
    desk.run()
    assert list_objects(node) == []


def test_a_start_sweeps_files_that_nobody_needs_and_no_others(node: TestNode) -> None:
    desk = ImportDesk.of(node, node.land)
    desk.send(ndjson([put("a")]))
    (needed,) = list_objects(node)
    spool(desk.services, node.agency("LAND"), node.land, [b"its process ended before the job was durable"])

    assert sweep(desk.services, datetime.now(UTC) - timedelta(hours=1)) == 0
    assert sweep(desk.services, datetime.now(UTC) + timedelta(hours=1)) == 1
    assert list_objects(node) == [needed]


def test_a_file_whose_bytes_were_changed_stops_the_import(node: TestNode) -> None:
    desk = ImportDesk.of(node, node.land)
    job = desk.send(ndjson([put("a")]))
    (spooled,) = map(Path, list_objects(node))
    spooled.write_bytes(spooled.read_bytes()[:-1] + b"x")
    desk.run()
    assert desk.job(job.id).state is JobState.STOPPED
    assert node.row_counts()["record_version"] == 0

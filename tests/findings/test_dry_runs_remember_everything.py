"""A dry run kept the state of each record of its file: gigabytes of memory for one file at the limit."""

from __future__ import annotations

from pathlib import Path

import pytest

from cityledger.exchange.imports import run
from cityledger.profiles.samples import sample_of
from cityledger.store.imports import JobState
from support.imports.import_fixture import ImportDesk, ndjson
from support.node.node_fixture import make_node


@pytest.mark.parametrize(("dry_run", "state"), [(True, JobState.STOPPED), (False, JobState.DONE)])
def test_only_a_dry_run_of_too_many_records_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dry_run: bool, state: JobState
) -> None:
    monkeypatch.setattr(run, "CHUNK_ROWS", 2)
    monkeypatch.setattr(run, "DRY_RUN_RECORDS", 3)
    node = make_node(tmp_path)
    file = ndjson([{"id": f"bay-{number}", **sample_of("parking")} for number in range(8)])

    job = ImportDesk.of(node, node.parking).import_(file, dry_run=dry_run)
    node.close()

    assert job.state is state
    assert job.cursor.rows == (4 if dry_run else 8)

"""Any file, with the run cut or a write failing at any step: no row is lost or repeated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cityledger.errors import StorageFullError, UnavailableError
from cityledger.exchange.imports import run as import_run
from cityledger.exchange.imports.run import ImportRun
from cityledger.exchange.imports.spool import sweep
from cityledger.store.imports import JobState
from support.imports.import_fixture import ImportDesk, ndjson, outcomes
from support.imports.import_rows import STREETS, delete, list_objects, put, street_of
from support.node.node_fixture import TestNode, make_node
from support.store.failing_journal import FailingJournal

ROWS = st.lists(
    st.tuples(
        st.sampled_from("abcd"), st.sampled_from(["put", "add", "change", "delete"]), st.integers(0, 2)
    ),
    max_size=25,
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestNode]:
    made = make_node(tmp_path_factory.mktemp("node"))
    yield made
    made.close()


def expected(
    rows: list[tuple[str, str, int]], upsert: bool
) -> tuple[Counter[str], dict[str, tuple[int, str | None]]]:
    """What the rules of the acts say, over a dictionary."""
    states: dict[str, tuple[int, str | None]] = {}
    counts: Counter[str] = Counter()
    for name, act, choice in rows:
        version, street = states.get(name, (0, None))
        wanted = None if act == "delete" else STREETS[choice]
        if act == "delete" and street is None:
            outcome = "unchanged" if upsert else "rejected"
        elif act == "change" and street is None and not upsert:
            outcome = "rejected"
        elif act != "delete" and wanted == street:
            outcome = "unchanged"
        elif act == "add" and street is not None:
            outcome = "rejected"
        else:
            outcome = "withdrawn" if act == "delete" else "accepted"
            states[name] = version + 1, wanted
        counts[outcome] += 1
    return counts, states


@settings(max_examples=60, deadline=None)
@given(ROWS, st.booleans(), st.integers(1, 5), st.sets(st.integers(0, 12)), st.booleans())
def test_any_file_does_what_its_acts_say_however_often_the_run_is_cut(
    shared: TestNode,
    rows: list[tuple[str, str, int]],
    upsert: bool,
    chunk: int,
    cuts: set[int],
    dry_run: bool,
) -> None:
    desk = ImportDesk.of(shared, shared.land)
    mark = f"{shared.row_counts()['import_job']}-"
    file = ndjson(
        delete(mark + name) if act == "delete" else put(mark + name, STREETS[choice], act)
        for name, act, choice in rows
    )
    job = desk.send(file + mark.encode().join([b"\n", b"\n"]), upsert=upsert, dry_run=dry_run)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(import_run, "CHUNK_ROWS", chunk)
        run, step = ImportRun(desk.services, desk.job(job.id)), 0
        while run.step():
            step += 1
            if step in cuts and not dry_run:  # as if the process had ended here
                run = ImportRun(desk.services, desk.job(job.id))
    counts, states = expected(rows, upsert)

    assert outcomes(desk.job(job.id)) == {
        **counts,
        "rejected": counts["rejected"] + 1,
    }  # the line of the mark
    assert len(desk.rows(job)) == counts["rejected"] + 1
    for name, (version, street) in states.items():
        newest = desk.newest(mark + name)[mark + name]
        stored = (newest.version, street_of(desk, mark + name))
        assert stored == ((0, None) if dry_run else (version, street))
    desk.run()


@pytest.mark.parametrize("where", ["before", "inside", "after"])
@pytest.mark.parametrize("nth", range(1, 8))
@pytest.mark.parametrize(
    "error", [StorageFullError("full"), UnavailableError("not now")], ids=["full", "down"]
)
def test_a_commit_that_fails_or_whose_answer_is_lost_neither_loses_nor_repeats(
    node: TestNode, monkeypatch: pytest.MonkeyPatch, where: str, nth: int, error: Exception
) -> None:
    monkeypatch.setattr(import_run, "CHUNK_ROWS", 2)
    rows = [put(f"r{n % 5}", STREETS[n % 3]) for n in range(9)]
    desk = ImportDesk.of(node, node.land)
    job = desk.send(ndjson(rows))

    failing = ImportDesk.of(node, node.land, journal=FailingJournal(desk.services.journal, where, nth, error))
    failing.run()  # ends where it fails, since the runner backs off from the dataset then
    desk.run()

    assert desk.job(job.id).state is JobState.DONE
    counts, states = expected([(row["id"], "put", n % 3) for n, row in enumerate(rows)], False)
    assert outcomes(desk.job(job.id)) == counts
    assert {name: desk.newest(name)[name].version for name in states} == {
        name: version for name, (version, _) in states.items()
    }
    sweep(
        node.context.services, datetime.now(UTC) + timedelta(hours=1)
    )  # the node may not know yet that the job is done
    assert list_objects(node) == []

"""The engine of imports: what each act does, and that no cut or competing write loses or repeats a row."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from cityledger.errors import StorageFullError, UnavailableError
from cityledger.exchange.imports import run as import_run
from cityledger.exchange.imports.outcomes import IS_THERE, NOTHING_TO_CHANGE, NOTHING_TO_DELETE, Tallies
from cityledger.exchange.imports.run import ImportRun
from cityledger.exchange.imports.runner import NODE_FAILED, ImportRunner
from cityledger.exchange.imports.spool import spool, sweep
from cityledger.formats import native
from cityledger.store.imports import JobState, Verdict
from cityledger.store.subjects import find_subject, identifier_digest
from cityledger.store.tables import import_job
from cityledger.types import AgencyStatus
from support.imports.import_fixture import ImportDesk, ndjson, outcomes
from support.node.node_fixture import TestNode, make_node
from support.node.sample_records import PARKING_RECORD, TITLE_RECORD, TREATMENT_RECORD

STREETS = ("Xidan North Street", "Chang'an Avenue", "Fuxing Road")


def title(street: str) -> dict[str, Any]:
    held: dict[str, Any] = json.loads(json.dumps(TITLE_RECORD["parts"]))
    held["title"]["address"]["street"] = street
    return held


def put(id_: str, street: str = STREETS[0], act: str = "put") -> dict[str, Any]:
    return {"id": id_, "act": act, "parts": title(street)}


def delete(id_: str) -> dict[str, Any]:
    return {"id": id_, "act": "delete"}


@pytest.fixture
def land(node: TestNode) -> ImportDesk:
    return ImportDesk.of(node, node.land)


def street_of(desk: ImportDesk, id_: str) -> str | None:
    newest = desk.newest(id_)[id_]
    return json.loads(newest.parts["title"])["address"]["street"] if newest.parts else None


# --- what each act does -----------------------------------------------------------------------------------


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
        (4, "", IS_THERE),
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
        held: dict[str, Any] = json.loads(json.dumps(PARKING_RECORD["parts"]))
        held["state"] |= {"observedAt": at, "availableSpotNumber": free}
        return {"id": "p", "parts": held}

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


# --- subjects ---------------------------------------------------------------------------------------------


def visit(id_: str, *subjects: object) -> dict[str, Any]:
    return {"id": id_, "parts": TREATMENT_RECORD["parts"], "subjects": list(subjects)}


def person(value: str) -> dict[str, str]:
    return {"system": "urn:mrn", "value": value}


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


# --- others write, too ------------------------------------------------------------------------------------


def before_first_store(monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> None:
    """Lets ``act`` happen after a chunk was compared and before it is stored."""
    submit_rows, acts = import_run.submit_rows, [act]

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


# --- any file, cut anywhere -------------------------------------------------------------------------------

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
    held: dict[str, tuple[int, str | None]] = {}
    told: Counter[str] = Counter()
    for name, act, choice in rows:
        version, street = held.get(name, (0, None))
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
            held[name] = version + 1, wanted
        told[outcome] += 1
    return told, held


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
    told, held = expected(rows, upsert)

    assert outcomes(desk.job(job.id)) == {**told, "rejected": told["rejected"] + 1}  # the line of the mark
    assert len(desk.rows(job)) == told["rejected"] + 1
    for name, (version, street) in held.items():
        newest = desk.newest(mark + name)[mark + name]
        stored = (newest.version, street_of(desk, mark + name))
        assert stored == ((0, None) if dry_run else (version, street))
    desk.run()


@dataclass
class FailingJournal:
    """Fails the ``nth`` write from now on: before it runs, inside its transaction, or after its commit."""

    inner: Any
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
    failing.run()  # ends where it fails, since the runner lets the dataset rest then
    desk.run()

    assert desk.job(job.id).state is JobState.DONE
    told, held = expected([(row["id"], "put", n % 3) for n, row in enumerate(rows)], False)
    assert outcomes(desk.job(job.id)) == told
    assert {name: desk.newest(name)[name].version for name in held} == {
        name: version for name, (version, _) in held.items()
    }
    sweep(
        node.context.services, datetime.now(UTC) + timedelta(hours=1)
    )  # the node may not have heard that the job was done
    assert list_objects(node) == []


def list_objects(node: TestNode) -> list[str]:
    folder = Path(node.context.settings.keyring).parent / "objects"
    return [str(path) for path in folder.rglob("*") if path.is_file()]


# --- dry runs ---------------------------------------------------------------------------------------------


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


# --- who may ----------------------------------------------------------------------------------------------


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


# --- the loop ---------------------------------------------------------------------------------------------


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
            assert not isinstance(row, native.Row) or row.provider_id != "bad"
            yield row

    monkeypatch.setitem(native.FORMATS, "ndjson", native.Format("ndjson", "", None, failing))
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


# --- what is told and what is kept ------------------------------------------------------------------------


def test_the_file_rests_sealed_and_goes_when_it_is_done(node: TestNode) -> None:
    desk = ImportDesk.of(node, node.land)
    desk.send(ndjson([put("a", "A street that nobody may see")]))
    (spooled,) = list_objects(node)
    assert b"nobody may see" not in Path(spooled).read_bytes()
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


def test_reasons_without_end_are_counted_together() -> None:
    tallies = Tallies()
    for number in range(1_000):
        tallies.count(import_run.Outcome.REJECTED, reason=f"at line {number}")
    assert len(tallies.reasons) == 201
    assert tallies.reasons["other reasons"] == 800
    assert Tallies.from_json(tallies.to_json()) == tallies

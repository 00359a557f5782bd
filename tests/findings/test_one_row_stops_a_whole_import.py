"""An unexpected error of the program in one row stopped the import of a whole file, and named no row."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from cityledger.exchange.imports import run
from cityledger.formats import fhir_bundle, land_sale, native, native_csv, parking_ngsi, parking_rows
from cityledger.formats.options import ImportOptions
from cityledger.formats.rows import ROW_FAILED, RejectedRow, Row, row_or_reason
from cityledger.profiles.samples import sample_of
from cityledger.store.imports import JobState, ListedRow, Verdict
from support.imports.import_fixture import ImportDesk, ndjson, outcomes
from support.node.node_fixture import TestNode

SECRET = "a street that no log may name"


class ProgramError(Exception):
    """Its message repeats what was sent, as that of many errors does."""


def failing_at(real: Callable[..., Any], is_bad: Callable[..., bool]) -> Callable[..., Any]:
    def failing(*given: Any, **named: Any) -> Any:
        if is_bad(*given):
            raise ProgramError(SECRET)
        return real(*given, **named)

    return failing


STAGES: dict[str, tuple[Any, str, Callable[..., bool]]] = {
    "read": (native, "_row", lambda line_no, line: b'"bad"' in line),
    "check": (run, "check_row", lambda _dataset, _key, item: getattr(item, "provider_id", "") == "bad"),
    "judge": (run, "judge", lambda *given: SECRET.encode() in given[3].parts.get("title", b"")),
    "seal": (
        run,
        "seal_rows",
        lambda *given: any(SECRET.encode() in one.content.parts.get("title", b"") for one in given[2]),
    ),
}


def title(id_: str, street: str) -> dict[str, Any]:
    made = sample_of("property")
    parts = {
        **made["parts"],
        "title": {**made["parts"]["title"], "address": {"district": "D", "street": street}},
    }
    return {"id": id_, "parts": parts}


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize("chunk", [1, 2, 256])
@pytest.mark.parametrize("stage", STAGES)
def test_only_the_row_that_fails_is_refused(
    node: TestNode,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    stage: str,
    chunk: int,
    dry_run: bool,
) -> None:
    module, name, is_bad = STAGES[stage]
    monkeypatch.setattr(run, "CHUNK_ROWS", chunk)
    monkeypatch.setattr(module, name, failing_at(getattr(module, name), is_bad))
    rows = [title("a", "x"), title("b", "x"), title("bad", SECRET), title("c", "x"), title("a", "x")]
    desk = ImportDesk.of(node, node.land)
    caplog.set_level(logging.INFO)

    job = desk.import_(ndjson(rows), dry_run=dry_run)

    expected = {"accepted": 3, "unchanged": 1, "rejected": 1}
    if stage == "seal" and dry_run:  # which seals nothing, and so cannot know
        expected = {"accepted": 4, "unchanged": 1}
    assert (job.state, job.failure, outcomes(job)) == (JobState.DONE, None, expected)
    assert (
        desk.rows(job) == [ListedRow(3, 0, Verdict.REJECTED, "", ROW_FAILED)][: expected.get("rejected", 0)]
    )
    if "rejected" in expected:
        assert "row failed row=3 error=ProgramError at=failing:" in caplog.text
    assert SECRET not in caplog.text


READERS: dict[str, tuple[Any, str, bytes, ImportOptions]] = {
    "csv": (native_csv, "_row", b"id\na\nb\nc\n", ImportOptions(profile="property")),
    "fhir-ndjson": (fhir_bundle, "parse", b"{}\n{}\n{}\n", ImportOptions()),
    "ngsi-ld": (parking_ngsi, "key_values", b'{"id":"x","type":"OffStreetParking"}\n' * 3, ImportOptions()),
    "birmingham-occupancy": (
        parking_rows,
        "encoded",
        b"SystemCodeNumber,Capacity,Occupancy,LastUpdated\n" + b"a,9,1,2016-10-04 07:59:42\n" * 3,
        ImportOptions(timezone="Europe/London"),
    ),
    "hmlr-price-paid": (
        land_sale,
        "_encode",
        b"{F887F88E-7D15-4415-804E-52EAC2F10958},70000,1995-07-07 00:00,MK15 9HP,D,N,F,31,,A,B,C,D,E,A,A\n"
        * 3,
        ImportOptions(),
    ),
}


@pytest.mark.parametrize("name", READERS)
def test_every_reader_reads_on_behind_the_row_that_fails(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    from cityledger.formats import registry

    module, function, data, options = READERS[name]
    calls: list[int] = []

    def is_second(*_given: object) -> bool:
        calls.append(1)
        return len(calls) == 2

    monkeypatch.setattr(module, function, failing_at(getattr(module, function), is_second))
    read = list(registry.get(name).read(io.BytesIO(data), options))

    assert [one.row_no for one in read] == [1, 2, 3]
    assert read[1] == RejectedRow(2, "", ROW_FAILED)
    assert ROW_FAILED not in [getattr(one, "reason", "") for one in (read[0], read[2])]


def test_a_row_that_reads_is_handed_on() -> None:
    row = Row(1, "a", {})
    assert row_or_reason(1, lambda: row) is row

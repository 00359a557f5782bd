"""Every public file goes into a running city, is read back and found anchored; the land files end where an
independent script says."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from cityledger.demo.expected_state import ExpectedVersion
from cityledger.demo.file_import import FileResult, import_everything
from cityledger.demo.file_table import print_table, totals
from support.imports.land_files import HMLR_MONTHS
from support.imports.public_data import public_data
from support.script_modules import load_script

pytestmark = [pytest.mark.chain, pytest.mark.slow, pytest.mark.timeout(900)]

ROWS = {
    "hmlr-price-paid": 1_915,
    "hdb-resale": 2_500,
    "tw-lvr": 1_489,
    "birmingham-occupancy": 17_832,
    "dresden-occupancy": 28_032,
    "dresden-lots": 61,
    "melbourne-bays": 3_309,
    "melbourne-signs": 2_033,
    "freiburg": 19,
    "konstanz": 11,
    "vrn": 16,
    "pbw": 101,
    "ulm-sites": 7,
    "ulm-spots": 44,
    "ngsi-ld": 9,
    "cds": 8,
}
"""As the files' own publishers count them: a header is not a row, a feature or entity is one."""
EVENTS = ("birmingham-occupancy", "dresden-occupancy", "melbourne-bays")
LAND = ("hmlr-price-paid", "hdb-resale", "tw-lvr")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[FileResult]]:
    yield import_everything(public_data(""), tmp_path_factory.mktemp("city"), lambda *_: None)


def of(results: list[FileResult], *formats: str) -> list[FileResult]:
    return [one for one in results if one.kind.format in formats]


def summed(results: list[FileResult], counter: str) -> Counter[str]:
    total: Counter[str] = Counter()
    for one in results:
        total.update(getattr(one.outcome, counter))
    return total


def test_every_file_is_as_expected(results: list[FileResult]) -> None:
    assert [one.name for one in results if not one.is_as_expected] == []
    assert len(of(results, "fhir")) == 22 + 34


def test_each_row_has_one_outcome_and_every_version_is_read_back_anchored_and_proven(
    results: list[FileResult],
) -> None:
    for one in results:
        made = one.outcome.outcomes["accepted"] + one.outcome.outcomes["withdrawn"]
        assert sum(one.outcome.outcomes.values()) == one.rows == one.outcome.rows_done, one.name
        assert made == len(one.expected) == one.equal == one.anchored, one.name
        assert len(one.rejected) == one.outcome.outcomes["rejected"] == sum(one.outcome.reasons.values()), (
            one.name
        )
        assert one.proven == 1, one.name


def test_rows_are_as_many_as_the_files_have(results: list[FileResult]) -> None:
    assert {name: totals(of(results, name))["rows"] for name in ROWS} == ROWS
    assert totals(of(results, *EVENTS))["rows"] == 49_173
    assert totals(of(results, *LAND))["rows"] == 5_904


def test_land_files_refuse_only_what_was_never_added(results: list[FileResult]) -> None:
    land = of(results, *LAND)
    assert summed(land, "outcomes") == {
        "accepted": 5_724,
        "unchanged": 0,
        "duplicate": 0,
        "withdrawn": 7,
        "rejected": 173,
    }
    assert summed(land, "reasons") == {
        "there is no such record to change": 141,
        "there is no such record to delete": 32,
    }
    assert summed(land, "flags") == {}


def test_events_are_kept_but_duplicates_and_hours_that_never_were(
    results: list[FileResult],
) -> None:
    events = of(results, *EVENTS)
    assert summed(events, "outcomes") == {
        "accepted": 49_050,
        "unchanged": 0,
        "duplicate": 115,
        "withdrawn": 0,
        "rejected": 8,
    }
    assert set(summed(events, "reasons").values()) == {8}
    flags = summed(events, "flags")
    assert (flags["negative"], flags["over-capacity"], flags["stale"]) == (10, 40, 448)


def test_fhir_bundles_are_taken_whole_but_for_what_asks_instead_of_telling(results: list[FileResult]) -> None:
    synthea = [one for one in of(results, "fhir") if one.name.startswith("synthea")]
    assert summed(synthea, "outcomes")["rejected"] == 0
    refused = {one.name: len(one.rejected) for one in of(results, "fhir") if one.rejected}
    assert refused == {"Bundle-bundle-transaction.json": 5}


def test_land_files_in_order_end_where_the_independent_script_does(results: list[FileResult]) -> None:
    script = load_script("land_state")
    state: dict[str, list[str]] = {}
    for month in HMLR_MONTHS:
        rows = script.csv.reader(Path(public_data(month)).read_text().splitlines(keepends=True))
        script.apply_rows(state, rows, upsert=False)
    newest: dict[str, ExpectedVersion] = {}
    for one in of(results, "hmlr-price-paid"):
        # Each of these was found stored as it is here, which is_as_expected states.
        newest |= {version.provider_id: version for version in one.expected}
    stored = {name: cells(version) for name, version in newest.items() if version.parts}
    assert script.digest(stored) == script.digest(state)
    assert len(stored) == 1_719


def test_table_has_a_line_for_each_file_and_its_reasons(results: list[FileResult]) -> None:
    output = io.StringIO()
    print_table(results, Console(file=output, width=170))
    lines = output.getvalue().splitlines()
    assert (
        sum(line.startswith(tuple(one.name for one in results)) for line in lines[: len(results) + 1]) == 88
    )
    assert "all 88 files" in output.getvalue()
    assert "✗" not in output.getvalue()
    assert "birmingham-carparks-2016-10-04_2016-11-11.csv: 40 flagged: over-capacity" in lines


def cells(version: ExpectedVersion) -> list[str]:
    source = json.loads(version.parts["transaction"])["source"]
    return list(source["columns"].values())

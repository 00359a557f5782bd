"""A town for each test, on each database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from crash.nursery import Nursery
from crash.oracle import Oracle
from crash.town import Town, copied_town, found_town
from support.store.databases import KINDS, fresh_database_url

HERE = Path(__file__).parent
LONGEST_TEST_SECONDS = 400


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Some of these tests start five processes; on a busy machine that takes its time."""
    for item in items:
        if item.path.parent == HERE and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(LONGEST_TEST_SECONDS))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Writes what the random runs counted, each and all together."""
    properties = [dict(one.user_properties) for one in terminalreporter.getreports("passed")]
    runs = [one for one in properties if "counts" in one]
    totals: Counter[str] = Counter()
    for run in runs:
        counts = ", ".join(f"{name} {count}" for name, count in sorted(run["counts"].items()))
        terminalreporter.write_line(f"run {run['run']}: {counts}")
        totals.update(run["counts"])
    if runs:
        terminalreporter.section(f"all of {len(runs)} runs")
    for name, count in sorted(totals.items()):
        terminalreporter.write_line(f"{count:>8}  {name}")


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("founded")
    found_town(folder)
    return folder


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    with Nursery() as made:
        yield made


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("CITYLEDGER_TEST_DATABASE", request.param)
    return fresh_database_url(tmp_path)


@pytest.fixture
def town(founded: Path, tmp_path: Path, database_url: str, nursery: Nursery) -> Iterator[Town]:
    with copied_town(founded, tmp_path, database_url, nursery) as made:
        yield made


@pytest.fixture
def oracle(town: Town) -> Iterator[Oracle]:
    made = Oracle(town)
    yield made
    made.close()

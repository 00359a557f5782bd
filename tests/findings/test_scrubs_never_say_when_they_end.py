"""The progress of a scrub counted pages, without a unit and without an end."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from cityledger.cli import progress
from cityledger.cli.node.scrub_progress import in_words, scrubbing
from cityledger.recovery.scrub import scrub
from cityledger.recovery.scrub.leaf import Grounds
from cityledger.recovery.scrub.scrub import Progress, Scrub
from cityledger.types import Address
from support.node.chain_facts import INSTANCE
from support.node.node_fixture import TestNode
from support.node.sample_records import TREATMENT_RECORD

TABLES = ("leaf", "batch", "attempt", "log_head")


@pytest.fixture
def store(node: TestNode, monkeypatch: pytest.MonkeyPatch) -> TestNode:
    monkeypatch.setattr(scrub, "PAGE", 2)
    monkeypatch.setattr(scrub, "PAGES_A_SAVE", 1)
    for name in ("a", "b", "c", "d", "e"):
        node.put(node.health, name, TREATMENT_RECORD)
    node.anchor_all()
    return node


def scrub_of(node: TestNode) -> Scrub:
    services = node.context.services
    grounds = Grounds(
        INSTANCE, services.domain, services.keyring, services.objects, Address(services.operator.address)
    )
    return Scrub(services.database, services.journal, grounds, lambda _bytes: None)


def reported(node: TestNode, also: Callable[[int], None] = lambda _step: None) -> list[tuple[int, int]]:
    """Rows and total of each progress."""
    seen: list[tuple[int, int]] = []

    def record(at: Progress) -> None:
        seen.append((at.rows, at.total))
        also(len(seen))

    scrub_of(node).run(restart=False, on_progress=record)
    return seen


def stored(node: TestNode) -> int:
    counts = node.row_counts()
    return sum(counts[name] for name in TABLES)


def test_rows_go_up_to_the_total_of_all_stages(store: TestNode) -> None:
    seen = reported(store)

    assert {total for _rows, total in seen} == {stored(store)}
    assert [rows for rows, _total in seen] == sorted(rows for rows, _total in seen)
    assert len({rows for rows, _total in seen}) > 3
    assert seen[-1] == (stored(store), stored(store))


def test_a_scrub_that_continues_counts_what_it_has_read_before(store: TestNode) -> None:
    class StoppedError(Exception):
        pass

    def stop(step: int) -> None:
        if step == 2:
            raise StoppedError

    with pytest.raises(StoppedError):
        reported(store, stop)
    seen = reported(store)

    assert seen[0] == (4, stored(store))
    assert seen[-1] == (stored(store), stored(store))


def test_rows_that_are_added_meanwhile_move_the_end(store: TestNode) -> None:
    before = stored(store)

    def write(step: int) -> None:
        if step == 1:
            store.put(store.health, "later", TREATMENT_RECORD)

    seen = reported(store, write)

    assert seen[0][1] == before
    assert seen[-1] == (stored(store), stored(store)) == (before + 1, before + 1)
    assert all(rows <= total for rows, total in seen)


AT = Progress(stage="batches", rows=1_200, total=3_400, bytes=5 << 20)
WORDS = "scrub, batches: 1,200 of 3,400 rows, 5 MiB, 0 findings"


def test_the_words_have_units_and_the_end() -> None:
    assert in_words(AT) == WORDS


def test_pipes_get_lines(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.0)
    with scrubbing() as show:
        show(AT)
    assert capsys.readouterr().err == f"{WORDS}\n"


def test_terminals_get_a_bar_with_its_share(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with scrubbing() as show:
        show(AT)
    shown = capsys.readouterr().err
    assert "1,200 of 3,400 rows" in shown
    assert "35%" in shown

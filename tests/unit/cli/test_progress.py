from __future__ import annotations

import re
import sys

import pytest

from cityledger.cli import progress as module
from cityledger.cli.progress import in_words, progress


def as_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)


def test_in_words_shows_bytes_in_mebibytes() -> None:
    assert in_words("rows", 1_200, 3_400) == "1,200 of 3,400 rows"
    assert in_words("reads", 7, None) == "7 reads"
    assert in_words("bytes", 5 << 20, 7 << 30) == "5 of 7,168 MiB"


def test_terminals_get_share_numbers_and_remaining_time(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    as_terminal(monkeypatch)
    with progress("backup") as report:
        report("rows", 1_000, 4_000)
        report("rows", 2_000, 4_000)
    shown = capsys.readouterr()
    assert "2,000 of 4,000 rows" in shown.err
    assert "50%" in shown.err
    assert re.search(r"\d:\d\d:\d\d|-:--:--", shown.err)
    assert shown.out == ""


def test_another_unit_begins_another_bar(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    as_terminal(monkeypatch)
    with progress("backup") as report:
        report("rows", 4_000, 4_000)
        report("objects", 1, 4)
    shown = capsys.readouterr().err
    assert "25%" in shown
    assert "1 of 4 objects" in shown


def test_details_steer_no_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    as_terminal(monkeypatch)
    with progress("deploying") as report:
        report("steps", 1, 2, "[red]\x1b]0;title\x07")
    shown = capsys.readouterr().err
    assert "\x1b]0;" not in shown
    assert "[red]" in shown


def test_pipes_get_a_line_now_and_then_and_no_bar(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # as CI sets it, for colours in its log
    monkeypatch.setattr(module, "LINE_SECONDS", 0.0)
    with progress("backup") as report:
        report("rows", 1, 4)
        report("reads", 9, None)
    assert capsys.readouterr().err.splitlines() == ["backup: 1 of 4 rows, 25 %", "backup: 9 reads"]


def test_pipes_get_nothing_of_what_is_quick(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("backup") as report:
        report("rows", 1, 4)
    assert capsys.readouterr().err == ""


def test_lines_come_every_few_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    clock = iter([0.0, 1.0, 5.0, 5.0, 6.0, 11.0, 11.0])
    lines = module.Lines(lambda: next(clock))
    for number in range(4):
        lines.consider(str(number))
    assert capsys.readouterr().err.splitlines() == ["1", "3"]

from __future__ import annotations

import json

import pytest

from cityledger.cli import output
from cityledger.cli.output import plain, print_fields, print_rows
from cityledger.types import AgencyStatus


def test_plain_writes_big_integers_as_strings() -> None:
    assert plain({"a": 2**53, "b": 2**53 + 1, "c": True}) == {"a": 2**53, "b": str(2**53 + 1), "c": True}


def test_plain_writes_bytes_and_enums_as_words() -> None:
    assert plain([b"\x01\xff", AgencyStatus.ACTIVE, None]) == ["0x01ff", "active", None]


def test_print_rows_gives_json_that_parses(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows([{"name": "卫生", "id": b"\x01"}], ["name"], as_json=True)
    assert json.loads(capsys.readouterr().out) == [{"name": "卫生", "id": "0x01"}]


def test_print_rows_cuts_no_address_when_piped(capsys: pytest.CaptureFixture[str]) -> None:
    row = {name: f"0x{number:064x}" for number, name in enumerate(("a", "b", "c"))}
    print_rows([row], list(row), as_json=False)
    printed = capsys.readouterr().out
    assert all(value in printed for value in row.values())


def test_print_rows_says_none(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows([], ["a"], as_json=False)
    assert capsys.readouterr().out.strip() == "none"


def test_print_fields_shows_spaces_and_yes(capsys: pytest.CaptureFixture[str]) -> None:
    print_fields({"epochs_stand": True, "parts": ["a", "b"], "empty": None}, as_json=False)
    printed = capsys.readouterr().out
    assert "epochs stand" in printed
    assert "yes" in printed
    assert "a, b" in printed


def test_print_rows_cuts_digests_in_the_middle_on_a_narrow_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from rich.console import Console

    monkeypatch.setattr(output, "_console", lambda: Console(width=80, highlight=False, markup=False))
    row = {"name": "title-7", "leafHash": "0x" + "ab" * 32, "record": "0x" + "cd" * 32}
    print_rows([row], list(row), as_json=False)
    assert capsys.readouterr().out.splitlines()[1].split() == ["title-7", "0xababab…abab", "0xcdcdcd…cdcd"]
    print_rows([row], ["name", "leafHash"], as_json=False)  # this fits
    assert "0x" + "ab" * 32 in capsys.readouterr().out

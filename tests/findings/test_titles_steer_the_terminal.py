"""A steward's title was printed as it came, escape sequences included."""

from __future__ import annotations

import pytest

from cityledger.cli.output import print_fields, print_rows

HOSTILE = "\x1b[2J\x1b[31mCourt\x07\u202e\r forged"


def test_tables_show_control_characters_as_escapes(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows([{"title": HOSTILE, "parts": [HOSTILE]}], ["title", "parts"], as_json=False)
    print_fields({"title": HOSTILE, "name": "市医疗保障局"}, as_json=False)

    printed = capsys.readouterr().out
    assert not set("\x1b\x07\u202e\r") & set(printed)
    assert "\\x1b[2J" in printed
    assert "市医疗保障局" in printed

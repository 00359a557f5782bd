"""``scripts/check_words.py``: idiom is found in prose and names, with its line, and code is left alone."""

from __future__ import annotations

import pytest

from support.script_modules import load_script

FIND = load_script("check_words").find


@pytest.mark.parametrize(
    ("path", "text", "line", "found"),
    [
        ("a.md", "One line.\nA caller is told why.", 2, "told"),
        ("a.sol", "uint256 told;\n/// Closed for good.\n", 2, "for good"),
        ("a.py", '"""Stays.\n\nGoes on later."""\n', 3, "Goes on"),
        ("a.py", "x = 1  # nobody reads it\n", 1, "nobody"),
        ("a.py", 'raise ValueError("a twin of the rule")\n', 1, "twin"),
        ("a.py", "\ndef _told_code():\n    pass\n", 2, "_told_code"),
        ("a.py", "class LandedHead:\n    pass\n", 1, "LandedHead"),
        ("a.py", "for held in []:\n    pass\n", 1, "held"),
    ],
)
def test_idiom_is_found_with_its_line(path: str, text: str, line: int, found: str) -> None:
    (finding,) = FIND(path, text)
    assert (finding.path, finding.line, finding.found) == (path, line, found)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.md", "Run `told --for-good`.\n\n```sh\necho nobody\n```\n[page](told.md)\n"),
        ("a.sol", "string told;\n"),
        ("a.py", 'KEY = {"asked": 1}\nlock.is_held = True\n'),
        ("a.py", "def test_what_is_told_is_enough() -> None: ...\n"),
        ("a.py", "status = 1  # the threshold of a witness\n"),
    ],
)
def test_code_and_other_words_are_left_alone(path: str, text: str) -> None:
    assert list(FIND(path, text)) == []

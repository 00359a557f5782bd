"""Each claim of docs/threat-model.md that something cannot be done links to tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "threat-model.md"
LINK = re.compile(r"\[`([^`]+)`\]\(([^)#]+)\)")
LINES = PAGE.read_text().splitlines()


def claims() -> list[list[str]]:
    """The cells of each row that says what an attacker cannot do."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in LINES if line.startswith("| ")]
    thief = LINES.index("| what was stolen | cannot | shown by | can, until the theft is noticed |")
    of_thieves = {line for line in LINES[thief + 2 :] if line.startswith("|")}
    by_key = [row for row, line in zip(rows, filter(_is_row, LINES), strict=True) if line in of_thieves]
    return [row for row in rows if row[0] == "cannot"] + [row for row in by_key if len(row) == 4 and row[1]]


def _is_row(line: str) -> bool:
    return line.startswith("| ")


@pytest.mark.parametrize("row", claims(), ids=lambda row: row[1][:60])
def test_each_claim_names_tests_that_exist(row: list[str]) -> None:
    links = LINK.findall(row[2])

    assert links
    for name, target in links:
        path = (PAGE.parent / target).resolve()
        assert path.exists(), target
        assert name in (path.stem, "tests/crash")


def test_the_page_makes_claims_about_each_kind_of_attacker() -> None:
    assert len(claims()) > 35
    for attacker in ("council", "relayer", "RPC endpoint", "peer node", "relative", "thief", "stranger"):
        assert attacker in PAGE.read_text()

"""The table of points in the README is whole."""

from __future__ import annotations

import ast
import re
from pathlib import Path

HERE = Path(__file__).parent
POINTS = """
before the leaf commit; after the leaf commit, before the answer; while closing; closed and unsigned;
signed and unsent; sent, reply lost; already known; nonce too low; underpriced; mined while down;
original mined, not the replacement; mined with status 0; partly skipped; reorg and included again;
reorg and dropped; operator rotated concurrently; reorg deeper than the confirmation depth;
failover to a lagging endpoint; backup restored; chain reset; disk full; two processes started;
lower nonce stuck; agency suspended between close and mine; indexer killed mid-block;
killed after the receipt commit, before release; between second decision and send;
vault key being rotated, at each step
"""


def documented() -> dict[str, str]:
    rows = re.findall(r"^\| ([^|]+) \| `([^`]+::[^`]+)` \|$", (HERE / "README.md").read_text(), re.MULTILINE)
    return dict(rows)


def test_each_point_has_its_line() -> None:
    wanted = {" ".join(one.split()) for one in POINTS.split(";")}
    assert wanted <= documented().keys()


def test_each_line_names_a_test_that_exists_and_each_test_has_a_line() -> None:
    found = {f"{path.name}::{name}" for path in HERE.glob("test_*.py") for name in names_in(path)}
    elsewhere = {one for one in found if one.startswith(("test_table.py", "test_random_kills.py"))}
    assert set(documented().values()) == found - elsewhere


def names_in(path: Path) -> list[str]:
    functions = (one for one in ast.parse(path.read_text()).body if isinstance(one, ast.FunctionDef))
    return [one.name for one in functions if one.name.startswith("test_")]

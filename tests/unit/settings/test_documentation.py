"""The tables of settings in docs/operator/settings.md say what the code says, for every setting."""

import ast
import inspect
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any

import pytest

from cityledger.settings import ClientSettings, Settings
from cityledger.settings.accepted import rule_of

PAGE = Path(__file__).parents[3] / "docs/operator/settings.md"


@pytest.mark.parametrize("kind", [Settings, ClientSettings])
def test_page_has_a_row_for_every_setting(kind: type) -> None:
    rows = {line for line in PAGE.read_text().splitlines() if line.startswith("| `")}
    expected = [row(field, meanings(kind)[field.name]) for field in fields(kind)]
    assert [one for one in expected if one not in rows] == []


def test_page_has_no_row_for_what_is_not_a_setting() -> None:
    named = {line.split("`")[1] for line in PAGE.read_text().splitlines() if line.startswith("| `")}
    known = {field.name for kind in (Settings, ClientSettings) for field in fields(kind)}
    assert {name for name in named if not name.startswith("CITYLEDGER_")} == known


def row(field: Field[Any], meaning: str) -> str:
    return f"| `{field.name}` | {default_of(field)} | {rule_of(field)} | {meaning} |"


def default_of(field: Field[Any]) -> str:
    if field.default is MISSING:
        return "" if field.default_factory is not MISSING else "needed"
    return "" if field.default is None else f"`{field.default}`"


def meanings(kind: type) -> dict[str, str]:
    """The text below each field, on one line and in Markdown."""
    (made,) = ast.parse(inspect.getsource(kind)).body
    assert isinstance(made, ast.ClassDef)
    pairs = zip(made.body, made.body[1:], strict=False)
    return {
        field.target.id: " ".join(str(text.value.value).split()).replace("``", "`").replace("|", "\\|")
        for field, text in pairs
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
    }

"""The columns that SPEC.md §4.3 lists are those that the digest covers."""

from __future__ import annotations

import re
from pathlib import Path

import sqlalchemy as sa

from cityledger.store.index.tables import INDEX_TABLES

SPEC = Path(__file__).resolve().parents[4] / "contracts/SPEC.md"
TYPES = {"int": sa.BigInteger, "bool": sa.Boolean, "text": sa.Text, "bytes32": sa.LargeBinary}


def test_tables_and_columns_are_those_of_the_spec() -> None:
    section = SPEC.read_text("utf-8").split("### 4.3")[1].split("\n## ")[0]
    listed = re.search(r"```\n(idx_.*?)```", section, re.DOTALL)
    assert listed is not None
    tables = re.split(r"^(idx_\w+) ", listed[1], flags=re.MULTILINE)[1:]
    in_spec = [
        (name, [_column(one) for one in columns.split(",")])
        for name, columns in zip(tables[::2], tables[1::2], strict=True)
    ]
    assert in_spec == [
        (table.name, [(one.primary_key, one.name, type(one.type), bool(one.nullable)) for one in table.c])
        for table in INDEX_TABLES
    ]


def _column(text: str) -> tuple[bool, str, type[object], bool]:
    name, kind = text.split()
    return name.startswith("*"), name.removeprefix("*"), TYPES[kind.removesuffix("?")], kind.endswith("?")

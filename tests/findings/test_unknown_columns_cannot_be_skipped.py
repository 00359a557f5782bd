"""A column that a CSV format does not know could neither be kept nor skipped: the file had to be edited."""

from __future__ import annotations

import json

import pytest

from cityledger.formats import registry
from cityledger.formats.options import ImportOptions
from support.imports.import_fixture import ImportDesk, outcomes
from support.imports.memory_import import read_rows
from support.node.node_fixture import TestNode

NEXT = "leave a column out with skipColumns (--skip-column NAME)"
FILE = (
    "id,colour,title.uid,title.type,title.address.district,title.address.street,"
    "title.area.value,title.area.unit,备注\n"
    "a,red,110101-001-0007,apartment,西城区,Xidan North Street,61.50,m2,x\n"
).encode()


@pytest.fixture
def desk(node: TestNode) -> ImportDesk:
    return ImportDesk.of(node, node.land)


def test_the_refusal_names_the_columns_and_the_option(desk: ImportDesk) -> None:
    job = desk.import_(FILE, "csv")
    assert "unknown column 'colour', '备注'" in (job.failure or "")
    assert NEXT in (job.failure or "")


def test_skipped_columns_are_not_imported_and_the_others_are(desk: ImportDesk) -> None:
    job = desk.import_(FILE, "csv", skip_columns=("备注", "colour"))
    assert (job.failure, outcomes(job)) == (None, {"accepted": 1}), desk.rows(job)
    parts = desk.newest("a")["a"].parts or {}
    assert json.loads(parts["title"]).keys() == {"uid", "type", "address", "area"}
    assert b"red" not in b"".join(parts.values())


def test_options_are_the_same_in_any_order(desk: ImportDesk) -> None:
    desk.import_(FILE, "csv", skip_columns=("备注", "colour"))
    assert desk.import_(FILE, "csv", skip_columns=("colour", "备注", "colour")).repeat_of is not None


def with_header(format_: str) -> bool:
    return "columns" in registry.get(format_).supported_options


@pytest.mark.parametrize("format_", [one for one in registry.names() if with_header(one)])
def test_every_format_with_named_columns_accepts_the_option(format_: str) -> None:
    assert "skip_columns" in registry.get(format_).supported_options


LAYOUTS = {
    "birmingham-occupancy": (
        "SystemCodeNumber,Capacity,Occupancy,LastUpdated",
        "BHMBCCMKT01,577,61,2016-10-04 07:59:42",
        ImportOptions(timezone="Europe/London"),
    ),
}


@pytest.mark.parametrize("format_", LAYOUTS)
def test_a_public_table_with_one_column_more_is_read_alike(format_: str) -> None:
    header, cells, options = LAYOUTS[format_]
    plain = read_rows(format_, f"{header}\n{cells}\n".encode(), options)
    skipping = ImportOptions(timezone=options.timezone, skip_columns=("Colour",))
    assert read_rows(format_, f"Colour,{header}\nred,{cells}\n".encode(), skipping) == plain

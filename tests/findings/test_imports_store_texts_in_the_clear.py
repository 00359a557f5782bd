"""``--place`` of an import stayed in its row in the clear, while record ids are keyed everywhere else; so
did the columns, the caller, and the names of members in failures and refused rows.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from cityledger.errors import SealingError
from cityledger.exchange.imports.notes import Notes
from cityledger.exchange.imports.runner import ImportRunner
from cityledger.profiles.samples import sample_of
from cityledger.store.imports import JobState
from cityledger.store.schema import metadata
from support.imports.import_fixture import ImportDesk
from support.node.node_fixture import TestNode

NAME = "WangXiuying"


def stored_texts(node: TestNode) -> bytes:
    with node.context.services.database.reading() as connection:
        rows = [row for table in metadata.sorted_tables for row in connection.execute(sa.select(table))]
    return b"\n".join(cell if isinstance(cell, bytes) else str(cell).encode() for row in rows for cell in row)


def database_files(node: TestNode) -> bytes:
    folder = Path(node.context.settings.keyring).parent
    return b"".join(one.read_bytes() for one in folder.glob("*.db*"))


FILES: dict[str, tuple[str, str, bytes, dict[str, Any]]] = {
    "place": (
        "parking",
        "dresden-occupancy",
        b"2016-10-04T07:59:42,50\n",
        {"place": NAME, "timezone": "Europe/Berlin"},
    ),
    "columns": ("land", "csv", f"{NAME},title.uid\na,b\n".encode(), {"columns": {"id": NAME}}),
    "skipped columns": (
        "land",
        "csv",
        f"id,title.uid,{NAME}\na,b,c\n".encode(),
        {"skip_columns": (NAME,)},
    ),
    "failure": ("land", "csv", f"id,title.{NAME}\na,b\n".encode(), {}),
    "row": (
        "health",
        "ndjson",
        b'{"id":"a","parts":{"summary":{"resourceType":"Encounter","%s":1}}}' % NAME.encode(),
        {},
    ),
    "twice": (
        "parking",
        "pbw",
        b'{"%s":{"%s":1,"%s":1}}' % ((NAME.encode(),) * 3),
        {"observed_at": "2026-03-01T08:15:00+08:00"},
    ),
}


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("is_run", [False, True])
def test_no_name_that_the_sender_gave_is_stored_in_the_clear(
    node: TestNode, kind: str, is_run: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    dataset, format_, data, options = FILES[kind]
    desk = ImportDesk.of(node, getattr(node, dataset))

    job = desk.send(data, format_, **options)
    while is_run and ImportRunner(desk.services).turn():
        pass

    found = desk.job(job.id)
    assert NAME.encode() not in stored_texts(node)
    assert NAME.encode() not in database_files(node)
    disclosed = f"{found.request} {found.failure} {desk.rows(found)}"
    if is_run or kind in ("place", "columns", "skipped columns"):
        assert NAME in disclosed  # still disclosed to its sender
    assert NAME not in caplog.text


def test_the_caller_is_sealed_while_the_import_waits(node: TestNode) -> None:
    desk = ImportDesk.of(node, node.land)
    job = desk.send(json.dumps({"id": "a", **sample_of("property")}).encode())
    officer = node.session("LAND", "writer").officer

    assert desk.job(job.id).state is JobState.WAITING
    with node.context.services.database.reading() as connection:
        rows = str(list(connection.execute(sa.text("SELECT * FROM import_job"))))
    assert officer not in rows


def test_a_note_of_another_agency_does_not_open(node: TestNode) -> None:
    services = node.context.services
    land = Notes(services, node.agency("LAND"), node.land)
    for other in (
        Notes(services, node.agency("HEALTH"), node.land),
        Notes(services, node.agency("LAND"), node.health),
    ):
        with pytest.raises(SealingError):
            other.open(land.seal("text"))
    assert land.open(land.seal("text")) == "text"

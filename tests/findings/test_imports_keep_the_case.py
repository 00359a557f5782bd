"""The case of an import was permanently stored in plain text in its row; receipts hold only a digest."""

from __future__ import annotations

import json
from pathlib import Path

import sqlalchemy as sa

from cityledger.profiles.samples import sample_of
from cityledger.store.tables import import_job
from support.node.node_fixture import make_node

CASE = "divorce of the Wangs"


def test_an_import_that_ended_tells_nothing_of_its_case(tmp_path: Path) -> None:
    node = make_node(tmp_path)
    url = f"/v1/datasets/0x{node.parking.hex()}/imports"
    headers = {
        **node.headers("PARKING", "writer"),
        "Cityledger-Case": CASE,
        "Content-Type": "application/x-ndjson",
    }

    answer = node.client.post(
        url,
        params={"format": "ndjson"},
        content=json.dumps({"id": "bay", **sample_of("parking")}),
        headers=headers,
    )
    while node.context.imports.turn():
        pass
    job = node.client.get(answer.headers["Location"], headers=headers).json()
    with node.context.services.database.reading() as connection:
        rows = [tuple(row) for row in connection.execute(sa.select(import_job))]
    node.close()

    assert answer.status_code == 202
    assert job["state"] == "done"
    assert CASE not in str(rows)

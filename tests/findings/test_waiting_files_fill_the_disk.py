"""Small packed files unpack to gigabytes that rest until their turn: one sender filled the disk of all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cityledger.exchange.imports import jobs
from cityledger.profiles.samples import sample_of
from support.node.node_fixture import make_node


def test_an_agency_waits_until_some_of_its_files_are_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "WAITING_LIMIT_BYTES", 100)
    node = make_node(tmp_path)
    url = f"/v1/datasets/0x{node.parking.hex()}/imports"
    headers = {**node.headers("PARKING", "writer"), "Content-Type": "application/x-ndjson"}

    def send(name: str) -> int:
        row = json.dumps({"id": name, **sample_of("parking")})
        code: int = node.client.post(
            url, params={"format": "ndjson"}, content=row, headers=headers
        ).status_code
        return code

    first, second = send("a"), send("b")
    while node.context.imports.turn():
        pass
    third = send("b")
    node.close()

    assert (first, second, third) == (202, 409, 202)

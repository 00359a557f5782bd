"""A stream that the edge began late counted the second until its next decision only from there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cityledger.errors import DeniedError
from cityledger.exchange.access import Access, Intent, Target
from cityledger.exchange.part_streams import read_part
from cityledger.sealing.record_ids import record_id
from cityledger.types import Action, AgencyId, Purpose
from support.node.node_fixture import make_node
from support.node.sample_records import TREATMENT_RECORD

TREATMENT_JSON = json.dumps(TREATMENT_RECORD).encode()
TREATMENT = Purpose(b"TREATMENT".ljust(32, b"\0"))


def test_nothing_leaves_a_stream_that_begins_after_a_revocation(tmp_path: Path) -> None:
    node = make_node(tmp_path)
    head = 'Content-Disposition: form-data; name="{}"\r\nContent-Type: {}\r\n\r\n'
    record = head.format("record", "application/json").encode() + TREATMENT_JSON
    scan = head.format("attachment", "application/octet-stream").encode() + bytes(600_000)
    node.client.put(
        node.url(node.health, "visit"),
        content=b"--b\r\n" + record + b"\r\n--b\r\n" + scan + b"\r\n--b--\r\n",
        headers={**node.headers("HEALTH", "writer"), "Content-Type": "multipart/form-data; boundary=b"},
    )
    node.grant(node.health, node.agency("LAND"), TREATMENT, 255)
    key = node.context.services.keys_of(AgencyId(1)).record_key(node.health)
    target = Target(node.health, record_id(key, "visit"), parts=1 << 7)

    access = Access(node.session("LAND", "reader"), Intent(Action.READ, TREATMENT), target)
    stream = read_part(node.context.services, access)
    node.revoke(node.health, node.agency("LAND"), TREATMENT)
    node.pass_time(2)
    with pytest.raises(DeniedError):
        next(stream.chunks)
    node.close()

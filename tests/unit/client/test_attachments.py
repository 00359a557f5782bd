from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from cityledger.client import AccessContext, Client
from cityledger.errors import NotFoundError, PayloadError, SealingError, VerificationError
from support.node.node_fixture import TestNode
from support.node.sample_records import TREATMENT_RECORD

Connect = Callable[[str, str], Client]
LONG = bytes(range(256)) * 2_000
SHORT = b"\x00\xff scan"
PARTS = TREATMENT_RECORD["parts"]
DUTY = AccessContext("OWN_DUTY")


def _put(node: TestNode, connect: Connect, payload: bytes) -> None:
    with connect("HEALTH", "writer") as client:
        client.put_record(node.health, "visit", PARTS, attachments={"attachment": io.BytesIO(payload)})


@pytest.mark.parametrize("payload", [LONG, SHORT], ids=["long", "short"])
def test_put_record_sends_files_and_get_part_brings_them_back(
    node: TestNode, connect: Connect, tmp_path: Path, payload: bytes
) -> None:
    source, target = tmp_path / "scan.pdf", tmp_path / "back.pdf"
    source.write_bytes(payload)
    received: list[int] = []

    with connect("HEALTH", "writer") as writer:
        written = writer.put_record(
            node.health,
            "visit",
            PARTS,
            attachments={"attachment": source},
            sent=received.append,
        )
    with connect("HEALTH", "reader") as reader:
        record = reader.get_record(node.health, "visit", DUTY)
        length = reader.get_part(node.health, "visit", "attachment", DUTY, to=target)

    assert written.version == 1
    assert received[-1] == length == len(payload)
    assert target.read_bytes() == payload
    assert record.attachments["attachment"].bytes == (len(SHORT) if payload == SHORT else None)
    assert record.parts.keys() == {"summary"}


def test_get_part_leaves_a_file_alone_where_it_is_refused(
    node: TestNode, connect: Connect, tmp_path: Path
) -> None:
    _put(node, connect, LONG)
    target = tmp_path / "kept"
    target.write_bytes(b"from before")

    with connect("HEALTH", "reader") as reader, pytest.raises(NotFoundError):
        reader.get_part(node.health, "nobody", "attachment", DUTY, to=target)

    assert target.read_bytes() == b"from before"
    assert [path.name for path in tmp_path.iterdir() if path.is_file() and path.name.startswith(".")] == []


@pytest.mark.parametrize("payload", [LONG, SHORT], ids=["long", "short"])
def test_open_record_opens_attachments_here(
    node: TestNode, connect: Connect, tmp_path: Path, payload: bytes
) -> None:
    _put(node, connect, payload)
    key = node.context.services.keyring.agency(node.agency("HEALTH")).sealing_key
    target = tmp_path / "scan"

    with connect("HEALTH", "reader") as reader:
        opened = reader.open_record(node.health, "visit", DUTY, key, attachments_to={"attachment": target})

    assert target.read_bytes() == payload
    assert opened.parts.keys() == {"summary"}


def test_open_record_reports_a_long_part_that_was_not_requested(node: TestNode, connect: Connect) -> None:
    _put(node, connect, LONG)
    key = node.context.services.keyring.agency(node.agency("HEALTH")).sealing_key

    with connect("HEALTH", "reader") as reader:
        opened = reader.open_record(node.health, "visit", DUTY, key)

    assert opened.parts.keys() == {"summary"}
    assert opened.long_parts["attachment"].sealed_bytes > len(LONG)


def test_open_record_writes_nothing_of_an_altered_object(
    node: TestNode, connect: Connect, tmp_path: Path
) -> None:
    _put(node, connect, LONG)
    (path,) = [one for one in (tmp_path / "objects").rglob("*") if one.is_file()]
    stored = bytearray(path.read_bytes())
    stored[-9] ^= 1  # in the last segment: all before it would open
    path.write_bytes(stored)
    key = node.context.services.keyring.agency(node.agency("HEALTH")).sealing_key
    target = io.BytesIO()

    with (
        connect("HEALTH", "reader") as reader,
        pytest.raises((SealingError, VerificationError)),
    ):
        reader.open_record(node.health, "visit", DUTY, key, attachments_to={"attachment": target})

    assert target.getvalue() == b""


def test_put_record_names_the_attachment_that_does_not_fit(node: TestNode, connect: Connect) -> None:
    with connect("HEALTH", "writer") as client, pytest.raises(PayloadError) as refused:
        client.put_record(node.health, "visit", PARTS, attachments={"attachment": io.BytesIO()})

    assert refused.value.field == "parts.attachment"

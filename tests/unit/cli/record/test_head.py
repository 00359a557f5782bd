from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from cityledger.cli.main import run
from cityledger.cli.record import head
from cityledger.cli.record.wait import fetch_when_anchored
from cityledger.client._sync import client as client_module
from cityledger.client._sync.connection import Connection
from cityledger.client.http.retries import NO_RETRIES
from cityledger.types import LeafHash, RecordId
from support.node.chain_facts import ORIGIN
from support.node.node_fixture import TestNode, make_node
from support.node.sample_records import TITLE_RECORD

DATASET = "LAND/registration/real-estate/titles"
NAME = "title-1"


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestNode]:
    made = make_node(tmp_path)
    inside = functools.partial(Connection, transport=made.client._transport)
    monkeypatch.setattr(
        client_module,
        "Connection",
        lambda url, **given: inside(url, timeout_seconds=given["timeout_seconds"], retries=NO_RETRIES),
    )
    yield made
    made.close()


def move_head(node: TestNode, *options: str) -> int:
    token = node.token("LAND", "writer")
    return run(["record", "move-head", DATASET, NAME, *options, "--node", ORIGIN, "--token", token])


def test_move_head_prints_version_block_and_transaction(
    node: TestNode, capsys: pytest.CaptureFixture[str]
) -> None:
    written = node.put(node.land, NAME, TITLE_RECORD)
    node.anchor_all()

    assert move_head(node, "--json") == 0

    printed = json.loads(capsys.readouterr().out)
    assert printed.keys() == {"version", "leafHash", "block", "transaction"}
    assert (printed["version"], printed["leafHash"]) == (1, written["leafHash"])


def test_move_head_without_wait_ends_while_the_version_is_not_mined(
    node: TestNode, capsys: pytest.CaptureFixture[str]
) -> None:
    node.put(node.land, NAME, TITLE_RECORD)
    assert move_head(node) == 1
    assert "not mined" in capsys.readouterr().err


def test_move_head_waits_for_the_batch(
    node: TestNode, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    node.put(node.land, NAME, TITLE_RECORD)
    waiting = partial(fetch_when_anchored, sleep=lambda _seconds: node.anchor_all())
    monkeypatch.setattr(head, "fetch_when_anchored", waiting)
    assert move_head(node, "--wait", "60") == 0
    assert "not mined yet; waiting" in capsys.readouterr().err


def test_move_head_exits_with_1_where_another_version_is_the_head(
    node: TestNode, capsys: pytest.CaptureFixture[str]
) -> None:
    record = RecordId(bytes.fromhex(node.put(node.land, NAME, TITLE_RECORD)["record"][2:]))
    node.anchor_all()
    node.heads.put(node.land, record, LeafHash(b"\xee" * 32), 1)
    assert move_head(node) == 1
    assert "is the record's current head" in capsys.readouterr().err


def test_move_head_follows_the_version_that_is_named(node: TestNode) -> None:
    record = RecordId(bytes.fromhex(node.put(node.land, NAME, TITLE_RECORD)["record"][2:]))
    node.heads.put(node.land, record, LeafHash(b"\xee" * 32), 1)
    node.put(node.land, NAME, {**TITLE_RECORD, "subjects": ["0x" + "5b" * 32]})
    node.anchor_all()
    assert move_head(node, "--follows", "1") == 0
    assert [expected for _, expected in node.heads.moves] == [b"\xee" * 32]

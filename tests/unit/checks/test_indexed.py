"""Looks at an index and its logs, in a real database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cityledger.checks.indexed import observe_agencies, observe_index, observe_logs
from cityledger.errors import CheckFailedError
from cityledger.store import node_state
from cityledger.store.anchoring import logs
from cityledger.types import AgencyStatus, HaltCause, LogId
from support.node.node_fixture import TestNode, make_node


@pytest.fixture
def node(tmp_path: Path) -> Iterator[TestNode]:
    made = make_node(tmp_path)
    yield made
    made.close()


def test_index_near_the_head_is_well(node: TestNode) -> None:
    assert observe_index(node.context.services.database, lambda: 3, 2) == "block 1 of 3"


def test_index_far_behind_is_told_and_leaves_the_node_ready(node: TestNode) -> None:
    with pytest.raises(CheckFailedError, match="block 1 of 4: 3 behind") as raised:
        observe_index(node.context.services.database, lambda: 4, 2)
    assert raised.value.vital is False


def test_index_that_stopped_for_good_names_the_rebuild(node: TestNode) -> None:
    with node.context.services.database.writing() as connection:
        node_state.put_value(connection, node_state.INDEX_HALTED, "a reorg of 200 blocks")
    with pytest.raises(CheckFailedError) as raised:
        observe_index(node.context.services.database, lambda: 1, 2)
    assert (raised.value.disclosed, raised.value.detail) == (
        "stopped until it is rebuilt",
        "a reorg of 200 blocks",
    )
    assert raised.value.next_step == "cityledger node rebuild"


def test_halted_log_is_told_with_cause_and_next_step(node: TestNode) -> None:
    heads = _heads(node)
    assert observe_logs(node.context.services.database) == f"{len(heads)} written by this node, none halted"
    _halt(node, heads[:1])
    with pytest.raises(CheckFailedError, match="other-root") as raised:
        observe_logs(node.context.services.database)
    assert "cityledger node link" in str(raised.value.next_step)
    assert raised.value.vital is False  # the other logs are written


def test_node_none_of_whose_logs_is_written_is_not_ready(node: TestNode) -> None:
    _halt(node, _heads(node))
    with pytest.raises(CheckFailedError) as raised:
        observe_logs(node.context.services.database)
    assert raised.value.vital is True


def test_logs_that_were_continued_do_not_make_a_node_ready(node: TestNode) -> None:
    _continue_every_log(node)
    _halt(node, _heads(node))
    with pytest.raises(CheckFailedError) as raised:
        observe_logs(node.context.services.database)
    assert raised.value.vital is True


def test_agency_whose_keys_the_chain_does_not_know_is_named_to_the_operator_only(node: TestNode) -> None:
    services = node.context.services
    node.set_agency("LAND", status=AgencyStatus.ACTIVE, sealing_key_digest=bytes(32))
    with pytest.raises(CheckFailedError) as raised:
        observe_agencies(services.database, services.keyring)
    assert "LAND: its keys are not those on the chain" in raised.value.detail
    assert "LAND" not in raised.value.disclosed


def _heads(node: TestNode) -> list[logs.LogHead]:
    with node.context.services.database.reading() as connection:
        return logs.list_heads(connection)


def _continue_every_log(node: TestNode) -> None:
    heads = _heads(node)
    with node.context.services.database.writing() as connection:
        for head in heads:
            logs.open_head(connection, LogId(head.log + len(heads)), head.agency, head.kind)


def _halt(node: TestNode, heads: list[logs.LogHead]) -> None:
    with node.context.services.database.writing() as connection:
        for head in heads:
            logs.halt(connection, head.log, HaltCause.OTHER_ROOT, "another root")

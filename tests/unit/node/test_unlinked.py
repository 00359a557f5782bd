from collections.abc import Iterator
from pathlib import Path

import pytest

from cityledger.node.unlinked import unlinked
from cityledger.types import Address
from support.node.node_fixture import TestNode, make_node


@pytest.fixture
def node(tmp_path: Path) -> Iterator[TestNode]:
    made = make_node(tmp_path)
    yield made
    made.close()


def unlinked_at(node: TestNode, operator: str | None = None) -> list[str]:
    services = node.context.services
    with services.database.reading() as connection:
        return list(unlinked(connection, services.keyring, Address(operator or services.operator.address)))


def test_unlinked_is_silent_where_keys_and_logs_are_on_chain(node: TestNode) -> None:
    assert unlinked_at(node) == []


def test_unlinked_names_keys_that_are_not_those_on_chain(node: TestNode) -> None:
    node.set_agency("LAND", sealing_key_digest=b"\x01" * 32)
    (line,) = unlinked_at(node)
    assert line == (
        "LAND is hosted here, but lacks its keys on chain; next, with its account: cityledger node link LAND"
    )


def test_unlinked_names_logs_that_another_account_operates(node: TestNode) -> None:
    lines = unlinked_at(node, "0x" + "11" * 20)
    assert len(lines) == 3
    assert all("an open log for records and an open log for receipts" in line for line in lines)

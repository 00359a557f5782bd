from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cityledger.client import NO_RETRIES, AssertionCredentials, Client, SiweCredentials
from cityledger.types import Role
from support.node.chain_facts import ORIGIN
from support.node.node_fixture import TestNode, make_node

Connect = Callable[[str, str], Client]


@pytest.fixture
def node(tmp_path: Path) -> Iterator[TestNode]:
    made = make_node(tmp_path)
    yield made
    made.close()


@pytest.fixture
def credentials(node: TestNode) -> Callable[[str, str], AssertionCredentials | SiweCredentials]:
    """Those of an agency's officer."""
    return lambda code, role: credentials_of(node, code, role)


@pytest.fixture
def connect(node: TestNode) -> Connect:
    """A client of the node for an agency's officer, who signs in for real."""

    def connected(code: str, role: str) -> Client:
        return Client(
            ORIGIN,
            credentials_of(node, code, role),
            now=node.time.seconds,
            retries=NO_RETRIES,
            transport=node.client._transport,
        )

    return connected


def credentials_of(node: TestNode, code: str, role: str) -> AssertionCredentials | SiweCredentials:
    if role in ("reader", "writer"):
        return AssertionCredentials(code, "dr.chen", Role[role.upper()], "ward-3", node.credential_keys[code])
    return SiweCredentials(node.account(code, role), node.agency(code))

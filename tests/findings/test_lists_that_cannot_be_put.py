"""``officer revoke`` had no way to put a list whose number is above the clock's, nor one list with several
systems; and it counted from the numbers of every key, which the thief of a former key may have used up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from cityledger.cli.city import officer_revoke
from cityledger.cli.main import run
from cityledger.client import NO_RETRIES, AssertionCredentials, Client
from cityledger.sealing.thumbprint import key_thumbprint
from cityledger.store.sessions import revocations
from cityledger.types import Role
from support.node.chain_facts import ORIGIN
from support.node.node_fixture import TestNode, make_node
from support.node.revocation_lists import put, signed

MILLISECONDS = 1_700_000_000_000
Revoke = Callable[..., int]


@dataclass(frozen=True)
class Signing:
    """Who signs, and the node that is asked, without a port."""

    node: TestNode
    key: ec.EllipticCurvePrivateKey

    @property
    def credentials(self) -> AssertionCredentials:
        return AssertionCredentials("LAND", "the steward", Role.READER, "cityledger", self.key)

    def now(self) -> float:
        return self.node.time.seconds()

    def client(self) -> Client:
        transport = self.node.client._transport
        return Client(ORIGIN, self.credentials, now=self.now, retries=NO_RETRIES, transport=transport)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[TestNode]:
    made = make_node(tmp_path)
    yield made
    made.close()


@pytest.fixture
def revoke(node: TestNode, monkeypatch: pytest.MonkeyPatch) -> Revoke:
    """Runs the command with LAND's credential key, or with another, and returns its exit code."""

    def run_it(*words: str, key: ec.EllipticCurvePrivateKey = node.credential_keys["LAND"]) -> int:
        monkeypatch.setattr(officer_revoke, "_signing", lambda *_options: Signing(node, key))
        return run(["officer", "revoke", "LAND", *words])

    return run_it


def _revoked(node: TestNode) -> list[tuple[str, str]]:
    with node.context.services.database.reading() as connection:
        return [
            (one.officer, one.system) for one in revocations.list_revoked(connection, node.agency("LAND"))
        ]


def test_whole_list_can_be_numbered_above_lists_in_milliseconds(
    node: TestNode, revoke: Revoke, capsys: pytest.CaptureFixture[str]
) -> None:
    put(node, signed(node, MILLISECONDS))

    assert revoke("dr.li", "--whole") != 0
    assert f"seq must be above {MILLISECONDS}" in capsys.readouterr().err
    assert revoke("dr.li", "--whole", "--seq", str(MILLISECONDS + 1)) == 0
    assert _revoked(node) == [("dr.li", "")]


def test_whole_list_may_have_several_systems(node: TestNode, revoke: Revoke) -> None:
    officers = ("dr.chen", "--only", "dr.li@ward-3", "--only", "wu@city.test@ward-4")
    assert revoke("--whole", *officers) == 0
    assert _revoked(node) == [("dr.chen", ""), ("dr.li", "ward-3"), ("wu@city.test", "ward-4")]

    assert revoke("--undo", "--only", "dr.li@ward-3") == 0
    assert _revoked(node) == [("dr.chen", ""), ("wu@city.test", "ward-4")]


@pytest.mark.parametrize("text", ["dr.li", "@ward-3", "dr.li@"])
def test_only_takes_an_officer_and_a_system(node: TestNode, revoke: Revoke, text: str) -> None:
    assert revoke("--whole", "--only", text) == 2
    assert _revoked(node) == []


def test_numbers_of_a_former_key_do_not_count(node: TestNode, revoke: Revoke) -> None:
    put(node, signed(node, 2**53 - 1, ("dr.chen", None)))
    key = ec.generate_private_key(ec.SECP256R1())
    node.set_agency("LAND", credential_key_digest=key_thumbprint(key))

    assert revoke("dr.li", key=key) == 0
    assert _revoked(node) == [("dr.chen", ""), ("dr.li", "")]

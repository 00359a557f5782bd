"""No route gave a tombstone's proof, and any tombstone in any agency's log was called anchored."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cityledger.cli.main import run
from cityledger.client import NO_RETRIES, Client
from cityledger.errors import NotAnchoredError, NotFoundError, VerificationError
from cityledger.proofs.leaves import Tombstone, leaf_hash
from cityledger.proofs.verify import Companion, Level, verify_proof
from cityledger.types import Address, AgencyId, ErasureReason, LogKind
from support.chain.memory_reader import MemoryReader
from support.node.chain_facts import CHAIN_ID, INSTANCE, ORIGIN
from support.node.node_fixture import TestNode
from support.node.sample_records import TITLE_RECORD

TITLE = json.dumps(TITLE_RECORD["parts"]["title"]).encode()
AsRole = Callable[[str], Client]


@pytest.fixture
def land(node: TestNode) -> AsRole:
    """A client of LAND in a role; its first title has two versions."""

    def client(role: str) -> Client:
        token = node.token("LAND", role)
        return Client(ORIGIN, token=token, retries=NO_RETRIES, transport=node.client._transport)

    for area in (61.5, 62.5):
        node.put(node.land, "title-1", _with_area(area))
    return client


def _with_area(area: float) -> dict[str, Any]:
    title = json.loads(TITLE)
    return {"subjects": [], "parts": {"title": {**title, "area": {**title["area"], "value": area}}}}


def erased(node: TestNode, land: AsRole) -> None:
    land("writer").erase(node.land, "title-1", ErasureReason.WRITTEN_IN_ERROR)
    node.anchor_all()


def chain(node: TestNode, owner: str) -> MemoryReader:
    """The chain of a node whose logs of records are ``owner``'s."""
    services = node.context.services
    reader = MemoryReader(CHAIN_ID, services.domain.ledger, INSTANCE)
    reader.providers[node.land] = node.agency("LAND")
    for log in range(1, 7):
        reader.open_log(log, node.agency(owner), LogKind.RECORDS, Address(services.operator.address))  # type: ignore[arg-type]
    return reader


@pytest.mark.parametrize("version", [None, 1, 2])
def test_the_provider_gets_and_verifies_it(node: TestNode, land: AsRole, version: int | None) -> None:
    erased(node, land)
    both = land("reader").erasure_proof(node.land, "title-1", version=version)
    leaf = both.tombstone.proof.leaf
    assert isinstance(leaf, Tombstone)
    assert leaf.erased_leaf == leaf_hash(both.erased.proof.leaf.struct_hash())
    assert leaf.reason is ErasureReason.WRITTEN_IN_ERROR
    assert both.erased.proof.leaf.version == (version or 2)  # type: ignore[union-attr]
    assert both.tombstone.verdict.level is Level.PATH_ONLY


def test_it_is_anchored_in_a_log_of_the_leafs_agency_only(node: TestNode, land: AsRole) -> None:
    erased(node, land)
    both = land("reader").erasure_proof(node.land, "title-1")
    tombstone, leaf = both.tombstone.proof, both.erased.proof
    reader = chain(node, "LAND")
    reader.anchor(tombstone)
    reader.anchor(leaf)
    assert verify_proof(tombstone, reader).level is Level.ROOT_ONLY
    assert verify_proof(tombstone, reader, Companion(erased=leaf)).level is Level.ANCHORED
    with pytest.raises(VerificationError, match="not the dataset's provider's"):
        other = chain(node, "HEALTH")
        other.anchor(tombstone)
        other.anchor(leaf)
        verify_proof(tombstone, other, Companion(erased=leaf))


def test_proof_of_an_erased_version_names_it(node: TestNode, land: AsRole) -> None:
    url, headers = node.url(node.land, "title-1", "/proof?version=1"), node.headers("LAND", "reader")
    node.anchor_all()
    assert "Link" not in node.client.get(url, headers=headers).headers
    erased(node, land)
    answer = node.client.get(url, headers=headers)
    assert answer.status_code == 200
    place = answer.links["related"]["url"]
    assert place.endswith("/tombstone?version=1")
    assert node.client.get(place, headers=headers).json()["leaf"]["type"] == "Tombstone"


def test_there_is_none_before_the_erasure_is_anchored(node: TestNode, land: AsRole) -> None:
    node.anchor_all()
    with pytest.raises(NotFoundError):
        land("reader").erasure_proof(node.land, "title-1")
    land("writer").erase(node.land, "title-1", ErasureReason.LAW)
    with pytest.raises(NotAnchoredError):
        land("reader").erasure_proof(node.land, "title-1")


def test_others_are_told_what_they_are_told_of_an_absent_record(node: TestNode, land: AsRole) -> None:
    erased(node, land)
    asking = node.headers("HEALTH", "reader", "CREDIT")
    answers = [
        node.client.get(node.url(node.land, name, "/tombstone"), headers=asking)
        for name in ("title-1", "title-9")
    ]
    assert [one.status_code for one in answers] == [404, 404]
    assert answers[0].json() == answers[1].json()


def test_the_command_shows_it(
    node: TestNode, land: AsRole, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    erased(node, land)
    both = land("reader").erasure_proof(node.land, "title-1")
    (tmp_path / "tombstone.json").write_bytes(both.tombstone.data)
    (tmp_path / "erased.json").write_bytes(both.erased.data)

    assert run(["verify", str(tmp_path / "tombstone.json"), "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["erasedLeafShown"] is False
    assert "whose leaf was erased" in said.err

    files = [str(tmp_path / name) for name in ("tombstone.json", "erased.json")]
    assert run(["verify", files[0], "--erased", files[1], "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["erasedLeafShown"], shown["reason"]) == (True, "written-in-error")
    assert run(["verify", files[1], "--erased", files[1]]) == 4
    assert AgencyId(2) == node.agency("LAND")

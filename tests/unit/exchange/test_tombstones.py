from __future__ import annotations

import pytest
import sqlalchemy as sa

from cityledger.errors import UnavailableError
from cityledger.exchange.tombstones import keep_missing
from cityledger.proofs.tombstone_object import from_bytes, signer_of
from cityledger.store.objects import Objects
from cityledger.store.tables import log_head
from support.node.node_fixture import TestNode
from support.node.sample_records import TREATMENT_RECORD


def _keys(node: TestNode) -> list[str]:
    return sorted(one.key for one in node.context.services.objects.list("tombstones/"))


def _erase(node: TestNode) -> None:
    node.put(node.health, "visit-1", TREATMENT_RECORD)
    url = node.url(node.health, "visit-1") + "?reason=duty"
    assert node.client.delete(url, headers=node.headers("HEALTH", "writer")).status_code == 200


def test_erase_leaves_a_signed_object_of_each_tombstone(node: TestNode) -> None:
    _erase(node)
    services = node.context.services

    (key,) = _keys(node)

    one = from_bytes(b"".join(services.objects.get(key)))
    assert key == f"tombstones/{services.operator.address.lower()}/1/1.json"
    assert (one.erased_log, one.erased_seq, one.leaf.seq) == (1, 0, 1)
    assert signer_of(one, services.domain) == services.operator.address


def test_keep_missing_writes_again_only_what_is_not_there(node: TestNode) -> None:
    _erase(node)
    services = node.context.services
    assert keep_missing(services) == 0
    before = b"".join(services.objects.get(_keys(node)[0]))
    services.objects.delete(_keys(node)[0])

    assert keep_missing(services) == 1
    assert b"".join(services.objects.get(_keys(node)[0])) == before


def test_keep_missing_leaves_those_of_another_node_of_the_database_to_it(node: TestNode) -> None:
    _erase(node)
    node.context.services.objects.delete(_keys(node)[0])
    node.execute(sa.update(log_head).values(agency=99))

    assert keep_missing(node.context.services) == 0


def test_erase_is_not_answered_while_its_object_is_not_durable(
    node: TestNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    node.put(node.health, "visit-1", TREATMENT_RECORD)

    def refuse(_objects: Objects, _key: str, _chunks: object) -> int:
        raise UnavailableError("the object store does not take it")

    monkeypatch.setattr(Objects, "put", refuse)
    url = node.url(node.health, "visit-1") + "?reason=duty"
    answer = node.client.delete(url, headers=node.headers("HEALTH", "writer"))
    assert answer.status_code == 503
    assert "written again when the node starts" in answer.text

    monkeypatch.undo()
    assert keep_missing(node.context.services) == 1

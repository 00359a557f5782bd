from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

import pytest
import sqlalchemy as sa

from cityledger.errors import UnavailableError
from cityledger.exchange.revocations import KEEP_SECONDS, keep_list, keep_missing_lists, run
from cityledger.sealing.thumbprint import key_thumbprint
from cityledger.store.objects import Objects
from cityledger.store.sessions import revocations
from cityledger.store.sessions.revocation_objects import list_key
from cityledger.store.tables import revocation_list
from support.node.node_fixture import TestNode
from support.node.revocation_lists import list_objects, put, signed


def _key(node: TestNode, seq: int) -> str:
    return list_key(node.agency("LAND"), key_thumbprint(node.credential_keys["LAND"]), seq)


def test_put_leaves_the_list_itself_as_the_one_object_of_its_key(node: TestNode) -> None:
    texts = [signed(node, seq, ("dr.chen", None)) for seq in (1, 2, 11)]
    for text in texts:
        assert put(node, text).status_code == 200

    assert list_objects(node.context.services.objects) == {_key(node, 11): texts[-1].encode()}


def test_keep_list_writes_the_newest_whichever_list_it_was_called_for(node: TestNode) -> None:
    """Two lists put at the same time may reach the object store in the other order."""
    put(node, signed(node, 2))
    objects = node.context.services.objects
    objects.put(_key(node, 1), [b"a list whose writer was slow"])

    keep_list(node.context.services, node.agency("LAND"), key_thumbprint(node.credential_keys["LAND"]))

    assert list(list_objects(objects)) == [_key(node, 2)]


def test_keep_missing_lists_writes_again_only_what_is_not_there(node: TestNode) -> None:
    put(node, signed(node, 1))
    services = node.context.services
    assert keep_missing_lists(services) == 0
    before = list_objects(services.objects)
    services.objects.delete(_key(node, 1))

    assert keep_missing_lists(services) == 1
    assert list_objects(services.objects) == before


def test_keep_missing_lists_stops_when_it_is_asked_to(node: TestNode) -> None:
    put(node, signed(node, 1))
    services = node.context.services
    services.objects.delete(_key(node, 1))

    assert keep_missing_lists(services, lambda: True) == 0
    assert list_objects(services.objects) == {}


def test_keep_missing_lists_leaves_out_a_list_that_is_awaited(node: TestNode) -> None:
    put(node, signed(node, 1))
    services = node.context.services
    services.objects.delete(_key(node, 1))
    with services.database.writing() as connection:
        revocations.await_list(connection, node.agency("LAND"), node.time.now)

    assert keep_missing_lists(services) == 0


def test_older_object_that_cannot_be_removed_does_not_fail_the_list(
    node: TestNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_objects: Objects, _key: str) -> None:
        raise UnavailableError("the object store cannot be changed")

    put(node, signed(node, 1))
    monkeypatch.setattr(Objects, "delete", refuse)

    assert put(node, signed(node, 2)).status_code == 200
    assert sorted(list_objects(node.context.services.objects)) == [_key(node, 1), _key(node, 2)]


def test_put_whose_database_fails_leaves_no_object(node: TestNode) -> None:
    put(node, signed(node, 2))
    assert put(node, signed(node, 1)).status_code == 409

    assert list(list_objects(node.context.services.objects)) == [_key(node, 2)]
    with node.context.services.database.reading() as connection:
        assert connection.execute(sa.select(revocation_list.c.seq)).scalars().all() == [2]


# --- lists without an object ----------------------------------------------------------------------------


class Rounds(threading.Event):
    """Is set after some waits, of which it keeps the lengths; ``between`` runs in each."""

    def __init__(self, count: int, between: Callable[[], object] = lambda: None) -> None:
        super().__init__()
        self.count, self.between = count, between
        self.waits: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout)
        self.between()
        return len(self.waits) == self.count


def test_run_writes_later_what_the_store_did_not_take(
    node: TestNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(node, signed(node, 1))
    services = node.context.services
    services.objects.delete(_key(node, 1))
    rounds = Rounds(2)
    with monkeypatch.context() as patch:
        patch.setattr(Objects, "put", _refuse_to_put)
        rounds.between = patch.undo
        run(services, rounds)

    assert rounds.waits == [KEEP_SECONDS, KEEP_SECONDS]
    assert list(list_objects(services.objects)) == [_key(node, 1)]


def _refuse_to_put(_objects: Objects, _key: str, _chunks: object) -> int:
    raise UnavailableError("the object store does not take it")


def test_object_that_fails_does_not_end_the_round(node: TestNode, monkeypatch: pytest.MonkeyPatch) -> None:
    services, take = node.context.services, Objects.put
    lost = list_key(node.agency("HEALTH"), bytes(32), 1)
    for agency in ("HEALTH", "LAND"):
        one = revocations.RevocationList(bytes(32), agency, 1, 1, (), "a list")
        with services.database.writing() as connection:
            revocations.store_list(connection, node.agency(agency), one, 1)

    def refuse_one(objects: Objects, key: str, chunks: Iterable[bytes]) -> int:
        return _refuse_to_put(objects, key, chunks) if key == lost else take(objects, key, chunks)

    monkeypatch.setattr(Objects, "put", refuse_one)
    with pytest.raises(UnavailableError):
        keep_missing_lists(services)
    assert list(list_objects(services.objects)) == [list_key(node.agency("LAND"), bytes(32), 1)]

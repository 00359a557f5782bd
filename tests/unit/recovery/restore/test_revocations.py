"""Which lists take effect in a restored database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric import ec

from cityledger.recovery.restore.revocations import FoundList, FoundLists, gather_lists, replay_lists
from cityledger.sealing.thumbprint import key_thumbprint
from cityledger.store.engine.database import Database
from cityledger.store.objects import Objects
from cityledger.store.sessions import revocations
from cityledger.store.sessions.revocation_objects import list_key
from cityledger.store.sessions.revocations import RevocationList, Revoked, StoredList
from cityledger.types import AgencyId, AgencyStatus
from support.node.node_fixture import TestNode, make_node
from support.node.revocation_lists import grounds, signed
from support.store.databases import fresh_database_url

LAND, TAX = AgencyId(2), AgencyId(3)
FORMER, CURRENT = b"\1" * 32, b"\2" * 32


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sa.Connection]:
    """A restored database in which LAND has list 3 of the former key, of time 30: dr.chen is revoked."""
    database = Database(fresh_database_url(tmp_path))
    with database.writing() as writing:
        revocations.replace_list(writing, LAND, _list(FORMER, 3, 30, "dr.chen"), 30)
        yield writing
    database.close()


def _list(key: bytes, seq: int, issued_at: int, *officers: str) -> RevocationList:
    revoked = tuple(Revoked(one, "") for one in officers)
    return RevocationList(key, "LAND", issued_at, seq, revoked, f"list {seq} of {key.hex()}")


def _found(key: bytes, seq: int, issued_at: int, *officers: str) -> FoundList:
    return FoundList(LAND, key == CURRENT, _list(key, seq, issued_at, *officers))


SAME = _found(FORMER, 3, 30, "dr.chen")


@pytest.mark.parametrize(
    ("lists", "revoked", "awaited"),
    [
        ([SAME], ["dr.chen"], []),
        ([SAME, _found(CURRENT, 1, 40, "dr.li")], ["dr.li"], []),
        ([SAME, _found(CURRENT, 1, 40)], [], []),
        ([SAME, _found(CURRENT, 1, 40, "dr.li"), _found(CURRENT, 2, 50)], [], []),
        # a former key's list only adds: who stole the key could have signed it
        ([_found(FORMER, 4, 40)], ["dr.chen"], []),
        ([_found(FORMER, 4, 40, "dr.li")], ["dr.chen", "dr.li"], []),
        ([_found(FORMER, 4, 40, "dr.li"), _found(CURRENT, 1, 50, "dr.wu")], ["dr.wu"], []),
        ([_found(FORMER, 4, 60, "dr.li"), _found(CURRENT, 1, 50, "dr.wu")], ["dr.li", "dr.wu"], []),
        # the store is behind the backup: what else does it lack?
        ([], ["dr.chen"], [LAND]),
        ([_found(FORMER, 2, 20)], ["dr.chen"], [LAND]),
        # a newer list of the current key is whole, whatever else is lost
        ([_found(CURRENT, 1, 40, "dr.li")], ["dr.li"], []),
    ],
)
def test_replay_lists(
    connection: sa.Connection, lists: list[FoundList], revoked: list[str], awaited: list[AgencyId]
) -> None:
    found = FoundLists(tuple(lists))

    for _ in range(2):  # a restore that was cut off runs it again
        assert list(replay_lists(connection, found, 100)) == awaited
        assert [one.officer for one in revocations.list_revoked(connection, LAND)] == revoked
    newest = {one.said.key: one.said.seq for one in sorted(lists, key=lambda one: one.said.seq)}
    for key, seq in newest.items():
        stored = revocations.find_list(connection, LAND, key)
        assert stored is not None
        assert stored.seq == max(seq, 3 if key == FORMER else 0)


def test_replay_lists_awaits_the_list_of_an_agency_in_doubt(connection: sa.Connection) -> None:
    newer = _found(CURRENT, 1, 40, "dr.li")
    found = FoundLists((SAME, newer), doubtful=frozenset({LAND, TAX}))

    assert replay_lists(connection, found, 100) == (LAND, TAX)
    assert revocations.awaited_since(connection, TAX) == 100


def test_replay_lists_counts_a_wait_of_the_backup_from_the_new_restore(connection: sa.Connection) -> None:
    """The agency may have put a list since, whose text any client may have kept."""
    revocations.await_list(connection, LAND, 50)

    assert replay_lists(connection, FoundLists((SAME,)), 100) == (LAND,)
    assert revocations.awaited_since(connection, LAND) == 100


def test_replay_lists_awaits_no_list_of_an_agency_that_can_put_none(connection: sa.Connection) -> None:
    revocations.await_list(connection, TAX, 50)
    found = FoundLists(doubtful=frozenset({LAND, TAX, AgencyId(99)}), former=frozenset({TAX, AgencyId(99)}))

    assert replay_lists(connection, found, 100) == (LAND,)


# --- what is refused ------------------------------------------------------------------------------------


@pytest.fixture
def node(tmp_path: Path) -> Iterator[TestNode]:
    (tmp_path / "node").mkdir()
    made = make_node(tmp_path / "node")
    yield made
    made.close()


OTHER_KEY = ec.generate_private_key(ec.SECP256R1())


def _gather(node: TestNode, *stored: StoredList, text: str | None = None, **name: Any) -> FoundLists:
    agency = name.get("agency", node.agency("LAND"))
    key = key_thumbprint(name.get("key", node.credential_keys["LAND"]))
    data = signed(node, 4, ("dr.chen", None)) if text is None else text
    objects = node.context.services.objects
    objects.put(list_key(agency, key, name.get("seq", 4)), [data.encode()])
    return gather_lists(objects, None, grounds(node, list(stored)))


def test_gather_lists_finds_what_a_put_would_accept(node: TestNode) -> None:
    (found,) = _gather(node).lists
    assert (found.agency, found.is_current, found.said.seq) == (node.agency("LAND"), True, 4)


@pytest.mark.parametrize(
    ("changes", "name", "part"),
    [
        ({"instance": bytes(32)}, {}, "aud"),
        ({"issuer": "HEALTH"}, {}, "iss is not the code"),
        ({}, {"agency": 99}, "iss is not the code"),
        ({}, {"seq": 5}, "key and number"),
        ({}, {"key": OTHER_KEY}, "key and number"),
        ({"key": OTHER_KEY}, {"key": OTHER_KEY}, "not signed by the key"),
    ],
)
def test_gather_lists_refuses_what_a_put_would_refuse(
    node: TestNode, changes: dict[str, Any], name: dict[str, Any], part: str
) -> None:
    found = _gather(node, text=signed(node, 4, ("dr.chen", None), **changes), **name)

    assert found.lists == ()
    (refused,) = found.refused
    assert refused.name.startswith("revocations/")
    assert part in refused.reason
    assert "dr.chen" not in refused.reason
    assert found.doubtful == {name.get("agency", node.agency("LAND"))}


@pytest.mark.parametrize("text", ["", "x" * 65_537, "ä"])
def test_gather_lists_refuses_what_is_no_list(node: TestNode, text: str) -> None:
    (refused,) = _gather(node, text=text).refused
    assert "compact JWS" in refused.reason


def test_gather_lists_refuses_an_object_of_another_name(node: TestNode) -> None:
    node.context.services.objects.put("revocations/notes.txt", [b"x"])
    found = _gather(node)
    assert [one.name for one in found.refused] == ["revocations/notes.txt"]
    assert found.doubtful == frozenset()


def test_gather_lists_takes_a_former_key_that_the_backup_knows(node: TestNode) -> None:
    key = key_thumbprint(OTHER_KEY)
    known = StoredList(node.agency("LAND"), key, 3, "")
    text = signed(node, 4, key=OTHER_KEY)

    (found,) = _gather(node, known, text=text, key=OTHER_KEY).lists

    assert not found.is_current


@pytest.mark.parametrize(
    "values", [{"epoch": 2}, {"status": int(AgencyStatus.OFFBOARDED)}], ids=["compromised", "offboarded"]
)
def test_list_of_a_registered_key_that_may_be_stolen_only_adds(
    node: TestNode, values: dict[str, int]
) -> None:
    node.set_agency("LAND", **values)
    (found,) = _gather(node).lists
    assert not found.is_current


def test_gather_lists_reads_a_folder_of_copies(node: TestNode, tmp_path: Path) -> None:
    _gather(node)
    empty = Objects.open((tmp_path / "empty").as_uri())
    copies = tmp_path / "node" / "objects" / "revocations"
    (copies / "5.jwt#1").write_text("an upload that a crash cut off")

    for folder in (copies, copies.parent):
        found = gather_lists(empty, folder, grounds(node, []))
        assert ([one.said.seq for one in found.lists], found.refused) == ([4], ())


# --- after a rotation -----------------------------------------------------------------------------------


def _gather_after_rotation(node: TestNode, former_iat: int, iat: int) -> FoundLists:
    """LAND put a list under a key that it rotated since, both after the backup, then one under the next."""
    _gather(node, text=signed(node, 1, key=OTHER_KEY, issued=former_iat), key=OTHER_KEY, seq=1)
    return _gather(node, text=signed(node, 4, ("dr.chen", None), issued=iat))


@pytest.mark.parametrize("age", [0, 100])
def test_list_of_a_key_that_was_rotated_is_passed_over_where_a_newer_one_is_known(
    node: TestNode, age: int
) -> None:
    found = _gather_after_rotation(node, node.time.now - age, node.time.now)

    assert [one.said.seq for one in found.lists] == [4]
    assert (found.refused, found.doubtful) == ((), frozenset())


def test_list_of_an_unknown_key_is_refused_where_it_is_newer(node: TestNode) -> None:
    found = _gather_after_rotation(node, node.time.now, node.time.now - 1)

    assert ["not signed by the key" in one.reason for one in found.refused] == [True]
    assert found.doubtful == {node.agency("LAND")}


def test_list_of_a_key_that_may_be_stolen_excuses_no_unknown_one(node: TestNode) -> None:
    node.set_agency("LAND", epoch=2)
    assert len(_gather_after_rotation(node, node.time.now, node.time.now).refused) == 1


def test_newest_list_of_the_key_excuses_not_an_older_one_with_a_later_time(node: TestNode) -> None:
    _gather(node, text=signed(node, 3), seq=3)
    found = _gather_after_rotation(node, node.time.now - 5, node.time.now - 9)
    assert len(found.refused) == 1


# --- agencies that can put no list ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "is_former"),
    [
        (AgencyStatus.ACTIVE, False),
        (AgencyStatus.SUSPENDED, False),
        (AgencyStatus.OFFBOARDED, True),
    ],
)
def test_gather_lists_names_agencies_that_are_no_longer_members(
    node: TestNode, tmp_path: Path, status: AgencyStatus, is_former: bool
) -> None:
    land, tax = node.agency("LAND"), AgencyId(77)
    node.set_agency("LAND", status=int(status))
    empty = Objects.open((tmp_path / "empty").as_uri())
    known = [StoredList(land, FORMER, 3, "")]

    found = gather_lists(empty, None, replace(grounds(node, known), awaited=[tax]))

    assert found.former == ({land, tax} if is_former else {tax})


def test_gather_lists_names_an_agency_that_is_not_registered(node: TestNode) -> None:
    found = _gather(node, text="garbage", agency=AgencyId(99))
    assert (set(found.doubtful), set(found.former)) == ({99}, {99})

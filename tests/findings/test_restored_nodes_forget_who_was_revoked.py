"""An officer who was revoked after the backup could sign in again at the node restored from it: the agency's
revocation list was kept in the database alone, and the restored one was the older.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from cityledger.exchange.revocations import keep_missing_lists
from cityledger.store.objects import Objects
from support.node.node_fixture import TestNode, make_node
from support.node.revocation_lists import RestoredNode, back_up, list_objects, put, restore, sign_in, signed

Restore = Callable[..., RestoredNode]


@pytest.fixture
def node(tmp_path: Path) -> Iterator[TestNode]:
    """Its agency LAND revoked dr.chen before the backup in ``tmp_path``, and dr.li after it."""
    (tmp_path / "node").mkdir()
    made = make_node(tmp_path / "node")
    put(made, signed(made, 1, ("dr.chen", None)))
    back_up(made, tmp_path / "backup")
    made.time.now += 3_600
    put(made, signed(made, 2, ("dr.chen", None), ("dr.li", None)))
    yield made
    made.close()


@pytest.fixture
def restored(node: TestNode, tmp_path: Path) -> Iterator[Restore]:
    """Restores the backup with an object store and a folder of copies."""
    with ExitStack() as stack:

        def make(objects: Objects, copies: Path | None = None) -> RestoredNode:
            count = len(list(tmp_path.glob("restored-*")))
            made = restore(node, tmp_path / "backup", tmp_path / f"restored-{count}", objects, copies)
            stack.callback(made.close)
            return made

        yield make


@pytest.fixture
def empty(tmp_path: Path) -> Objects:
    return Objects.open((tmp_path / "empty").as_uri())


def test_officer_who_was_revoked_after_the_backup_stays_revoked(node: TestNode, restored: Restore) -> None:
    made = restored(node.context.services.objects)

    assert made.restored.awaited == ()
    assert [sign_in(node, made.client, officer=one).status_code for one in ("dr.li", "dr.chen")] == [401, 401]
    assert sign_in(node, made.client, officer="dr.wang").status_code == 200
    again = put(node, signed(node, 2), client=made.client)
    assert again.status_code == 409, "the number of the newer list counts as well"


def test_officer_stays_revoked_by_a_copy_of_the_lost_store(
    node: TestNode, restored: Restore, empty: Objects, tmp_path: Path
) -> None:
    copies = shutil.copytree(tmp_path / "node" / "objects" / "revocations", tmp_path / "copies")

    made = restored(empty, copies)

    assert made.restored.awaited == ()
    assert sign_in(node, made.client, officer="dr.li").status_code == 401
    assert sign_in(node, made.client, officer="dr.wang").status_code == 200


def test_agency_whose_list_is_lost_with_the_store_puts_it_again_first(
    node: TestNode, restored: Restore, empty: Objects
) -> None:
    (lost,) = list_objects(node.context.services.objects).values()
    made = restored(empty)

    assert made.restored.awaited == (node.agency("LAND"),)
    refused = sign_in(node, made.client, officer="dr.wang")
    assert refused.status_code == 401
    assert "newest revocation list" in refused.json()["detail"]
    node.time.now += 3_600
    made = restored(empty)
    assert put(node, lost.decode(), client=made.client).status_code == 401, "any client may have kept it"
    assert put(node, signed(node, 3, ("dr.li", None)), client=made.client).status_code == 200
    codes = {one: sign_in(node, made.client, officer=one).status_code for one in ("dr.li", "dr.wang")}
    assert codes == {"dr.li": 401, "dr.wang": 200}


def test_second_restore_does_not_believe_the_list_of_the_first(
    node: TestNode, restored: Restore, empty: Objects
) -> None:
    made = restored(empty)
    services = made.client.app.state.node.services  # type: ignore[attr-defined]
    assert keep_missing_lists(services) == 0
    assert restored(empty).restored.awaited == (node.agency("LAND"),)


def test_altered_list_is_refused_and_named(node: TestNode, restored: Restore) -> None:
    objects = node.context.services.objects
    ((name, data),) = list_objects(objects).items()
    head, _, signature = data.decode().split(".")
    nobody = signed(node, 2).split(".")[1]
    objects.put(name, [f"{head}.{nobody}.{signature}".encode()])

    made = restored(objects)

    assert [one.name for one in made.found.refused] == [name]
    assert made.restored.awaited == (node.agency("LAND"),)

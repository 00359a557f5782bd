"""What stolen keys could have touched, by the receipts and leaves of one node."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cityledger.recovery import exposure
from cityledger.recovery.exposure import StolenKeys, list_exposed
from cityledger.types import AgencyId
from support.node.node_fixture import TestNode, make_node
from support.node.sample_records import TREATMENT_RECORD

HEALTH, LAND = AgencyId(1), AgencyId(2)


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestNode]:
    monkeypatch.setattr(exposure, "PAGE", 2)
    made = make_node(tmp_path)
    yield made
    made.close()


def read(node: TestNode, name: str, code: str = "LAND", purpose: str = "TREATMENT") -> int:
    headers = node.headers(code, "reader", purpose)
    return node.client.get(node.url(node.health, name), headers=headers).status_code


def listed(node: TestNode, stolen: StolenKeys, after: tuple[int, int] = (0, -1)) -> list[tuple[str, bool]]:
    found = list_exposed(node.context.services.database, stolen, after)
    return [(one.what, one.opens) for one in found]


def test_consumers_reads_since_the_theft_are_listed_with_what_was_refused(node: TestNode) -> None:
    node.put(node.health, "visit", TREATMENT_RECORD)
    assert read(node, "visit") == 200
    node.pass_time(100)
    theft = node.time.now
    assert [read(node, "visit") for _ in range(3)] == [200, 200, 200]
    assert read(node, "visit", purpose="CREDIT") == 403
    read(node, "visit", "HEALTH", "OWN_DUTY")

    found = list(list_exposed(node.context.services.database, StolenKeys(LAND, theft)))

    assert [one.what for one in found] == ["read"] * 3 + ["refused"]
    first = found[0]
    assert (first.officer, first.system, first.purpose, first.version) == (
        "reader-1",
        "tests",
        "TREATMENT",
        1,
    )
    assert (first.dataset, first.at) == (node.health, theft)


def test_releases_to_a_stolen_sealing_key_are_listed_whenever_they_were_made(node: TestNode) -> None:
    node.put(node.health, "visit", TREATMENT_RECORD)
    read(node, "visit")
    digest = node.context.services.keyring.agency(LAND).sealing_key.digest
    later = node.time.now + 1_000

    assert listed(node, StolenKeys(LAND, later)) == []
    assert listed(node, StolenKeys(LAND, later, digest)) == [("read", True)]
    assert listed(node, StolenKeys(LAND, later, bytes(31) + b"\1")) == []


def test_what_was_written_and_erased_in_its_name_is_listed(node: TestNode) -> None:
    node.put(node.health, "before", TREATMENT_RECORD)
    node.pass_time(100)
    theft = node.time.now
    for name in ("a", "b", "c"):
        node.put(node.health, name, TREATMENT_RECORD)
    headers = node.headers("HEALTH", "writer")
    node.client.delete(node.url(node.health, "a") + "?reason=duty", headers=headers)

    found = [one.what for one in list_exposed(node.context.services.database, StolenKeys(HEALTH, theft))]

    assert sorted(found) == ["erasure", "write", "write", "write"]
    assert listed(node, StolenKeys(LAND, theft)) == []


def test_list_continues_behind_a_place(node: TestNode) -> None:
    node.put(node.health, "visit", TREATMENT_RECORD)
    for _ in range(5):
        read(node, "visit")
    stolen, database = StolenKeys(LAND, 0), node.context.services.database
    every = list(list_exposed(database, stolen))

    for number, one in enumerate(every):
        assert list(list_exposed(database, stolen, (one.log, one.seq))) == every[number + 1 :]

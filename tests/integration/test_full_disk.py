"""A node whose disk fills up or becomes read-only while it is written to over HTTP. It refuses with 507, has
what it acknowledged and nothing else, releases nothing, and resumes by itself when it can. On SQLite: where
PostgreSQL keeps its files is its server's business.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy import event

from cityledger.errors import StorageFullError
from cityledger.exchange.parts import storage
from cityledger.store import tables as t
from cityledger.store.anchoring import logs
from support.node.node_fixture import TestNode
from support.node.sample_records import TREATMENT_RECORD
from support.node.served_node import served_node
from support.store.small_disk import SmallDisk, small_disk

pytestmark = pytest.mark.slow
WRITERS = 4
MANY = 4_000
"""More small records than the disk holds."""
LONG = bytes(range(256)) * 2_000
"""512,000 bytes: more than fits a row, so that it becomes an object."""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk", 8) as made:
        yield made


@pytest.fixture
def served(disk: SmallDisk, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[TestNode, httpx.Client]]:
    monkeypatch.setenv("CITYLEDGER_TEST_DATABASE", "sqlite")
    with served_node(disk.path) as made:
        yield made


def test_full_disk_under_load_refuses_with_507_and_keeps_only_what_it_acknowledged(
    disk: SmallDisk, served: tuple[TestNode, httpx.Client]
) -> None:
    node, client = served
    headers = node.headers("HEALTH", "writer")
    acknowledged: list[str] = []
    refused: list[int] = []

    def write(number: int) -> None:
        if refused[WRITERS * 2 :]:
            return
        name = f"visit-{number}"
        answer = client.put(node.url(node.health, name), json=TREATMENT_RECORD, headers=headers)
        (acknowledged.append(name) if answer.is_success else refused.append(answer.status_code))

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, range(MANY)))
    assert refused and set(refused) == {507}
    verify_nothing_is_half_written(node, len(acknowledged))

    disk.remount("rw,size=32m")
    last = client.put(node.url(node.health, "visit-last"), json=TREATMENT_RECORD, headers=headers)
    assert last.status_code == 201, last.text
    verify_nothing_is_half_written(node, len(acknowledged) + 1)


def test_full_disk_releases_no_key_and_goes_on_when_there_is_room(
    disk: SmallDisk, served: tuple[TestNode, httpx.Client]
) -> None:
    node, client = served
    put(node, client, "visit-1")
    asking = node.headers("HEALTH", "reader")
    disk.fill()
    before = receipts(node)
    answers = [client.get(node.url(node.health, "visit-1"), headers=asking) for _ in range(40)]
    let_through = [answer for answer in answers if answer.is_success]
    stopped = [answer for answer in answers if not answer.is_success]
    assert stopped and {answer.status_code for answer in stopped} == {507}
    assert all("Encounter" not in answer.text for answer in stopped)
    assert receipts(node) - before == len(let_through)  # a log that still had room
    disk.make_room()
    assert client.get(node.url(node.health, "visit-1"), headers=asking).status_code == 200


def test_index_stops_on_a_full_disk_and_goes_on_where_it_was(
    disk: SmallDisk, served: tuple[TestNode, httpx.Client]
) -> None:
    node, _client = served
    disk.fill()
    with pytest.raises(StorageFullError):
        for _ in range(4_000):
            node.pass_time(1)
    stopped_at = node.block
    with node.context.services.database.reading() as connection:
        stored = connection.execute(sa.text("SELECT max(number), count(*) FROM block")).one()
    assert stored[0] == stopped_at and stored[1] <= stopped_at + 1
    disk.make_room()
    node.pass_time(1)
    assert node.block == stopped_at + 1


def test_long_part_that_finds_no_room_leaves_no_object(
    disk: SmallDisk, served: tuple[TestNode, httpx.Client]
) -> None:
    node, client = served
    headers = node.headers("HEALTH", "writer")
    written = 0
    while (answer := put_long(node, client, headers, f"visit-{written}")).is_success:
        written += 1
        assert written < 100
    assert answer.status_code == 507, answer.text
    later = datetime.now(UTC) + timedelta(hours=1)
    storage.sweep(node.context.services, later, lambda: False)
    assert len(list(node.context.services.objects.list("parts/"))) == written
    verify_nothing_is_half_written(node, written)


def test_disk_that_becomes_read_only_refuses_and_goes_on(
    disk: SmallDisk, served: tuple[TestNode, httpx.Client]
) -> None:
    node, client = served
    put(node, client, "visit-1")
    writing, asking = node.headers("HEALTH", "writer"), node.headers("HEALTH", "reader")

    def refuse(connection: sa.Connection) -> None:
        connection.exec_driver_sql("PRAGMA query_only = ON")

    def allow(connection: sa.Connection) -> None:
        connection.exec_driver_sql("PRAGMA query_only = OFF")

    engine = node.context.services.database.engine
    event.listen(engine, "begin", refuse, insert=True)
    write = client.put(node.url(node.health, "visit-2"), json=TREATMENT_RECORD, headers=writing)
    read = client.get(node.url(node.health, "visit-1"), headers=asking)
    assert (write.status_code, read.status_code) == (507, 507)
    assert "Encounter" not in read.text
    event.remove(engine, "begin", refuse)
    event.listen(engine, "begin", allow, insert=True)
    assert client.put(node.url(node.health, "visit-2"), json=TREATMENT_RECORD, headers=writing).is_success
    assert client.get(node.url(node.health, "visit-1"), headers=asking).is_success
    verify_nothing_is_half_written(node, 2)


def put(node: TestNode, client: httpx.Client, name: str) -> None:
    headers = node.headers("HEALTH", "writer")
    answer = client.put(node.url(node.health, name), json=TREATMENT_RECORD, headers=headers)
    assert answer.status_code == 201, answer.text


def put_long(node: TestNode, client: httpx.Client, headers: dict[str, str], name: str) -> httpx.Response:
    files = {
        "record": (None, json.dumps(TREATMENT_RECORD), "application/json"),
        "attachment": (None, LONG, "application/octet-stream"),
    }
    return client.put(node.url(node.health, name), files=files, headers=headers)  # type: ignore[arg-type]


def receipts(node: TestNode) -> int:
    return node.row_counts()["receipt"]


def verify_nothing_is_half_written(node: TestNode, records: int) -> None:
    """As many versions as were acknowledged, each with its leaf and parts; numbers without a gap."""
    with node.context.services.database.reading() as connection:
        counted = {
            table.name: connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for table in (t.record_version, t.receipt, t.leaf)
        }
        assert counted["record_version"] == records
        assert counted["leaf"] == counted["record_version"] + counted["receipt"]
        for head in logs.list_heads(connection):
            query = sa.select(sa.func.count(), sa.func.max(t.leaf.c.seq)).where(t.leaf.c.log == head.log)
            count, last = connection.execute(query).one()
            assert count == head.next_seq == (0 if last is None else last + 1)
        orphans = sa.select(t.record_part.c.record).where(
            t.record_part.c.record.not_in(sa.select(t.record_version.c.record))
        )
        assert connection.execute(orphans).all() == []

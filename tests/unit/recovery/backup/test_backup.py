from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from cityledger.errors import ConfigurationError, StorageFullError, VerificationError
from cityledger.proofs.tombstone_object import MAX_BYTES, from_bytes, to_bytes
from cityledger.recovery.backup.backup import make_backup, verify_backup
from cityledger.recovery.backup.files import list_objects
from cityledger.recovery.backup.manifest import FILE_NAME, load
from cityledger.recovery.backup.own_tables import RESTORED_FROM, RESTORED_TABLES
from cityledger.recovery.backup.verified_copy import VerifiedBackup, verified_copy
from cityledger.recovery.restore.restore import (
    Restored,
    is_restored,
    repeat_erasures,
    restore_database,
    restore_objects,
    verify_restorable,
)
from cityledger.recovery.restore.tombstones import Trust, gather
from cityledger.store.anchoring import logs
from cityledger.store.anchoring.batches import batched_end
from cityledger.store.engine.database import Database
from cityledger.store.objects import Objects
from cityledger.store.tables import (
    node_state,
    record_identifier,
    record_part,
    record_version,
    replayed_tombstone,
)
from cityledger.types import Address, LogId
from support.node.chain_facts import INSTANCE
from support.node.node_fixture import TestNode, make_node
from support.node.sample_records import TITLE_RECORD, TREATMENT_RECORD
from support.store.backup_source import backup_source
from support.store.databases import KINDS, empty_database_url


@pytest.fixture
def node(tmp_path: Path) -> Iterator[TestNode]:
    (tmp_path / "node").mkdir()
    made = make_node(tmp_path / "node")
    made.put(made.health, "visit-1", TREATMENT_RECORD)
    made.put(made.land, "title-1", TITLE_RECORD)
    _put_long(made, "visit-2")
    yield made
    made.close()


def _put_long(node: TestNode, name: str) -> None:
    """A record one of whose parts is kept as an object."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cityledger.exchange.parts.storage.IN_ROW_BYTES", 16)
        node.put(node.health, name, TREATMENT_RECORD)


def _backup(node: TestNode, tmp_path: Path) -> Path:
    make_backup(tmp_path / "backup", backup_source(node), 1_000)
    return tmp_path / "backup"


def _objects(backup: Path) -> list[Path]:
    return sorted(path for path in (backup / "objects").rglob("*") if path.is_file())


def _rows(database: Database) -> Mapping[str, list[tuple[object, ...]]]:
    with database.reading() as connection:
        rows = {
            table.name: sorted((tuple(row) for row in connection.execute(sa.select(table))), key=repr)
            for table in RESTORED_TABLES
        }
    rows["node_state"] = [row for row in rows["node_state"] if row[0] == "instance"]
    return rows


LOGS = frozenset(LogId(number) for number in range(1, 20))


class _Target:
    def __init__(self, stack: ExitStack, folder: Path) -> None:
        folder.mkdir()
        self._stack, self._folder = stack, folder
        self.database = stack.enter_context(closing(Database(empty_database_url(folder))))
        self.objects = Objects.open((folder / "objects").as_uri())

    def verify(self, backup: Path) -> VerifiedBackup:
        place = self._folder / f"copy-{os.urandom(4).hex()}"
        return self._stack.enter_context(verified_copy(backup, load(backup), place))

    def fill(self, backup: Path, node: TestNode, chain_next: int | None = None) -> Restored:
        services = node.context.services
        verified = self.verify(backup)
        verify_restorable(verified.manifest, self.database)
        restore_objects(verified, self.objects)
        trust = Trust(INSTANCE, services.domain, {Address(services.operator.address)}, LOGS)
        found = gather(services.objects, None, trust)
        assert found.refused == ()
        return restore_database(
            verified, self.database, self.objects, found.tombstones, lambda _log: chain_next, 2_000
        )


@pytest.fixture(params=KINDS)
def target(
    tmp_path: Path, node: TestNode, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[_Target]:
    """Of each kind, whatever the node has: a backup does not depend on it."""
    monkeypatch.setenv("CITYLEDGER_TEST_DATABASE", request.param)
    with ExitStack() as stack:
        yield _Target(stack, tmp_path / "target")


def test_restore_brings_back_every_row_and_object(node: TestNode, target: _Target, tmp_path: Path) -> None:
    restored = target.fill(_backup(node, tmp_path), node)

    assert restored == Restored(0, ())
    assert _rows(target.database) == _rows(node.context.services.database)
    with target.database.reading() as connection:
        keys = connection.execute(
            sa.select(record_part.c.object).where(record_part.c.object.is_not(None))
        ).scalars()
        for key in keys.all():
            stored = b"".join(target.objects.get(key))
            assert stored == b"".join(node.context.services.objects.get(key)) != b""


def test_restore_destroys_again_what_was_erased_since_the_backup(
    node: TestNode, target: _Target, tmp_path: Path
) -> None:
    backup = _backup(node, tmp_path)
    for name in ("visit-1", "visit-2"):
        url = node.url(node.health, name) + "?reason=duty"
        assert node.client.delete(url, headers=node.headers("HEALTH", "writer")).status_code == 200

    restored = target.fill(backup, node)

    assert restored.replayed == 2
    with target.database.reading() as connection:
        v = record_version.c
        wrapped = dict(connection.execute(sa.select(v.dataset, v.wrapped)).all())
        assert wrapped[node.health] is None
        assert wrapped[node.land] is not None
        replayed = connection.execute(sa.select(replayed_tombstone.c.seq)).scalars().all()
        assert sorted(replayed) == [2, 3]
        in_health = record_identifier.c.dataset == node.health
        assert connection.execute(sa.select(record_identifier).where(in_health)).all() == []
    assert list(target.objects.list("parts/")) == []
    assert is_restored(target.database, load(backup))
    verified = target.verify(backup)
    left = next(one.key for one in list_objects(verified.state, verified.manifest))
    target.objects.put(left, [b"as if the restore had been cut off before it was removed"])
    assert repeat_erasures(verified, target.database, target.objects, [], 2_000) == restored
    assert list(target.objects.list("parts/")) == []


def test_restore_halts_exactly_the_logs_that_the_chain_is_ahead_of(
    node: TestNode, target: _Target, tmp_path: Path
) -> None:
    restored = target.fill(_backup(node, tmp_path), node, chain_next=2)
    assert LogId(1) not in restored.halted  # records of HEALTH: two in the backup, two on chain
    assert LogId(3) in restored.halted  # records of LAND: one in the backup


def test_restore_leaves_the_database_empty_when_it_is_cut_off(
    node: TestNode, target: _Target, tmp_path: Path
) -> None:
    backup = _backup(node, tmp_path)
    manifest = load(backup)

    def fail(_log: LogId) -> int:
        raise StorageFullError("cut off")

    with pytest.raises(StorageFullError):
        restore_database(target.verify(backup), target.database, target.objects, (), fail, 2_000)

    assert sa.inspect(target.database.engine).get_table_names() == []
    assert not is_restored(target.database, manifest)
    target.fill(backup, node)
    with target.database.reading() as connection:
        marker = sa.select(node_state.c.value).where(node_state.c.key == RESTORED_FROM)
        assert connection.execute(marker).scalar_one() == manifest.state


def test_verify_restorable_refuses_a_database_that_holds_something(node: TestNode, tmp_path: Path) -> None:
    manifest = load(_backup(node, tmp_path))
    with pytest.raises(ConfigurationError, match="not empty; nothing was changed"):
        verify_restorable(manifest, node.context.services.database)


def test_make_backup_closes_what_is_open_so_that_it_can_be_proven_from_the_backup(
    node: TestNode, target: _Target, tmp_path: Path
) -> None:
    target.fill(_backup(node, tmp_path), node)

    for database in (node.context.services.database, target.database):
        with database.reading() as connection:
            for head in logs.list_heads(connection):
                assert batched_end(connection, head.log) == head.next_seq


def test_make_backup_again_copies_only_new_objects(node: TestNode, tmp_path: Path) -> None:
    backup = _backup(node, tmp_path)
    before = {path: path.stat().st_ino for path in _objects(backup)}
    _put_long(node, "visit-3")

    manifest = make_backup(backup, backup_source(node), 1_001)

    after = _objects(backup)
    assert manifest.objects == len(after) == 2 * len(before) > 0
    assert {path: path.stat().st_ino for path in before} == before
    verify_backup(backup)


def test_make_backup_again_drops_what_was_erased(node: TestNode, tmp_path: Path) -> None:
    backup = _backup(node, tmp_path)
    url = node.url(node.health, "visit-2") + "?reason=duty"
    node.client.delete(url, headers=node.headers("HEALTH", "writer"))

    make_backup(backup, backup_source(node), 1_002)

    assert _objects(backup) == []
    assert len(list(backup.glob("state-*"))) == 1
    verify_backup(backup)


def test_make_backup_that_is_cut_off_leaves_the_one_before(node: TestNode, tmp_path: Path) -> None:
    backup = _backup(node, tmp_path)
    before = load(backup)

    def fail() -> Mapping[str, Path]:
        raise StorageFullError("cut off")

    with pytest.raises(StorageFullError):
        make_backup(backup, replace(backup_source(node), files=fail), 1_001)

    assert verify_backup(backup) == before


def test_make_backup_refuses_the_folder_of_another_node(node: TestNode, tmp_path: Path) -> None:
    backup = _backup(node, tmp_path)
    with pytest.raises(ConfigurationError, match="another node"):
        make_backup(backup, replace(backup_source(node), instance=b"\x99" * 32), 1_001)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").write_text("dear")
    with pytest.raises(ConfigurationError, match="not a backup"):
        make_backup(tmp_path / "other", backup_source(node), 1_001)


def test_make_backup_refuses_to_keep_a_damaged_object(node: TestNode, tmp_path: Path) -> None:
    path = next((tmp_path / "node").rglob("parts/*/*"))
    path.write_bytes((sealed := path.read_bytes())[:-1] + bytes([sealed[-1] ^ 1]))
    with pytest.raises(VerificationError, match="node scrub"):
        _backup(node, tmp_path)


def test_verify_backup_finds_a_changed_byte_anywhere(node: TestNode, tmp_path: Path) -> None:
    backup = _backup(node, tmp_path)
    files = [path for path in backup.rglob("*") if path.is_file() and path.name not in (FILE_NAME, ".lock")]
    assert {path.name for path in files} > {"database.db", "objects.list"}
    for path in files:
        data = path.read_bytes()
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        with pytest.raises(VerificationError):
            verify_backup(backup)
        path.write_bytes(data)
    verify_backup(backup)
    shutil.rmtree(backup / "objects")
    with pytest.raises(VerificationError):
        verify_backup(backup)


def test_verify_backup_is_of_a_private_folder(node: TestNode, tmp_path: Path) -> None:
    backup = _backup(node, tmp_path)
    modes = {path.stat().st_mode & 0o077 for path in backup.rglob("*") if path.name != ".lock"}
    assert modes == {0}


def test_gather_tells_of_a_tombstone_by_an_account_that_came_after_the_backup(node: TestNode) -> None:
    url = node.url(node.health, "visit-1") + "?reason=duty"
    node.client.delete(url, headers=node.headers("HEALTH", "writer"))
    services = node.context.services
    (key,) = (one.key for one in services.objects.list("tombstones/"))
    before = Trust(INSTANCE, services.domain, {Address("0x" + "77" * 20)}, LOGS)

    found = gather(services.objects, None, before)

    assert (found.tombstones, [one.name for one in found.refused]) == ((), [key])
    elsewhere = replace(before, logs=frozenset())
    assert gather(services.objects, None, elsewhere).refused == (), (
        "another node's, in a store that is shared"
    )


def test_gather_obeys_no_tombstone_that_another_account_signed(node: TestNode, tmp_path: Path) -> None:
    url = node.url(node.health, "visit-1") + "?reason=duty"
    node.client.delete(url, headers=node.headers("HEALTH", "writer"))
    services = node.context.services
    (key,) = (one.key for one in services.objects.list("tombstones/"))
    one = from_bytes(b"".join(services.objects.get(key)))
    services.objects.put(key, [to_bytes(replace(one, erased_seq=1))])
    trust = Trust(INSTANCE, services.domain, {Address(services.operator.address)}, LOGS)

    found = gather(services.objects, None, trust)

    assert found.tombstones == ()
    assert [refused.name for refused in found.refused] == [key]
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "1.json").write_bytes(to_bytes(one))
    assert gather(services.objects, tmp_path / "more", trust).tombstones == (one,)


def test_gather_reads_no_more_of_an_object_than_a_tombstone_has(
    node: TestNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store may report a short object, and return a long one."""
    services = node.context.services
    read: list[bytes] = []

    def endless(_objects: Objects, _key: str) -> Iterator[bytes]:
        while True:
            assert len(read) < 4, "the object has no end"
            read.append(bytes(MAX_BYTES))
            yield read[-1]

    services.objects.put("tombstones/short.json", [b"{}"])
    monkeypatch.setattr(Objects, "get", endless)
    trust = Trust(INSTANCE, services.domain, {Address(services.operator.address)}, LOGS)
    assert [one.name for one in gather(services.objects, None, trust).refused] == ["tombstones/short.json"]

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from cityledger.cli.main import run
from cityledger.errors import ConfigurationError, StorageFullError
from cityledger.recovery.backup.backup import Source, _fold_log, make_backup
from cityledger.recovery.backup.workspace import (
    COPIES,
    ROOM_LEFT_BYTES,
    scratch_folder,
    verify_room,
    workspace_of,
)
from cityledger.store.engine.database import Database
from support.node.node_fixture import TestNode, make_node
from support.store.backup_source import backup_source
from support.store.databases import fresh_database_url


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(fresh_database_url(tmp_path))
    yield opened
    opened.close()


@pytest.fixture
def set_free(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    def set_bytes(free: int) -> None:
        monkeypatch.setattr("shutil.disk_usage", lambda _place: SimpleNamespace(free=free))

    return set_bytes


def test_a_copy_that_would_fill_the_disk_is_refused(
    database: Database, tmp_path: Path, set_free: Callable[[int], None]
) -> None:
    with database.reading() as connection:
        if connection.dialect.name == "sqlite":
            size = connection.exec_driver_sql("PRAGMA page_count").scalar_one() * 4096
        else:
            size = connection.exec_driver_sql("SELECT pg_database_size(current_database())").scalar_one()
    need = COPIES * size + ROOM_LEFT_BYTES
    set_free(need)
    verify_room(tmp_path, database)
    set_free(need - 1)
    with pytest.raises(StorageFullError, match=r"MiB are free at .* by --workspace"):
        verify_room(tmp_path, database)


def test_a_refused_backup_writes_nothing(tmp_path: Path, set_free: Callable[[int], None]) -> None:
    (tmp_path / "node").mkdir()
    node: TestNode = make_node(tmp_path / "node")
    (tmp_path / "work").mkdir()
    set_free(0)
    with pytest.raises(StorageFullError, match="--workspace"):
        make_backup(tmp_path / "backup", replace(backup_source(node), workspace=tmp_path / "work"), 1_000)
    node.close()
    assert not (tmp_path / "backup").exists()
    assert list((tmp_path / "work").iterdir()) == []


def _full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("call", ["pathlib.Path.mkdir", "cityledger.recovery.backup.workspace.os.open"])
def test_a_full_disk_is_reported_as_such(call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call, _full)
    with pytest.raises(StorageFullError, match="No space left"), workspace_of(tmp_path):
        pass


def test_a_scratch_folder_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    with pytest.raises(StorageFullError, match="--workspace"), scratch_folder(tmp_path / "absent"):
        pass


def test_a_copy_that_cannot_be_completed_is_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_file: Path) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("cityledger.recovery.backup.backup.sqlite3.connect", fails)
    with pytest.raises(StorageFullError):
        _fold_log(tmp_path / "database.db")


def test_a_workspace_that_others_could_exchange_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(ConfigurationError, match="all users can write"), workspace_of(tmp_path):
        pass
    tmp_path.chmod(0o1777)
    with workspace_of(tmp_path) as place:
        assert place.stat().st_mode & 0o777 == 0o700


def test_a_workspace_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "mine").touch()
    (tmp_path / ".backup-work").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigurationError, match="is a link"), workspace_of(tmp_path):
        pass
    assert (tmp_path / "elsewhere" / "mine").exists()


def test_a_workspace_in_the_backup_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    backup, inside = tmp_path / "backup", tmp_path / "backup" / "work"
    assert run(["node", "backup", str(backup), "--workspace", str(inside), "--folder", str(tmp_path)]) != 0
    assert "--workspace is in the backup's folder" in capsys.readouterr().err
    assert not backup.exists()


@pytest.mark.parametrize("named", [[], ["--workspace", "elsewhere/work"]])
def test_the_command_copies_the_database_where_it_is_told(
    named: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The keyring, the deployment and the copies themselves are others' tests."""
    (tmp_path / "cityledger.toml").write_text(
        f'database_url = "{fresh_database_url(tmp_path)}"\nrpc_url = "http://127.0.0.1:9"\nchain_id = 1\n'
        f'keyring = "keyring"\nmanifest = "deployment.json"\noperator = "0x{"11" * 20}"\n'
    )
    (tmp_path / "keyring").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CITYLEDGER_PASSPHRASE", "tests")
    deployment = SimpleNamespace(instance=bytes(32), address=lambda _name: "0x" + "11" * 20)
    operator = SimpleNamespace(address="0x" + "11" * 20)
    for name, made in (
        ("cityledger.key_sources.opening.open_keyring", None),
        ("cityledger.key_sources.opening.open_operator", operator),
        ("cityledger.key_sources.own_operator.verify_own", None),
        ("cityledger.chain.manifest.load_manifest", deployment),
    ):
        monkeypatch.setattr(name, lambda *_, made=made: made)
    places: list[Path] = []

    def stop(_target: Path, source: Source, *_: object) -> None:
        assert source.workspace is not None
        places.append(source.workspace.resolve())
        raise StorageFullError("seen")

    monkeypatch.setattr("cityledger.recovery.backup.backup.make_backup", stop)
    assert run(["node", "backup", str(tmp_path / "backup"), *named, "--folder", str(tmp_path)]) != 0
    assert places == [(tmp_path / named[1] if named else tmp_path) / ".backup-work"]

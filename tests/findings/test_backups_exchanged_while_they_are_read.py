"""A restore verified the files of a backup, and then read them again: who could exchange them between both
decided which rows, keys, settings and objects a node was made of.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from cityledger.cli.main import run
from cityledger.cli.node import restore as restore_command
from cityledger.errors import ConfigurationError, StorageFullError, VerificationError
from cityledger.node.leftovers import remove_leftovers
from cityledger.recovery.backup import backup as backup_module
from cityledger.recovery.backup import manifest as backup_manifest
from cityledger.recovery.backup import verified_copy
from cityledger.recovery.backup.backup import Source, make_backup, verify_backup
from cityledger.recovery.backup.files import verify_file
from cityledger.recovery.backup.manifest import File
from cityledger.recovery.backup.workspace import workspace_of
from cityledger.recovery.restore.revocations import FoundLists
from cityledger.recovery.restore.tombstones import Found
from cityledger.sealing.keyring import Keyring
from cityledger.sealing.keyring_lock import UnlockSecret
from cityledger.store.engine.migrate import SCHEMA_VERSION
from cityledger.types import AgencyId
from support.node.chain_facts import INSTANCE
from support.node.node_fixture import TestNode
from support.node.sample_records import TREATMENT_RECORD
from support.store.backup_source import backup_source

OPERATOR = Account.from_key(b"\x05" * 32)
PASSPHRASE = "of the reader"
SETTINGS = f"""
database_url = "sqlite:///node.db"
rpc_url = "http://127.0.0.1:9"
chain_id = 31337
manifest = "deployment.json"
keyring = "keyring"
operator = "{OPERATOR.address}"
"""
STOLEN_SUBJECT = bytes.fromhex("5b" * 32)


@pytest.fixture
def backup(node: TestNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CITYLEDGER_PASSPHRASE", PASSPHRASE)
    monkeypatch.setattr("cityledger.exchange.parts.storage.IN_ROW_BYTES", 16)
    node.put(node.health, "visit-1", TREATMENT_RECORD)
    made = tmp_path / "made"
    made.mkdir()
    secret = UnlockSecret.from_passphrase(PASSPHRASE)
    keyring = Keyring.create(made / "keyring", secret, random=os.urandom, kdf_cost=4)
    keyring.add_agency(AgencyId(1), random=os.urandom)
    keyring.add_account(bytes(OPERATOR.key))
    (made / "cityledger.toml").write_text(SETTINGS)
    (made / "deployment.json").write_text("{}")
    files = {path.relative_to(made).as_posix(): path for path in made.rglob("*") if path.is_file()}
    services = node.context.services
    source = Source(
        services.database,
        services.objects,
        INSTANCE,
        services.domain,
        OPERATOR,
        SCHEMA_VERSION,
        lambda: files,
    )
    make_backup(tmp_path / "backup", source, 1_000)
    return tmp_path / "backup"


def _then(monkeypatch: pytest.MonkeyPatch, name: str, act: Callable[[], object]) -> None:
    """``act`` happens once that step of the restore has ended."""
    step = getattr(restore_command, name)

    def step_then_act(*arguments: Any, **named: Any) -> Any:
        ended = step(*arguments, **named)
        act()
        return ended

    monkeypatch.setattr(restore_command, name, step_then_act)


@pytest.fixture
def restore(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backup: Path) -> Callable[[], int]:
    """The command, with no chain that is ahead, no tombstone and no revocation list."""
    monkeypatch.setattr(restore_command, "_gather", lambda *_: Found((), ()))
    monkeypatch.setattr(restore_command, "gather_lists", lambda *_: FoundLists())
    monkeypatch.setattr(restore_command, "codes_of", lambda *_: [])
    monkeypatch.setattr(restore_command, "_chain_next", lambda _settings: lambda _log: None)
    return lambda: run(["node", "restore", str(backup), "--folder", str(tmp_path / "node")])


def _state(backup: Path) -> Path:
    return backup / backup_manifest.load(backup).state


def _exchange_files(backup: Path) -> None:
    state = _state(backup)
    for file in (state / "cityledger.toml", state / "deployment.json", *(state / "keyring").rglob("*.json")):
        file.write_bytes(file.read_bytes() + b"\n")
    _add_a_row(state / "database.db")


def _add_a_row(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("INSERT INTO subject VALUES (1, ?, ?)", (os.urandom(32), STOLEN_SUBJECT))


def _count_stolen(database: Path) -> int:
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute("SELECT 1 FROM subject WHERE subject = ?", (STOLEN_SUBJECT,))
        return len(rows.fetchall())


@pytest.mark.parametrize("step", ["_open_keyring", "_verify_signature", "_place_files"])
def test_a_restore_uses_the_files_that_it_verified(
    step: str,
    backup: Path,
    restore: Callable[[], int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    state = _state(backup)
    files = [path for path in state.rglob("*") if path.is_file()]
    wanted = {
        path.relative_to(state): path.read_bytes() for path in files if path.suffix in (".toml", ".json")
    }
    _then(monkeypatch, step, lambda: _exchange_files(backup))

    assert restore() == 0

    assert {name: (tmp_path / "node" / name).read_bytes() for name in wanted} == wanted
    assert _count_stolen(tmp_path / "node" / "node.db") == 0


def test_an_exchanged_object_is_refused_and_not_left_in_the_store(
    backup: Path, restore: Callable[[], int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (first, *_) = (path for path in (backup / "objects").rglob("*") if path.is_file())
    whole = first.read_bytes()
    _then(monkeypatch, "_place_files", lambda: first.write_bytes(whole[:-1] + b"?"))

    assert restore() == 4

    names = [path.name for path in (tmp_path / "node").rglob("*")]
    assert not any(first.name in name for name in names)


def test_an_exchanged_list_of_objects_is_refused(
    backup: Path, restore: Callable[[], int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was read once to verify it, and once more without its digest."""
    names = _state(backup) / "objects.list"
    _then(monkeypatch, "_place_files", lambda: names.write_bytes(b""))

    assert restore() == 0

    stored = {path.name for path in (tmp_path / "node" / "objects").rglob("*") if path.is_file()}
    assert stored == {path.name for path in (backup / "objects").rglob("*") if path.is_file()} != set()


def test_verify_reads_the_list_of_objects_that_it_verified(
    backup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def then_exchanged(folder: Path, name: str, wanted: File, *more: Any) -> None:
        verify_file(folder, name, wanted, *more)
        if name.endswith("objects.list"):
            (folder / name).write_bytes(b"")

    monkeypatch.setattr("cityledger.recovery.backup.backup.verify_file", then_exchanged)
    with pytest.raises(VerificationError, match=r"objects\.list"):
        verify_backup(backup)


def test_no_copy_of_the_backup_is_left(
    backup: Path, restore: Callable[[], int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It holds keys that the restore destroys again."""
    existing: list[set[str]] = []
    folder = tmp_path / "node"
    _then(monkeypatch, "_place_files", lambda: existing.append({path.name for path in folder.iterdir()}))
    assert restore() == 0
    left = {path.name for path in folder.iterdir()}
    assert existing[0] - left == {"restoring.json", ".backup-copy"}


def test_a_restore_has_not_ended_before_its_copy_is_removed(
    restore: Callable[[], int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copy holds keys of what was erased again; the mark was removed before it."""
    remove, calls = verified_copy.remove_copy, []

    def fails_at_the_end(place: Path) -> None:
        calls.append(place)
        if len(calls) == 2:
            raise StorageFullError("the disk fails")
        remove(place)

    monkeypatch.setattr(verified_copy, "remove_copy", fails_at_the_end)
    assert restore() != 0
    names = {path.name for path in (tmp_path / "node").iterdir()}
    assert {".backup-copy", "restoring.json"} <= names

    assert restore() == 0
    assert {path.name for path in (tmp_path / "node").iterdir()} == names - {".backup-copy", "restoring.json"}


def test_a_database_that_is_exchanged_while_the_backup_is_made_is_not_signed(
    node: TestNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was written into the backup's folder, and described from there when all else was written."""
    step = backup_module._copy_objects

    def then_exchanged(folder: Path, *rest: Any) -> Any:
        ended = step(folder, *rest)
        for database in folder.glob("state-*/database.db"):
            _add_a_row(database)
        return ended

    monkeypatch.setattr(backup_module, "_copy_objects", then_exchanged)
    made = tmp_path / "made-meanwhile"
    make_backup(made, backup_source(node), 1_000)

    verify_backup(made)
    assert _count_stolen(_state(made) / "database.db") == 0


def test_what_a_killed_backup_left_is_removed_by_the_next(tmp_path: Path) -> None:
    (tmp_path / ".backup-work" / "backup-1").mkdir(parents=True)
    (tmp_path / ".backup-work" / "backup-1" / "database.db").write_bytes(b"keys")
    with workspace_of(tmp_path) as place:
        assert [path.name for path in place.iterdir()] == [".lock"]
        (place / "more").write_bytes(b"")
        with pytest.raises(ConfigurationError, match="another backup"), workspace_of(tmp_path):
            pass
    assert [path.name for path in place.iterdir()] == [".lock"]


def test_what_killed_commands_left_is_removed_before_a_node_serves(tmp_path: Path) -> None:
    for left in (".backup-copy", ".backup-work/backup-1"):
        (tmp_path / left).mkdir(parents=True)
        (tmp_path / left / "database.db").write_bytes(b"keys")
    (tmp_path / ".backup-work" / ".lock").touch()

    remove_leftovers(tmp_path, print)

    assert [path.name for path in tmp_path.rglob("*")] == [".backup-work", ".lock"]


def test_the_copy_of_a_running_backup_is_left(tmp_path: Path) -> None:
    with workspace_of(tmp_path) as place:
        (place / "database.db").write_bytes(b"keys")
        remove_leftovers(tmp_path, print)
        assert (place / "database.db").exists()


def test_a_node_removes_them_before_it_opens_anything(tmp_path: Path) -> None:
    (tmp_path / ".backup-copy").mkdir()
    (tmp_path / "cityledger.toml").write_text(SETTINGS)
    assert run(["node", "serve", "--folder", str(tmp_path)]) != 0
    assert not (tmp_path / ".backup-copy").exists()

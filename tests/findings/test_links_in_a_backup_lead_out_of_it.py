"""A backup followed links in its folder: any process that could write there had files of the node removed,
overwritten or read without end by the next backup.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cityledger.errors import StorageFullError, VerificationError
from cityledger.recovery.backup import backup as backup_module
from cityledger.recovery.backup import manifest as backup_manifest
from cityledger.recovery.backup.backup import make_backup, verify_backup
from cityledger.recovery.backup.verified_copy import verified_copy
from support.node.node_fixture import TestNode
from support.node.sample_records import TREATMENT_RECORD
from support.store.backup_source import backup_source


@pytest.fixture
def backup(node: TestNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("cityledger.exchange.parts.storage.IN_ROW_BYTES", 16)
    node.put(node.health, "visit-1", TREATMENT_RECORD)
    made = tmp_path / "backup"
    make_backup(made, backup_source(node), 1_000)
    return made


@pytest.fixture
def live(tmp_path: Path) -> Path:
    """A folder of the node's own."""
    folder = tmp_path / "live"
    (folder / "tombstones").mkdir(parents=True)
    (folder / "tombstones" / "1.json").write_text("erased")
    (folder / "objects.list").write_text("mine")
    return folder


def _contents(folder: Path) -> dict[Path, bytes]:
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _object(backup: Path) -> Path:
    return next(path for path in (backup / "objects").rglob("*") if path.is_file())


def _read_by_all(backup: Path, tmp_path: Path) -> None:
    """Verification and the copy of a restore refuse it."""
    with pytest.raises(VerificationError):
        verify_backup(backup)
    with (
        pytest.raises(VerificationError),
        verified_copy(backup, backup_manifest.load(backup), tmp_path / "copy"),
    ):
        pass
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize("is_emptied", [False, True])
def test_a_link_for_objects_removes_nothing_elsewhere(
    node: TestNode, backup: Path, live: Path, tmp_path: Path, is_emptied: bool
) -> None:
    """Also where the backup itself needs no object."""
    (backup / "objects").rename(tmp_path / "moved")
    (backup / "objects").symlink_to(live)
    before = _contents(live)
    if is_emptied:
        url = node.url(node.health, "visit-1") + "?reason=duty"
        assert node.client.delete(url, headers=node.headers("HEALTH", "writer")).status_code == 200

    with pytest.raises(VerificationError, match="objects in the backup is a link"):
        make_backup(backup, backup_source(node), 2_000)

    assert _contents(live) == before


def test_a_link_between_objects_and_a_file_is_refused(
    node: TestNode, backup: Path, live: Path, tmp_path: Path
) -> None:
    between = _object(backup).parent
    assert between != backup / "objects"
    between.rename(tmp_path / "moved")
    between.symlink_to(live)
    before = _contents(live)

    with pytest.raises(VerificationError, match="is a link"):
        make_backup(backup, backup_source(node), 2_000)

    assert _contents(live) == before
    _read_by_all(backup, tmp_path)


@pytest.mark.parametrize("step", ["_copy_database", "_copy_objects"])
def test_the_new_state_replaced_by_a_link_overwrites_nothing(
    step: str, node: TestNode, backup: Path, live: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    act, before = getattr(backup_module, step), _contents(live)
    monkeypatch.setattr("cityledger.recovery.backup.backup.os.urandom", lambda count: bytes(count))
    state = backup / f"state-{'00' * 8}"

    def then_linked(*arguments: Any) -> Any:
        ended = act(*arguments)
        if state.exists():
            state.rename(tmp_path / "moved")
        state.symlink_to(live)
        return ended

    monkeypatch.setattr(backup_module, step, then_linked)
    with pytest.raises(VerificationError, match="is a link"):
        make_backup(backup, backup_source(node), 2_000)

    assert _contents(live) == before
    assert backup_manifest.load(backup).made_at == 1_000


@pytest.mark.parametrize("make", [lambda path, live: path.symlink_to(live), lambda path, _: path.touch()])
def test_what_only_has_the_name_of_an_older_state_is_removed(
    make: Callable[[Path, Path], None], node: TestNode, backup: Path, live: Path
) -> None:
    older, before = backup / "state-0000000000000000", _contents(live)
    make(older, live)

    make_backup(backup, backup_source(node), 2_000)

    assert not older.is_symlink() and not older.exists()
    assert _contents(live) == before


@pytest.mark.parametrize("kind", ["endless", "pipe", "longer"])
def test_an_object_of_another_kind_is_not_read(
    kind: str, node: TestNode, backup: Path, tmp_path: Path
) -> None:
    file = _object(backup)
    whole = file.read_bytes()
    file.unlink()
    if kind == "endless":
        file.symlink_to("/dev/zero")
    elif kind == "pipe":
        os.mkfifo(file)
    else:
        file.touch()
        os.truncate(file, 1 << 40)
    _read_by_all(backup, tmp_path)

    make_backup(backup, backup_source(node), 2_000)

    assert file.read_bytes() == whole
    verify_backup(backup)


@pytest.mark.parametrize("name", ["manifest.json", ".lock"])
def test_files_beside_the_states_are_not_followed(
    name: str, node: TestNode, backup: Path, live: Path
) -> None:
    before = _contents(live)
    (backup / name).unlink()
    (backup / name).symlink_to(live / "new" if name == ".lock" else live / "objects.list")

    with pytest.raises((VerificationError, StorageFullError)):
        make_backup(backup, backup_source(node), 2_000)

    assert _contents(live) == before


def test_an_unfinished_manifest_that_is_a_link_is_replaced(node: TestNode, backup: Path, live: Path) -> None:
    before = _contents(live)
    (backup / ".manifest.json.tmp").symlink_to(live / "objects.list")

    make_backup(backup, backup_source(node), 2_000)

    assert _contents(live) == before
    assert backup_manifest.load(backup).made_at == 2_000


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
def test_a_manifest_of_another_kind_is_not_read(make: Callable[[Path], None], backup: Path) -> None:
    (backup / "manifest.json").unlink()
    make(backup / "manifest.json")
    with pytest.raises(VerificationError, match=r"manifest\.json"):
        backup_manifest.load(backup)


def test_a_state_that_is_a_link_is_refused(backup: Path, tmp_path: Path) -> None:
    state = backup / backup_manifest.load(backup).state
    state.rename(tmp_path / "moved")
    state.symlink_to(tmp_path / "moved")
    _read_by_all(backup, tmp_path)


ENTRY = {"bytes": 0, "sha256": "00" * 32}
FILES = {"database.db": ENTRY, "objects.list": ENTRY}


@pytest.mark.parametrize(
    ("field", "changed"),
    [
        ("bytes", {"files": {**FILES, "database.db": {**ENTRY, "bytes": "x"}}}),
        ("bytes", {"files": {**FILES, "database.db": {**ENTRY, "bytes": -1}}}),
        ("bytes", {"files": {**FILES, "database.db": {**ENTRY, "bytes": True}}}),
        ("sha256", {"files": {**FILES, "database.db": {**ENTRY, "sha256": ""}}}),
        ("sha256", {"files": {**FILES, "database.db": {"bytes": 0}}}),
        ("files", {"files": {"database.db": ENTRY}}),
        ("NUL", {"files": {**FILES, "a\0b": ENTRY}}),
        ("leads out", {"files": {**FILES, "../x": ENTRY}}),
        ("object_bytes", {"object_bytes": "1"}),
        ("objects", {"objects": 1.5}),
        ("made_at", {"made_at": None}),
        ("cursor", {"cursor": "5"}),
        ("cursor_hash", {"cursor_hash": "0x"}),
        ("logs", {"logs": {"first": 1}}),
        ("logs", {"logs": []}),
        ("state", {"state": "a/b"}),
        ("state", {"state": 5}),
        ("chain_id", {"chain_id": "1"}),
        ("operator", {"operator": None}),
        ("instance", {"instance": "0x5"}),
        ("unknown", {"more": 1}),
        ("format", {"format": "another"}),
    ],
)
def test_a_field_of_the_manifest_of_a_wrong_type_is_named(
    field: str, changed: dict[str, object], backup: Path
) -> None:
    """It ended in a traceback, and where an older manifest lies in the target, so did each new backup."""
    file = backup / "manifest.json"
    file.write_text(json.dumps({**json.loads(file.read_bytes()), **changed}))
    with pytest.raises(VerificationError, match=field):
        verify_backup(backup)


@pytest.mark.parametrize("data", [b"", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"a": ' * 100_000])
def test_a_manifest_that_is_no_object_is_refused(data: bytes, backup: Path) -> None:
    (backup / "manifest.json").write_bytes(data)
    with pytest.raises(VerificationError, match=r"manifest\.json is not the manifest"):
        verify_backup(backup)

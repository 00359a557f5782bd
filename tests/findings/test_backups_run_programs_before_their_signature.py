"""Who could write to a backup ran a program, or wrote any file, where it was restored: its settings were
used before its signature was checked, and could name the file that opens a keyring of the thief's own.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from eth_account import Account

from cityledger.cli.main import run
from cityledger.errors import ConfigurationError
from cityledger.recovery.backup import manifest as backup_manifest
from cityledger.recovery.backup.backup import make_backup
from cityledger.recovery.restore.tombstones import Found
from cityledger.sealing.keyring import Keyring
from cityledger.sealing.keyring_lock import UnlockSecret
from cityledger.sealing.wrap import VaultKey
from cityledger.types import AgencyId
from support.node.node_fixture import TestNode
from support.store.backup_source import backup_source

THIEF = Account.from_key(b"\x07" * 32)
PASSPHRASE = "of the reader"
SETTINGS = """
database_url = "sqlite:///node.db"
rpc_url = "http://127.0.0.1:9"
chain_id = 31337
manifest = "deployment.json"
operator = "%s"
"""


def _backup(node: TestNode, folder: Path, settings: str, secret: UnlockSecret, *accounts: bytes) -> Path:
    """Signed by the thief, with a keyring that ``secret`` opens and whose vault key is outside of it."""
    made = folder / "made"
    made.mkdir()
    keyring = Keyring.create(
        made / "keyring",
        secret,
        random=os.urandom,
        kdf_cost=4,
        outside=lambda _agency, epoch: VaultKey(epoch, bytes(32), is_outside=True),
    )
    keyring.add_agency(AgencyId(1), random=os.urandom)
    for one in accounts:
        keyring.add_account(one)
    (made / "cityledger.toml").write_text(SETTINGS % THIEF.address + settings)
    (made / "deployment.json").write_text("{}")
    files = {path.relative_to(made).as_posix(): path for path in made.rglob("*") if path.is_file()}
    source = replace(backup_source(node), operator=THIEF, files=lambda: files)
    make_backup(folder / "backup", source, 1_000)
    return folder / "backup"


def _restore(folder: Path, backup: Path, *more: str) -> int:
    return run(["node", "restore", str(backup), "--folder", str(folder / "node"), *more])


@pytest.fixture(autouse=True)
def _passphrase(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITYLEDGER_PASSPHRASE", PASSPHRASE)


def test_nothing_is_run_for_a_backup_of_an_unknown_signer(node: TestNode, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    settings = f'keyring = "keyring"\nvault_keys = "command:touch {ran} {{agency}} {{epoch}}"\n'
    backup = _backup(node, tmp_path, settings, UnlockSecret.from_passphrase(PASSPHRASE))
    assert _restore(tmp_path, backup) != 0
    assert not ran.exists()


def test_nothing_is_written_for_a_backup_of_an_unknown_signer(node: TestNode, tmp_path: Path) -> None:
    elsewhere = tmp_path / "home" / ".ssh"
    settings = f'keyring = "{elsewhere}"\n'
    backup = _backup(node, tmp_path, settings, UnlockSecret.from_passphrase(PASSPHRASE))
    assert _restore(tmp_path, backup) != 0
    assert not elsewhere.exists()
    assert backup_manifest.load(backup).operator == THIEF.address


def test_a_backup_does_not_name_the_key_that_opens_it(
    node: TestNode, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the signature of any account in any keyring would do."""
    known = tmp_path / "known"
    known.write_bytes(b"what is on every machine, 32 bytes")
    known.chmod(0o600)
    settings = f'keyring = "keyring"\nkey_file = "{known}"\n'
    backup = _backup(node, tmp_path, settings, UnlockSecret.from_key_file(known), bytes(THIEF.key))
    assert _restore(tmp_path, backup) != 0
    assert "CITYLEDGER_KEY_FILE" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "node" / "keyring").glob("*")] == []

    monkeypatch.setenv("CITYLEDGER_KEY_FILE", str(known))
    _restore(tmp_path, backup)  # continues up to the chain, which does not exist
    assert "CITYLEDGER_KEY_FILE" not in capsys.readouterr().err
    assert (tmp_path / "node" / "keyring" / "keyring.json").exists()


def test_tombstones_of_every_named_operator_are_obeyed(
    node: TestNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A former operator whose key was at a remote signer is not in the keyring: what it erased came back."""
    former = Account.from_key(b"\x09" * 32).address
    obeyed: list[frozenset[str]] = []

    def gather(_settings: object, _manifest: object, accounts: frozenset[str], _folder: object) -> Found:
        obeyed.append(accounts)
        raise ConfigurationError("far enough")

    monkeypatch.setattr("cityledger.cli.node.restore._gather", gather)
    backup = _backup(node, tmp_path, 'keyring = "keyring"\n', UnlockSecret.from_passphrase(PASSPHRASE))
    _restore(tmp_path, backup, "--signed-by", former, "--signed-by", THIEF.address)
    assert obeyed == [{former, THIEF.address}]

"""What ``cityledger node init`` writes, without a chain."""

import stat
from dataclasses import replace
from pathlib import Path

import pytest
from eth_account import Account

from cityledger.chain.manifest import Manifest, load_manifest
from cityledger.cli.node_checks import check_node
from cityledger.cli.node_folder import MadeAgency, Setup, make_folder, verify_new
from cityledger.client import AssertionCredentials, load_credentials
from cityledger.client.credentials import key_thumbprint
from cityledger.errors import ConfigurationError
from cityledger.sealing.keyring import Keyring
from cityledger.sealing.keyring_lock import UnlockSecret
from cityledger.settings import Settings, load_settings
from cityledger.types import AgencyId
from node_fixture import _manifest

SECRET = UnlockSecret.from_passphrase("tests")


def make(folder: Path) -> tuple[list[MadeAgency], str]:
    operator = Account.create()
    setup = Setup(folder, _full_manifest(), 'http://key"@chain.test', None, operator, True, None)
    return make_folder(setup, SECRET, {AgencyId(7): "HEALTH"}), operator.address


def _full_manifest() -> Manifest:
    held = _manifest()
    first = next(iter(held.contracts.values()))
    return replace(held, contracts={"AccessManager": first, **held.contracts})


def test_make_folder_writes_settings_that_load_and_name_every_one(tmp_path: Path) -> None:
    _made, operator = make(tmp_path / "node")
    settings = load_settings(tmp_path / "node", {})
    assert (settings.operator, settings.rpc_url) == (operator, 'http://key"@chain.test')
    assert settings.key_file is None
    text = (tmp_path / "node" / "cityledger.toml").read_text()
    assert [name for name in Settings.__slots__ if f"{name} = " not in text] == []
    assert load_manifest(settings.manifest).chain_id == settings.chain_id


def test_make_folder_makes_keys_that_fit_their_digests(tmp_path: Path) -> None:
    (made,), operator = make(tmp_path / "node")
    keyring = Keyring.open(tmp_path / "node" / "keyring", SECRET)
    keys = keyring.agency(AgencyId(7))
    assert keyring.accounts() == [operator]
    assert keys.sealing_key.digest == made.sealing_key_digest
    loaded = load_credentials(tmp_path / "node" / "credentials" / "HEALTH-reader.json")
    assert isinstance(loaded.credentials, AssertionCredentials)
    assert key_thumbprint(loaded.credentials.credential_key) == made.credential_key_digest


def test_make_folder_keeps_secrets_from_others(tmp_path: Path) -> None:
    make(tmp_path / "node")
    for name in ("cityledger.toml", "keyring/keyring.json", "credentials/HEALTH.pem"):
        assert stat.S_IMODE((tmp_path / "node" / name).stat().st_mode) == 0o600, name


def test_verify_new_refuses_a_folder_that_holds_a_node(tmp_path: Path) -> None:
    verify_new(tmp_path / "node")
    make(tmp_path / "node")
    with pytest.raises(ConfigurationError, match=r"cityledger\.toml, keyring, node\.db"):
        verify_new(tmp_path / "node")


def test_check_names_a_next_step_for_each_line_that_failed(tmp_path: Path) -> None:
    make(tmp_path / "node")
    environment = {"CITYLEDGER_PASSPHRASE": "tests", "CITYLEDGER_RPC_URL": "http://127.0.0.1:1"}
    lines = {one.name: one for one in check_node(tmp_path / "node", environment)}
    assert [name for name, one in lines.items() if one.ok] == ["settings", "database", "logs", "keyring"]
    assert all(one.next_step for one in lines.values() if not one.ok)
    assert lines["chain"].detail == "not looked at"
    wrong = {one.name: one for one in check_node(tmp_path / "node", {"CITYLEDGER_PASSPHRASE": "x"})}
    assert "wrong passphrase" in wrong["keyring"].detail
    assert [one.name for one in check_node(tmp_path, {}) if one.ok] == []

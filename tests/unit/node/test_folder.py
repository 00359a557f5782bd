"""What ``cityledger node init`` writes, without a chain."""

import stat
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from typer.testing import CliRunner

from cityledger.chain.manifest import Manifest, load_manifest
from cityledger.cli.node.commands import app
from cityledger.cli.node.secret import secret_of
from cityledger.client import AssertionCredentials, load_credentials
from cityledger.errors import ConfigurationError, UnavailableError
from cityledger.node.folder import MadeAgency, Setup, make_folder, verify_database, verify_new
from cityledger.node.folder_checks import check_node
from cityledger.sealing.keyring import Keyring
from cityledger.sealing.keyring_lock import UnlockSecret
from cityledger.sealing.thumbprint import key_thumbprint
from cityledger.settings import Settings, load_settings
from cityledger.settings.node import resolved_database_url
from cityledger.store import node_state
from cityledger.store.engine.database import Database
from cityledger.store.engine.leadership import hold_database
from cityledger.store.engine.migrate import verify_schema
from cityledger.types import AgencyId
from support.node.chain_facts import make_manifest
from support.store.databases import empty_database_url, fresh_database_url

SECRET = UnlockSecret.from_passphrase("tests")


def make(folder: Path, **changes: Any) -> tuple[list[MadeAgency], str]:
    operator = Account.create()
    setup = Setup(folder, _full_manifest(), 'http://key"@chain.test', None, operator, True, None, **changes)
    return make_folder(setup, SECRET, {AgencyId(7): "HEALTH"}), operator.address


def _full_manifest() -> Manifest:
    manifest = make_manifest()
    first = next(iter(manifest.contracts.values()))
    return replace(manifest, contracts={"AccessManager": first, **manifest.contracts})


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


@pytest.mark.loopback(reason="no server answers at the endpoint")
def test_check_names_a_next_step_for_each_line_that_failed(tmp_path: Path) -> None:
    make(tmp_path / "node")
    environment = {"CITYLEDGER_PASSPHRASE": "tests", "CITYLEDGER_RPC_URL": "http://127.0.0.1:1"}
    lines = {one.name: one for one in check_node(tmp_path / "node", environment, secret_of)}
    assert [name for name, one in lines.items() if one.ok] == [
        "settings",
        "database",
        "logs",
        "keyring",
        "hosted keys",
    ]
    assert all(one.next_step for one in lines.values() if not one.ok)
    assert lines["chain"].detail == "not checked"
    other = {**environment, "CITYLEDGER_PASSPHRASE": "x"}
    wrong = {one.name: one for one in check_node(tmp_path / "node", other, secret_of)}
    assert "wrong passphrase" in wrong["keyring"].detail
    assert [one.name for one in check_node(tmp_path, {}, secret_of) if one.ok] == []


def test_make_folder_migrates_the_database_it_is_given_and_names_it(tmp_path: Path) -> None:
    url = empty_database_url(tmp_path)
    verify_database(url)
    make(tmp_path / "node", database_url=url)
    assert load_settings(tmp_path / "node", {}).database_url == url
    assert not (tmp_path / "node" / "node.db").exists()
    with closing(Database(url)) as database:
        verify_schema(database)


def test_make_folder_writes_nothing_of_what_the_environment_says(tmp_path: Path) -> None:
    """It may contain a password."""
    url = empty_database_url(tmp_path)
    configured = "postgresql://node@db.city/land"
    opened = resolved_database_url(configured, tmp_path / "node", {"DATABASE_URL": url})
    make(tmp_path / "node", database_url=configured, opened_url=opened)
    assert url not in (tmp_path / "node" / "cityledger.toml").read_text()
    assert load_settings(tmp_path / "node", {}).database_url == configured
    with closing(Database(url)) as database:
        verify_schema(database)


def test_verify_database_takes_an_empty_one_and_refuses_another_nodes(tmp_path: Path) -> None:
    url = fresh_database_url(tmp_path)
    verify_database(url)
    with closing(Database(url)) as database, database.writing() as connection:
        node_state.put_value(connection, node_state.INSTANCE, "ab" * 32)
    with pytest.raises(ConfigurationError, match="another node's rows"):
        verify_database(url)


def test_verify_database_leaves_a_file_that_is_not_there_alone(tmp_path: Path) -> None:
    verify_database(f"sqlite:///{tmp_path / 'node.db'}")
    assert not (tmp_path / "node.db").exists()


def test_verify_database_tells_one_that_does_not_answer_and_one_of_no_kind() -> None:
    with pytest.raises(UnavailableError):
        verify_database("postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(ConfigurationError, match="only sqlite"):
        verify_database("mysql://city/node")


def test_migrate_refuses_while_the_database_is_served_from_another_folder(tmp_path: Path) -> None:
    url = empty_database_url(tmp_path)
    make(tmp_path / "node", database_url=url)
    with closing(Database(url)) as database:
        lock = hold_database(database)
        refused = CliRunner().invoke(app, ["migrate", "--folder", str(tmp_path / "node")])
        lock.release()
        assert isinstance(refused.exception, ConfigurationError)
        assert "another folder" in str(refused.exception)
    assert CliRunner().invoke(app, ["migrate", "--folder", str(tmp_path / "node")]).exit_code == 0


@pytest.mark.parametrize(("port", "named"), [(8054, "http://127.0.0.1:8054"), (0, None)])
def test_settings_and_credentials_name_the_port(tmp_path: Path, port: int, named: str | None) -> None:
    setup = Setup(
        tmp_path / "node", _full_manifest(), "http://a", None, Account.create(), True, None, port=port
    )
    make_folder(setup, SECRET, {AgencyId(7): "HEALTH"})

    assert load_settings(tmp_path / "node", {}).port == port
    credentials = tmp_path / "node" / "credentials"
    assert {load_credentials(one).node for one in credentials.glob("*.json")} == {named}

"""An operator whose key is kept outside the keyring was forgotten as soon as the settings named another: logs
halted as refused-operator, and a node no longer recognized what the former account had signed and stored. And
any account that the settings named was accepted as operator.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack, closing, nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from eth_account import Account

from cityledger.anchoring.comparison import compare
from cityledger.cli.main import run
from cityledger.cli.node.rotate_operator import _write_setting
from cityledger.errors import ConfigurationError, KeyringError, WrongChainError
from cityledger.key_sources.own_operator import remember_operator, verify_own
from cityledger.node.wiring import open_node
from cityledger.sealing.key_turns import changing_keys
from cityledger.sealing.keyring import Keyring
from cityledger.sealing.keyring_lock import DEVNET_KDF_COST, UnlockSecret
from cityledger.store import node_state
from cityledger.store.anchoring import logs
from cityledger.store.engine.database import Database
from cityledger.store.index import hosting
from cityledger.types import Address, AgencyId, HaltCause
from support.node.node_fixture import TestNode
from support.store.databases import fresh_database_url

SECRET = UnlockSecret.from_passphrase("tests")
FORMER, NEW, STEWARD = (Account.from_key(bytes([number]) * 32) for number in (31, 32, 33))


def _address(account: object) -> Address:
    return Address(account.address)  # type: ignore[attr-defined]


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    """Of a node whose operator's key is elsewhere; it holds a steward's."""
    made = Keyring.create(tmp_path / "keyring", SECRET, random=os.urandom, kdf_cost=DEVNET_KDF_COST)
    made.add_account(bytes(STEWARD.key))
    made.add_operator(_address(FORMER), random=os.urandom)
    return made


def test_a_former_account_is_known_though_its_key_is_elsewhere(node: TestNode) -> None:
    """The node's own logs are on chain for the former account, whose key its keyring does not hold."""
    services = node.context.services
    former = Address(services.operator.address)
    keyring = services.keyring
    keyring.add_operator(former, random=os.urandom)
    keyring = Keyring.open(node.context.settings.keyring, SECRET)
    services = replace(services, operator=NEW, keyring=keyring)

    assert services.own_accounts()[0] == NEW.address
    assert former in services.own_accounts()
    with services.database.reading() as connection:
        head = logs.list_heads(connection)[0]
        halt = compare(connection, head, _address(NEW), ()).halt
        assert halt is not None
        assert halt.cause is HaltCause.REFUSED_OPERATOR
        assert compare(connection, head, _address(NEW), services.own_accounts()).halt is None
        lost = hosting.list_without_keys(connection, services.own_accounts(), [])
    assert AgencyId(1) in lost


def test_an_account_that_is_only_in_the_settings_is_refused(keyring: Keyring, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=f"{FORMER.address}.*node rotate-operator"):
        remember_operator(tmp_path / "keyring", keyring, _address(NEW), lambda: False)
    assert Keyring.open(tmp_path / "keyring", SECRET).operators() == [FORMER.address]


def test_a_stewards_account_of_the_keyring_is_refused(keyring: Keyring, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="rotate-operator"):
        remember_operator(tmp_path / "keyring", keyring, _address(STEWARD), lambda: False)


def test_an_account_to_which_an_agency_gave_its_log_is_remembered(keyring: Keyring, tmp_path: Path) -> None:
    remember_operator(tmp_path / "keyring", keyring, _address(NEW), lambda: True)

    again = Keyring.open(tmp_path / "keyring", SECRET)
    assert again.operators() == sorted([FORMER.address, NEW.address])
    assert again.own_accounts() == sorted([FORMER.address, NEW.address, STEWARD.address])
    verify_own(again, _address(FORMER), lambda: False)


def test_a_keyring_without_a_list_admits_the_account_whose_key_it_holds(tmp_path: Path) -> None:
    made = Keyring.create(tmp_path / "keyring", SECRET, random=os.urandom, kdf_cost=DEVNET_KDF_COST)
    made.add_account(bytes(FORMER.key))
    with pytest.raises(ConfigurationError, match="lists no operator"):
        verify_own(made, _address(NEW), lambda: False)
    remember_operator(tmp_path / "keyring", made, _address(FORMER), lambda: False)
    assert made.operators() == [FORMER.address]


def test_the_list_is_sealed(keyring: Keyring, tmp_path: Path) -> None:
    """Who can write to the keyring's folder adds no account."""
    file = tmp_path / "keyring" / "operators.json"
    assert FORMER.address.lower().removeprefix("0x") not in file.read_text().lower()
    view = json.loads(file.read_bytes())
    sealed = bytearray.fromhex(view["sealed"])
    sealed[-1] ^= 1
    file.write_text(json.dumps({**view, "sealed": sealed.hex()}))
    with pytest.raises(KeyringError, match=r"operators\.json cannot be opened"):
        Keyring.open(tmp_path / "keyring", SECRET)


def test_two_processes_that_add_an_account_lose_none(keyring: Keyring, tmp_path: Path) -> None:
    other = Keyring.open(tmp_path / "keyring", SECRET)
    keyring.add_operator(_address(NEW), random=os.urandom)
    other.add_operator(_address(STEWARD), random=os.urandom)
    assert len(Keyring.open(tmp_path / "keyring", SECRET).operators()) == 3


@pytest.fixture
def others_turn(keyring: Keyring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[object]]:
    """Another process changes the keyring: what is appended is called, and its turn ends, while one waits."""
    acts: list[Any] = []
    with ExitStack() as turn:
        turn.enter_context(changing_keys(tmp_path / "keyring"))

        def wait(_seconds: float) -> None:
            for act in acts:
                act()
            turn.close()

        monkeypatch.setattr("cityledger.sealing.key_turns.time.sleep", wait)
        yield acts


def test_a_start_waits_for_another_process_that_changes_the_keyring(
    keyring: Keyring, tmp_path: Path, others_turn: list[object]
) -> None:
    remember_operator(tmp_path / "keyring", keyring, _address(NEW), lambda: True)
    assert _address(NEW) in Keyring.open(tmp_path / "keyring", SECRET).operators()


def test_an_account_that_another_process_stored_meanwhile_is_not_asked_about(
    keyring: Keyring, tmp_path: Path, others_turn: list[object]
) -> None:
    other = Keyring.open(tmp_path / "keyring", SECRET)
    others_turn.append(lambda: other.add_operator(_address(NEW), random=os.urandom))
    remember_operator(tmp_path / "keyring", keyring, _address(NEW), lambda: False)
    assert _address(NEW) in keyring.operators()


def test_a_list_that_another_process_begins_meanwhile_decides(tmp_path: Path) -> None:
    """The key of a steward in the keyring sufficed only before there was a list."""
    made = Keyring.create(tmp_path / "keyring", SECRET, random=os.urandom, kdf_cost=DEVNET_KDF_COST)
    made.add_account(bytes(STEWARD.key))
    other = Keyring.open(tmp_path / "keyring", SECRET)
    other.add_operator(_address(FORMER), random=os.urandom)
    with pytest.raises(ConfigurationError, match="rotate-operator"):
        remember_operator(tmp_path / "keyring", made, _address(STEWARD), lambda: False)


def test_a_wait_for_the_keyring_ends(keyring: Keyring, tmp_path: Path) -> None:
    with (
        changing_keys(tmp_path / "keyring"),
        pytest.raises(ConfigurationError, match="another command is changing keys"),
        changing_keys(tmp_path / "keyring", wait_seconds=0.01),
    ):
        pass


@pytest.mark.parametrize("instance", [b"\x01" * 32, b"\x02" * 32], ids=["own", "foreign"])
def test_a_registry_of_another_instance_adds_no_account(
    instance: bytes, keyring: Keyring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``manifest`` and ``rpc_url`` name a chain on which the account operates a log of the same number."""
    url = fresh_database_url(tmp_path)
    with closing(Database(url)) as database, database.writing() as connection:
        node_state.bind_instance(connection, b"\x01" * 32)
    settings = SimpleNamespace(
        manifest=tmp_path, keyring=tmp_path / "keyring", rpc_url="", chain_id=1, database_url=url
    )
    parts = {
        "load_manifest": SimpleNamespace(instance=instance),
        "open_keyring": keyring,
        "open_operator": NEW,
        "connect": None,
        "verify_manifest": None,
        "contracts_of": SimpleNamespace(ledger=None),
        "operates_any": True,
    }
    for name, part in parts.items():
        monkeypatch.setattr(f"cityledger.node.wiring.{name}", lambda *_, part=part: part)
    monkeypatch.setattr("cityledger.node.wiring._wire", lambda *wired: wired[-1].close())
    is_own = instance == b"\x01" * 32

    with nullcontext() if is_own else pytest.raises(WrongChainError):
        open_node(settings, SECRET)  # type: ignore[arg-type]

    assert (_address(NEW) in Keyring.open(tmp_path / "keyring", SECRET).operators()) is is_own


def test_a_backup_is_not_signed_by_an_account_that_is_only_in_the_settings(
    keyring: Keyring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CITYLEDGER_PASSPHRASE", "tests")
    key = tmp_path / "key"
    key.touch(mode=0o600)
    key.write_bytes(bytes(NEW.key))
    settings = {"database_url": "sqlite:///node.db", "rpc_url": "http://127.0.0.1:9", "keyring": "keyring"}
    named = {**settings, "manifest": "deployment.json", "operator": NEW.address, "operator_key": "file:key"}
    lines = [f"{name} = {json.dumps(value)}\n" for name, value in named.items()]
    (tmp_path / "cityledger.toml").write_text("".join(lines) + "chain_id = 31337\n")

    assert run(["node", "backup", str(tmp_path / "backup"), "--folder", str(tmp_path)]) != 0

    assert "rotate-operator" in capsys.readouterr().err
    assert not (tmp_path / "backup").exists()


@pytest.mark.parametrize("key_line", ["", 'operator_key = "keyring"\n', "operator_key = 'file:old'\n"])
def test_rotation_writes_account_and_source_of_its_key(tmp_path: Path, key_line: str) -> None:
    file = tmp_path / "cityledger.toml"
    file.write_text(f'chain_id = 1\noperator = "{FORMER.address}"\n# a word\n{key_line}port = 1\n')
    _write_setting(tmp_path, NEW.address, r"command:show \"it")
    assert tomllib.loads(file.read_text()) == {
        "chain_id": 1,
        "operator": NEW.address,
        "operator_key": r"command:show \"it",
        "port": 1,
    }
    assert "# a word" in file.read_text()

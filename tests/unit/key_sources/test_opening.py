from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from cityledger.errors import ConfigurationError, KeyringError
from cityledger.key_sources.opening import open_account, open_keyring, open_operator, vault_keys_of
from cityledger.key_sources.source import KeySource
from cityledger.sealing.context import Context
from cityledger.sealing.keyring import Keyring
from cityledger.sealing.keyring_lock import DEVNET_KDF_COST, UnlockSecret
from cityledger.sealing.wrap import unwrap, wrap
from cityledger.settings import Settings
from cityledger.types import AgencyId, DatasetId, RecordId
from support.node.remote_signer import remote_signer
from support.node.security_module import SoftToken, make_account, make_vault_key

ALICE = Account.from_key("0x" + "01" * 32)
BOB = Account.from_key("0x" + "02" * 32)
HEALTH = AgencyId(7)
SECRET = UnlockSecret.from_passphrase("tests")
CONTEXT = Context(b"i" * 32, DatasetId(b"d" * 32), RecordId(b"r" * 32), 1)


def settings_of(folder: Path, **changes: Any) -> Settings:
    made = Settings(
        database_url=f"sqlite:///{folder}/node.db",
        rpc_url="http://127.0.0.1:8545",
        chain_id=31337,
        manifest=folder / "manifest.json",
        keyring=folder / "keyring",
        operator=ALICE.address,
    )
    return replace(made, **changes)


def keyring_of(folder: Path, vault_keys: str = "keyring") -> Keyring:
    outside = vault_keys_of(vault_keys, folder)
    path = folder / "keyring"
    return Keyring.create(path, SECRET, random=os.urandom, kdf_cost=DEVNET_KDF_COST, outside=outside)


def key_file(folder: Path, name: str, key: bytes) -> None:
    (folder / name).write_bytes(key)
    (folder / name).chmod(0o600)


# The operator's account


def test_open_operator_takes_the_keyrings(tmp_path: Path) -> None:
    keyring = keyring_of(tmp_path)
    keyring.add_account(bytes(ALICE.key))
    assert open_operator(settings_of(tmp_path), keyring).address == ALICE.address


def test_open_operator_names_an_account_that_the_keyring_lacks(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is not in the keyring"):
        open_operator(settings_of(tmp_path), keyring_of(tmp_path))


@pytest.mark.loopback(reason="one of the sources is a remote signer")
def test_open_operator_takes_each_other_source(tmp_path: Path, token: SoftToken) -> None:
    keyring = keyring_of(tmp_path)
    key_file(tmp_path, "operator", bytes(ALICE.key))
    with remote_signer(ALICE) as remote:
        for text in ("file:operator", f"command:printf {ALICE.key.hex()}", f"web3signer:{remote.url}"):
            found = open_operator(settings_of(tmp_path, operator_key=text), keyring)
            assert found.address == ALICE.address
    make_account(token, "opened")
    source = KeySource("pkcs11", token.uri("opened").removeprefix("pkcs11:"))
    address = open_account(source, tmp_path, None).address
    found = open_operator(settings_of(tmp_path, operator_key=token.uri("opened"), operator=address), keyring)
    assert found.address == address


def test_open_operator_refuses_another_accounts_key(tmp_path: Path) -> None:
    key_file(tmp_path, "operator", bytes(BOB.key))
    settings = settings_of(tmp_path, operator_key="file:operator")
    with pytest.raises(ConfigurationError, match=f"is the key of {BOB.address}, not of {ALICE.address}"):
        open_operator(settings, keyring_of(tmp_path))


# Vault keys


def test_vault_keys_of_the_keyring_are_made_there() -> None:
    assert vault_keys_of("keyring", Path()) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("file:vault", "must name {agency} and {epoch}"),
        ("file:vault-{agency}", "must name {agency} and {epoch}"),
        ("command:show {epoch}", "must name {agency} and {epoch}"),
        ("web3signer:http://127.0.0.1/{agency}/{epoch}", "only signs"),
    ],
)
def test_vault_keys_refuses(text: str, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        vault_keys_of(text, Path())


def test_vault_key_of_a_file_is_not_in_the_keyring(tmp_path: Path) -> None:
    key_file(tmp_path, "vault-7-1", b"v" * 32)
    keyring = keyring_of(tmp_path, "file:vault-{agency}-{epoch}")
    keys = keyring.add_agency(HEALTH, random=os.urandom)
    assert b"v" * 32 not in keys.serialize()
    assert (b"v" * 32).hex().encode() not in keys.serialize()
    wrapped = wrap(b"k" * 32, keys.vault_key, CONTEXT, b"n" * 12)

    settings = settings_of(tmp_path, vault_keys="file:vault-{agency}-{epoch}")
    again = open_keyring(settings, SECRET).agency(HEALTH)
    assert unwrap(wrapped, again.vault_keys, CONTEXT) == b"k" * 32
    with pytest.raises(KeyringError, match="epoch 1, is kept outside the keyring; set vault_keys"):
        open_keyring(settings_of(tmp_path), SECRET)
    (tmp_path / "vault-7-1").unlink()
    with pytest.raises(KeyringError, match="the key file vault-7-1 cannot be read"):
        open_keyring(settings, SECRET)


def test_rotation_takes_the_next_epoch_from_the_source(tmp_path: Path, token: SoftToken) -> None:
    source = token.uri("outside-{agency}-{epoch}")
    make_vault_key(token, "outside-7-1")
    keyring = keyring_of(tmp_path, source)
    first = keyring.add_agency(HEALTH, random=os.urandom).vault_key
    wrapped = wrap(b"k" * 32, first, CONTEXT, b"n" * 12)
    with pytest.raises(KeyringError, match="outside-7-2"):
        keyring.add_vault_key(HEALTH, random=os.urandom)
    make_vault_key(token, "outside-7-2")
    assert keyring.add_vault_key(HEALTH, random=os.urandom).epoch == 2

    again = open_keyring(settings_of(tmp_path, vault_keys=source), SECRET).agency(HEALTH)
    assert sorted(again.vault_keys) == [1, 2]
    assert unwrap(wrapped, again.vault_keys, CONTEXT) == b"k" * 32


def test_a_keyring_may_move_its_vault_keys_out_by_a_rotation(tmp_path: Path) -> None:
    keyring_of(tmp_path).add_agency(HEALTH, random=os.urandom)
    key_file(tmp_path, "vault-7-2", b"v" * 32)
    settings = settings_of(tmp_path, vault_keys="file:vault-{agency}-{epoch}")
    keyring = open_keyring(settings, SECRET)
    keyring.add_vault_key(HEALTH, random=os.urandom)
    keyring.use_vault_key(HEALTH, 2, random=os.urandom)
    keyring.drop_vault_key(HEALTH, 1, random=os.urandom)
    assert list(open_keyring(settings, SECRET).agency(HEALTH).vault_keys) == [2]

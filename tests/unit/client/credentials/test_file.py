"""The credentials file: its members, and that no error discloses a key."""

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from eth_account import Account

from cityledger.client import AssertionCredentials, SiweCredentials, load_credentials
from cityledger.errors import ConfigurationError, KeyringError
from cityledger.types import Role

FORMAT = "cityledger-credentials/1"
VOUCHED = {
    "format": FORMAT,
    "agency": "HEALTH",
    "officer": "dr.chen",
    "role": "reader",
    "system": "ward-3",
    "credentialKey": "health.pem",
}


def pem(curve: ec.EllipticCurve) -> bytes:
    return ec.generate_private_key(curve).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "health.pem").write_bytes(pem(ec.SECP256R1()))
    (tmp_path / "other.pem").write_bytes(pem(ec.SECP384R1()))
    (tmp_path / "broken.pem").write_bytes(b"-----BEGIN PRIVATE KEY-----\nsecret\n")
    return tmp_path


def write(folder: Path, members: Any) -> Path:
    path = folder / "credentials.json"
    path.write_text(members if isinstance(members, str) else json.dumps(members))
    return path


def test_vouched_credentials_find_their_keys_from_the_files_folder(folder: Path) -> None:
    loaded = load_credentials(write(folder, {**VOUCHED, "proofKey": "health.pem", "node": "https://x.test"}))
    assert isinstance(loaded.credentials, AssertionCredentials)
    assert (loaded.credentials.issuer, loaded.credentials.role) == ("HEALTH", Role.READER)
    assert loaded.node == "https://x.test"
    assert "secret" not in repr(loaded.credentials)


def test_account_credentials_open_the_keystore(folder: Path) -> None:
    account = Account.create()
    keystore = account.encrypt("pass", kdf="scrypt", iterations=16)
    (folder / "steward.json").write_text(json.dumps(keystore))
    (folder / "pass.txt").write_text("pass\n")
    members = {"format": FORMAT, "agency": 7, "account": "steward.json", "passwordFile": "pass.txt"}
    loaded = load_credentials(write(folder, members))
    assert isinstance(loaded.credentials, SiweCredentials)
    assert loaded.credentials.account.address == account.address
    (folder / "pass.txt").write_text("wrong")
    with pytest.raises(KeyringError):
        load_credentials(write(folder, members))


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ("nonsense", "Expecting value"),
        ({}, "format is not"),
        ({**VOUCHED, "role": "steward"}, "role must be reader or writer"),
        ({**VOUCHED, "agency": 7}, "agency must be text"),
        ({**VOUCHED, "colour": "red"}, "colour is unknown"),
        ({"format": FORMAT, "agency": "HEALTH"}, "officer is missing; role is missing; system is missing"),
        ({**VOUCHED, "credentialKey": "none.pem"}, "cannot be read"),
        ({**VOUCHED, "credentialKey": "other.pem"}, "is not on P-256"),
        ({**VOUCHED, "credentialKey": "broken.pem"}, "is not a private key"),
    ],
)
def test_fault_is_reported_without_a_key(folder: Path, members: Any, message: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        load_credentials(write(folder, members))
    assert message in str(refused.value)
    assert "secret" not in str(refused.value)


def test_missing_file_is_reported(folder: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file"):
        load_credentials(folder / "none.json")

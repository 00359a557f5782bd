"""``officer revoke --folder`` ignored the setting ``vault_keys``: a node whose vault keys are kept outside
its keyring could not sign a revocation list.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from cityledger.cli.city.officer_revoke import _signing
from cityledger.key_sources.opening import vault_keys_of
from cityledger.node.unlocking import PASSPHRASE_VARIABLE
from cityledger.sealing.keyring import Keyring
from cityledger.sealing.keyring_lock import DEVNET_KDF_COST, UnlockSecret
from support.node.served_node import served_node

VAULT_KEYS = "file:vault-{agency}-{epoch}"
SETTINGS = f"""
database_url = "sqlite:///node.db"
rpc_url = "http://127.0.0.1:9"
chain_id = 31337
manifest = "deployment.json"
keyring = "keyring"
operator = "0x{"11" * 20}"
vault_keys = "{VAULT_KEYS}"
"""


def test_a_list_is_signed_by_a_keyring_with_outside_vault_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PASSPHRASE_VARIABLE, "tests")
    folder, key = tmp_path / "own", ec.generate_private_key(ec.SECP256R1())
    folder.mkdir()
    (folder / "cityledger.toml").write_text(SETTINGS)
    (tmp_path / "node").mkdir()
    with served_node(tmp_path / "node") as (node, client):
        agency = node.agency("HEALTH")
        (folder / f"vault-{agency}-1").write_bytes(bytes(32))
        (folder / f"vault-{agency}-1").chmod(0o600)
        keyring = Keyring.create(
            folder / "keyring",
            UnlockSecret.from_passphrase("tests"),
            random=os.urandom,
            kdf_cost=DEVNET_KDF_COST,
            outside=vault_keys_of(VAULT_KEYS, folder),
        )
        keyring.add_agency(agency, random=os.urandom)
        keyring.set_credential_key(agency, key, random=os.urandom)

        signing = _signing("HEALTH", folder, str(client.base_url), None)

    assert signing.credentials.credential_key.private_numbers() == key.private_numbers()

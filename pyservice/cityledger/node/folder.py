"""The files of a new node, written so that the settings come last: without them a folder is not a node."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from eth_account.signers.local import LocalAccount

from cityledger.chain.manifest import Manifest, save_manifest
from cityledger.devnet import CHAIN_ID
from cityledger.errors import ConfigurationError
from cityledger.key_sources.opening import vault_keys_of
from cityledger.key_sources.source import KEYRING
from cityledger.node.credential_files import write_credentials
from cityledger.recovery.restore.restore import is_empty
from cityledger.sealing.keyring import Keyring
from cityledger.sealing.keyring_lock import DEFAULT_KDF_COST, DEVNET_KDF_COST, UnlockSecret
from cityledger.sealing.private_files import make_private_directory, write_private_file
from cityledger.sealing.thumbprint import key_thumbprint
from cityledger.settings import FILE_NAME
from cityledger.settings.node import resolved_database_url
from cityledger.signing import Account
from cityledger.store.engine.database import Database
from cityledger.store.engine.migrate import migrate
from cityledger.types import Address, AgencyId

DATABASE_URL = "sqlite:///node.db"
_NAMES = (FILE_NAME, "keyring", "node.db", "objects", "manifest.json", "credentials")


@dataclass(frozen=True, slots=True)
class Setup:
    """What was requested. ``rpc_url`` may hold a key, so it goes into a private file only."""

    folder: Path
    manifest: Manifest
    rpc_url: str
    key_file: Path | None
    operator: Account
    """With its private key, it goes into the keyring; else ``operator_key`` says where its key is kept."""
    with_credentials: bool
    devnet_state: Path | None
    """State file of the devnet, whose clock the node is to follow."""
    database_url: str = DATABASE_URL
    """As it is written into the settings."""
    opened_url: str = ""
    """What it leads to from here, where the environment may say otherwise; empty: the same."""
    operator_key: str = KEYRING
    vault_keys: str = KEYRING
    port: int = 8053
    """Where it listens, as settings and credentials name it."""


@dataclass(frozen=True, slots=True)
class MadeAgency:
    """The digests of an agency's new keys, for the registry."""

    agency: AgencyId
    code: str
    sealing_key_digest: bytes
    credential_key_digest: bytes

    def to_json(self) -> dict[str, object]:
        return {
            "agency": self.agency,
            "code": self.code,
            "sealingKeyDigest": self.sealing_key_digest,
            "credentialKeyDigest": self.credential_key_digest,
        }


def verify_new(folder: Path) -> None:
    """Refuse a folder that holds a node or parts of one.

    Raises:
        ConfigurationError: names what is there.
    """
    existing = [name for name in _NAMES if (folder / name).exists()]
    if existing:
        raise ConfigurationError(f"{folder} holds {', '.join(existing)} already; nothing was changed")


def verify_database(url: str) -> None:
    """Refuse a database that is not a new node's: its rows are sealed under the keyring of another.

    Raises:
        ConfigurationError: it holds something, or the URL is of another kind.
        UnavailableError: it cannot be opened.
    """
    if url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).exists():
        return  # opening it would create it
    with closing(Database(url)) as database:
        with database.reading():
            pass
        if not is_empty(database):
            raise ConfigurationError(
                "the database holds another node's rows, or tables of another program; nothing was changed."
                " Name a new one"
            )


def make_folder(setup: Setup, secret: UnlockSecret, agencies: Mapping[AgencyId, str]) -> list[MadeAgency]:
    """Keyring, manifest, database, credentials where asked for, and at the very end the settings."""
    make_private_directory(setup.folder)
    # Guessing costs nothing where the whole world knows the accounts' keys; a city waits for no devnet.
    cost = DEVNET_KDF_COST if setup.manifest.chain_id == CHAIN_ID else DEFAULT_KDF_COST
    outside = vault_keys_of(setup.vault_keys, setup.folder)
    keyring = Keyring.create(
        setup.folder / "keyring", secret, random=os.urandom, kdf_cost=cost, outside=outside
    )
    if isinstance(setup.operator, LocalAccount):
        keyring.add_account(bytes(setup.operator.key))
    keyring.add_operator(Address(setup.operator.address), random=os.urandom)
    made = [_make_agency(setup, keyring, number, code) for number, code in agencies.items()]
    save_manifest(setup.folder / "manifest.json", setup.manifest)
    url = setup.opened_url or resolved_database_url(setup.database_url, setup.folder, {})
    with closing(Database(url)) as database:
        migrate(database)
    write_private_file(setup.folder / FILE_NAME, _settings(setup).encode())
    return made


def _make_agency(setup: Setup, keyring: Keyring, agency: AgencyId, code: str) -> MadeAgency:
    credential_key = ec.generate_private_key(ec.SECP256R1())
    keys = keyring.add_agency(agency, random=os.urandom, credential_key=credential_key)
    if setup.with_credentials:
        write_credentials(setup.folder / "credentials", code, credential_key, setup.devnet_state, setup.port)
    return MadeAgency(agency, code, keys.sealing_key.digest, key_thumbprint(credential_key))


def _settings(setup: Setup) -> str:
    key_file, devnet_state = _path("key_file", setup.key_file), _path("devnet_state", setup.devnet_state)
    return f"""# A node of cityledger. Paths are relative to this file's folder.
# A variable CITYLEDGER_<NAME> overrides the setting of that name.

# sqlite:///file or postgresql://user@host/database; the variable DATABASE_URL overrides it
database_url = {_text(setup.database_url)}

# Where sealed parts above 256 KiB are kept: a folder, or e.g. s3://bucket/prefix (credentials in AWS_*)
object_store_url = "objects"

# JSON-RPC endpoint of the chain; several, separated by commas, for failover
rpc_url = {_text(setup.rpc_url)}

# WebSocket endpoint that announces new blocks at once, e.g. ws://127.0.0.1:8546; else it is polled
ws_url = ""

# The only chain id that this node accepts
chain_id = {setup.manifest.chain_id}

# Manifest of the deployment
manifest = "manifest.json"

# Folder of the keyring
keyring = "keyring"

# File whose bytes open the keyring; without it CITYLEDGER_PASSPHRASE does
{key_file}

# Account that anchors, pays for it and signs receipts
operator = {_text(setup.operator.address)}

# Where its key is kept: keyring, file:PATH, command:PROGRAM, web3signer:https://…, pkcs11:token=…;object=…
operator_key = {_text(setup.operator_key)}

# Where vault keys are kept: keyring, or a file:, command: or pkcs11: with {{agency}} and {{epoch}} in it
vault_keys = {_text(setup.vault_keys)}

# Where the API listens
host = "127.0.0.1"
port = {setup.port}

# Where metrics are served, without a token; none without a port
metrics_host = "127.0.0.1"
# metrics_port = 9464

# The node's name, as officers sign in to it (SIWE) and as proofs of possession may name it
domain = "localhost"

# Reads stop when the index is older than this
staleness_limit_seconds = 15

# A batch closes when its oldest leaf is this old, or when it has this many leaves (at most 65536)
batch_max_age_seconds = 60.0
batch_max_leaves = 65536

# Most that is offered for a unit of gas; after how long a transaction with a higher fee replaces one not
# mined
max_fee_gwei = 500
fee_bump_after_seconds = 60.0

# A reorg that undoes more blocks stops the index until an operator rebuilds it
reorg_limit_blocks = 128

# Part of the permits that the contract is asked about as well; a mismatch stops reads
cross_check_share = 0.01

# Life of an access token (at most 900)
token_seconds = 900

# Longest request body, and longest body of a record that is put
body_limit_bytes = 65536
sign_in_limit_bytes = 16384
record_limit_bytes = 8388608

# Longest file to import, unpacked
import_limit_bytes = 1073741824

# Longest binary part of a record
object_limit_bytes = 4294967296

# After how long no backup holds an erased key; goes into erasure certificates
backup_horizon_seconds = 2592000

# Connections, of all clients and of one address, and their times
max_connections = 1000
max_connections_per_address = 256
header_seconds = 10.0
keep_alive_seconds = 15
answer_idle_seconds = 30.0

# Proxies whose X-Forwarded-For names the client, e.g. "10.0.0.7, 10.1.0.0/16"
trusted_proxies = ""

# Slowest body: the longest pause, and the lowest rate after that time
body_idle_seconds = 30.0
body_min_bytes_per_second = 1024

# Bytes of bodies in memory, of all clients and of one
body_memory_limit_bytes = 268435456
credential_body_memory_limit_bytes = 67108864

# Requests of one credential, and of one address without a valid token
credential_requests_per_second = 2000.0
address_requests_per_second = 500.0

# State file of a devnet whose clock this node follows. Devnet only
{devnet_state}
"""


def _path(name: str, path: Path | None) -> str:
    """The line of an optional setting, as a comment where there is none."""
    return f'# {name} = "…"' if path is None else f"{name} = {_text(str(path.resolve()))}"


def _text(value: str) -> str:
    """A TOML basic string, of which a JSON string is one."""
    return json.dumps(value)

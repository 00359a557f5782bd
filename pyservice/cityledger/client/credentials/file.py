"""The credentials file, parsed strictly; paths of keys in it are relative to its folder."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from cityledger import strict_json
from cityledger.client.credentials.keystores import AskPassphrase, load_account
from cityledger.client.credentials.sign_in import AssertionCredentials, Credentials, SiweCredentials
from cityledger.devnet_clock import follow_offset
from cityledger.errors import ConfigurationError, InputError
from cityledger.types import AgencyId, Role

FORMAT = "cityledger-credentials/1"
_MAX_BYTES = 65_536
_ROLES = {"reader": Role.READER, "writer": Role.WRITER}
_VOUCHED = {"agency": str, "officer": str, "role": str, "system": str, "credentialKey": str}
_ON_CHAIN = {"agency": int, "account": str}
_OPTIONAL = {"proofKey": str, "node": str, "passwordFile": str, "domain": str, "devnetState": str}


@dataclass(frozen=True, slots=True)
class Loaded:
    """``now`` returns Unix seconds, by a devnet's clock if the file names one."""

    credentials: Credentials
    node: str | None
    now: Callable[[], float]


def load_credentials(path: Path, ask: AskPassphrase | None = None) -> Loaded:
    """The credentials in a file, with the keys that it names; ``ask`` is called for a passphrase that is in
    no file.

    Raises:
        ConfigurationError: a file is missing, a member is missing, unknown or of another type, or a
            passphrase is needed and cannot be asked for.
        KeyringError: the account's keystore does not open.
    """
    members = _read(path)
    is_on_chain = "account" in members
    _verify(path, members, _ON_CHAIN if is_on_chain else _VOUCHED)
    credentials = _on_chain(path, members, ask) if is_on_chain else _vouched(path, members)
    return Loaded(credentials, members.get("node"), _clock(path, members.get("devnetState")))


def _read(path: Path) -> dict[str, Any]:
    try:
        members = strict_json.parse(path.read_bytes(), max_bytes=_MAX_BYTES)
    except OSError as error:
        raise ConfigurationError(f"credentials {path} cannot be read: {error.strerror}") from error
    except InputError as error:
        raise ConfigurationError(f"credentials {path}: {error}") from error
    if not isinstance(members, dict) or members.get("format") != FORMAT:
        raise ConfigurationError(
            f"credentials {path}: format is not {FORMAT}; see `cityledger whoami --help`"
        )
    return cast(dict[str, Any], members)


def _verify(path: Path, members: Mapping[str, Any], needed: Mapping[str, type]) -> None:
    kinds = {"format": str, **needed, **_OPTIONAL}
    wrong = [f"{name} is missing" for name in needed if name not in members]
    wrong += [f"{name} is unknown" for name in members if name not in kinds]
    wrong += [
        f"{name} must be {'text' if kinds[name] is str else 'a number'}"
        for name, value in members.items()
        if name in kinds and (not isinstance(value, kinds[name]) or isinstance(value, bool))
    ]
    if members.get("role", "reader") not in _ROLES:
        wrong.append("role must be reader or writer; officers on chain sign in with an account")
    if wrong:
        raise ConfigurationError(f"credentials {path}: " + "; ".join(wrong))


def _vouched(path: Path, members: Mapping[str, Any]) -> AssertionCredentials:
    credentials = AssertionCredentials(
        issuer=members["agency"],
        officer=members["officer"],
        role=_ROLES[members["role"]],
        system=members["system"],
        credential_key=_private_key(path.parent / members["credentialKey"]),
    )
    if "proofKey" not in members:
        return credentials
    proof_key = _private_key(path.parent / members["proofKey"])
    return AssertionCredentials(
        credentials.issuer,
        credentials.officer,
        credentials.role,
        credentials.system,
        credentials.credential_key,
        proof_key,
    )


def _on_chain(path: Path, members: Mapping[str, Any], ask: AskPassphrase | None) -> SiweCredentials:
    password = path.parent / members["passwordFile"] if "passwordFile" in members else None
    account = load_account(path.parent / members["account"], password, ask)
    return SiweCredentials(account, AgencyId(members["agency"]), members.get("domain"))


def _private_key(path: Path) -> ec.EllipticCurvePrivateKey:
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise ConfigurationError(f"key {path} cannot be read: {error.strerror}") from error
    except (ValueError, TypeError):
        # Not chained: a parser's message may quote the key.
        raise ConfigurationError(f"key {path} is not a private key in PEM without a passphrase") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ConfigurationError(f"key {path} is not on P-256")
    return key


def _clock(path: Path, devnet_state: str | None) -> Callable[[], float]:
    if devnet_state is None:
        return time.time
    offset = follow_offset(path.parent / devnet_state)
    return lambda: time.time() + offset()

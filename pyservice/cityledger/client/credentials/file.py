"""The file that says who signs in: read strictly, its keys found from its own folder."""

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
    """``now`` gives Unix seconds, those of a devnet where the file names one."""

    credentials: Credentials
    node: str | None
    now: Callable[[], float]


def load_credentials(path: Path, ask: AskPassphrase | None = None) -> Loaded:
    """Reads a credentials file and the keys that it names; ``ask`` gets a passphrase that no file holds.

    Raises:
        ConfigurationError: a file is missing, a member is missing, unknown or of another type, or
            there is nobody to ask for a passphrase.
        KeyringError: the account's keystore does not open.
    """
    held = _read(path)
    is_on_chain = "account" in held
    _verify(path, held, _ON_CHAIN if is_on_chain else _VOUCHED)
    credentials = _on_chain(path, held, ask) if is_on_chain else _vouched(path, held)
    return Loaded(credentials, held.get("node"), _clock(path, held.get("devnetState")))


def _read(path: Path) -> dict[str, Any]:
    try:
        held = strict_json.parse(path.read_bytes(), max_bytes=_MAX_BYTES)
    except OSError as error:
        raise ConfigurationError(f"credentials {path} cannot be read: {error.strerror}") from error
    except InputError as error:
        raise ConfigurationError(f"credentials {path}: {error}") from error
    if not isinstance(held, dict) or held.get("format") != FORMAT:
        raise ConfigurationError(
            f"credentials {path}: format is not {FORMAT}; see `cityledger whoami --help`"
        )
    return cast(dict[str, Any], held)


def _verify(path: Path, held: Mapping[str, Any], needed: Mapping[str, type]) -> None:
    kinds = {"format": str, **needed, **_OPTIONAL}
    wrong = [f"{name} is missing" for name in needed if name not in held]
    wrong += [f"{name} is unknown" for name in held if name not in kinds]
    wrong += [
        f"{name} must be {'text' if kinds[name] is str else 'a number'}"
        for name, value in held.items()
        if name in kinds and (not isinstance(value, kinds[name]) or isinstance(value, bool))
    ]
    if held.get("role", "reader") not in _ROLES:
        wrong.append("role must be reader or writer; officers on chain sign in with an account")
    if wrong:
        raise ConfigurationError(f"credentials {path}: " + "; ".join(wrong))


def _vouched(path: Path, held: Mapping[str, Any]) -> AssertionCredentials:
    credentials = AssertionCredentials(
        issuer=held["agency"],
        officer=held["officer"],
        role=_ROLES[held["role"]],
        system=held["system"],
        credential_key=_private_key(path.parent / held["credentialKey"]),
    )
    if "proofKey" not in held:
        return credentials
    proof_key = _private_key(path.parent / held["proofKey"])
    return AssertionCredentials(
        credentials.issuer,
        credentials.officer,
        credentials.role,
        credentials.system,
        credentials.credential_key,
        proof_key,
    )


def _on_chain(path: Path, held: Mapping[str, Any], ask: AskPassphrase | None) -> SiweCredentials:
    password = path.parent / held["passwordFile"] if "passwordFile" in held else None
    account = load_account(path.parent / held["account"], password, ask)
    return SiweCredentials(account, AgencyId(held["agency"]), held.get("domain"))


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

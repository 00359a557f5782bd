"""Settings for display: each value, and where it came from; nothing secret."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, dataclass, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cityledger.settings.client import ClientSettings, client_sources
from cityledger.settings.file import CLIENT_TABLE, FILE_NAME, Sources, read_tables, variable_of
from cityledger.settings.node import Settings, node_sources

_HIDDEN = "…"
_WITHOUT_SECRETS = ("sqlite", "file")
_KEY_SOURCES = ("command", "pkcs11", "web3signer")
"""Sources of keys whose text may hold a password."""
OTHER_VARIABLES: Mapping[str, str] = {
    "CITYLEDGER_FOLDER": "folder of the node, and of the settings",
    "CITYLEDGER_DEVNET": "folder of the devnet",
    "CITYLEDGER_ACCOUNT": "keystore of the account that signs on the command line",
    "CITYLEDGER_TOKEN": "an access token instead of credentials",
    "CITYLEDGER_PASSPHRASE": "opens the node's keyring",
    "CITYLEDGER_PKCS11_PIN": "signs in to a security module",
    "CITYLEDGER_LOG": "level of the node's log",
    "CITYLEDGER_ANVIL": "the anvil program",
    "CITYLEDGER_TEST_DATA": "public data for tests",
    "CITYLEDGER_UPDATE_GAS": "writes the gas snapshot again",
}
"""Variables that are not settings."""


@dataclass(frozen=True, slots=True)
class ShownSetting:
    """``origin`` is the file, a variable, or ``default``. The value is masked where it may be secret."""

    name: str
    value: str
    origin: str


@dataclass(frozen=True, slots=True)
class Overview:
    """``wrong`` is everything to complain about, ``unknown`` the variables that mean nothing here."""

    shown: tuple[ShownSetting, ...]
    wrong: tuple[str, ...]
    unknown: tuple[str, ...]


def overview(folder: Path, environment: Mapping[str, str]) -> Overview:
    """The settings of the node in ``folder``, if one is, and of the client.

    Raises:
        ConfigurationError: the file cannot be read.
    """
    client = client_sources(folder, environment)
    shown, wrong = _shown(ClientSettings, client, f"{CLIENT_TABLE}."), _wrong(client, f"{CLIENT_TABLE}.")
    if read_tables(folder / FILE_NAME).keys() - {CLIENT_TABLE}:
        node = node_sources(folder, environment)
        shown, wrong = _shown(Settings, node, "") + shown, _wrong(node, "") + wrong
    known = {variable_of(field.name) for kind in (Settings, ClientSettings) for field in fields(kind)}
    known |= OTHER_VARIABLES.keys()
    unknown = sorted(name for name in environment if name.startswith("CITYLEDGER_") and name not in known)
    return Overview(tuple(shown), tuple(wrong), tuple(unknown))


def _shown(kind: type, sources: Sources, prefix: str) -> list[ShownSetting]:
    defaults = {field.name: _default(field) for field in fields(kind)}
    values = {**defaults, **sources.values}
    return [
        ShownSetting(prefix + name, masked(value), sources.origins[name]) for name, value in values.items()
    ]


def _default(field: Field[Any]) -> Any:
    if field.default_factory is not MISSING:
        return field.default_factory()
    return None if field.default is MISSING else field.default


def _wrong(sources: Sources, prefix: str) -> list[str]:
    return [prefix + one for one in sources.wrong]


def masked(value: object) -> str:
    """The value as text; of a URL only scheme, host and port, because the rest may hold a password or key."""
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} = {text}" for name, text in value.items())
    text = str(value)
    kind, colon, rest = text.partition(":")
    if colon and kind in _KEY_SOURCES:
        return f"{kind}:{masked(rest) if kind == 'web3signer' else _HIDDEN}"
    parts = urlsplit(text) if "://" in text else None
    if parts is None or parts.scheme in _WITHOUT_SECRETS:
        return text
    if "@" in f"{parts.path}{parts.query}{parts.fragment}":
        return f"{parts.scheme}://{_HIDDEN}"  # a password with / ? or # in it, which databases take as it is
    return f"{parts.scheme}://{_place(parts.netloc)}{_hidden((parts.path.strip('/'), parts.query))}"


def _place(netloc: str) -> str:
    account, at, host = netloc.rpartition("@")
    return f"{_HIDDEN}@{host}" if account and at else host


def _hidden(rest: Iterable[str]) -> str:
    return f"/{_HIDDEN}" if any(rest) else ""

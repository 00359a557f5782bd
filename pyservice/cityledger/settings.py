"""A node's settings: one frozen object, read once at start from ``cityledger.toml`` and the environment,
and handed in.

An environment variable ``CITYLEDGER_<NAME>`` overrides the file's ``name``. Everything that is wrong is
reported together.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from cityledger.errors import ConfigurationError

FILE_NAME = "cityledger.toml"
_PATHS = frozenset({"manifest", "keyring", "key_file", "devnet_state"})
_IN_FOLDER = {"object_store_url": "objects"}
"""Defaults that stand for a place in the settings' folder."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a node needs to know. Units are in the names; paths are relative to the file's folder."""

    database_url: str
    """SQLAlchemy URL, e.g. ``sqlite:///node.db`` (relative to the folder)."""
    rpc_url: str
    """HTTP JSON-RPC endpoint of the chain."""
    chain_id: int
    """The only chain id that the node accepts."""
    manifest: Path
    """The deployment's manifest, written by ``cityledger contracts deploy``."""
    keyring: Path
    """Folder of the keyring."""
    operator: str
    """Account, held in the keyring, that operates this node's logs and pays for anchoring."""
    key_file: Path | None = None
    """File whose bytes open the keyring; without it the passphrase in ``CITYLEDGER_PASSPHRASE`` does."""
    host: str = "127.0.0.1"
    port: int = 8053
    domain: str = "localhost"
    """The node's domain, as SIWE messages must name it."""
    staleness_limit_seconds: int = 15
    """Reads stop when the index is older than this; published at ``/.well-known/cityledger``."""
    batch_max_age_seconds: float = 60.0
    """A batch closes when its oldest leaf is this old."""
    batch_max_leaves: int = 65_536
    """A batch closes when it has this many leaves."""
    cross_check_share: float = 0.01
    """Part of the permits that the contract is asked about as well, 0 to 1; a mismatch stops reads."""
    token_seconds: int = 900
    """Life of an access token; at most 900."""
    body_limit_bytes: int = 1_048_576
    """Longest request body; more is refused with 413."""
    record_limit_bytes: int = 8_388_608
    """Longest body of a record that is put, without its binary parts."""
    import_limit_bytes: int = 1_073_741_824
    """Longest file to import, unpacked; more is refused with 413."""
    object_store_url: str = "objects"
    """Where sealed parts above 256 KiB are kept: a folder, ``file:///…``, or e.g. ``s3://bucket/prefix``."""
    object_limit_bytes: int = 4_294_967_296
    """Longest binary part; more is refused with 413."""
    backup_horizon_seconds: int = 2_592_000
    """After how long no backup holds an erased wrapped key; goes into erasure certificates."""
    devnet_state: Path | None = None
    """State file of a devnet, whose clock offset this node follows. Devnet only."""

    def __post_init__(self) -> None:
        wrong = _wrong_values(self)
        if wrong:
            raise ConfigurationError("settings: " + "; ".join(wrong))


def load_settings(folder: Path, environment: Mapping[str, str]) -> Settings:
    """Reads ``cityledger.toml`` in ``folder``, then the environment.

    Raises:
        ConfigurationError: the file is missing or not TOML, or settings are unknown, missing or of the
            wrong type; names all.
    """
    held = {**_IN_FOLDER, **_read_file(folder / FILE_NAME), **_read_environment(environment)}
    known = {field.name: field for field in fields(Settings)}
    needed = {"database_url", "rpc_url", "chain_id", "manifest", "keyring", "operator"}
    complaints = [f"{name} is unknown" for name in sorted(held.keys() - known.keys())]
    complaints += [f"{name} is missing" for name in sorted(needed - held.keys())]
    values: dict[str, Any] = {}
    for name in sorted(held.keys() & known.keys()):
        try:
            values[name] = _converted(str(known[name].type), name, held[name], folder)
        except ValueError:
            complaints.append(f"{name} should be {known[name].type}")
    if complaints:
        raise ConfigurationError(
            f"settings in {folder / FILE_NAME} and CITYLEDGER_*: " + "; ".join(complaints)
        )
    return Settings(**values)


def _read_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise ConfigurationError(f"{path} is missing; `cityledger node init` writes one") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} is not TOML: {error}") from error


def _read_environment(environment: Mapping[str, str]) -> dict[str, str]:
    names = {field.name for field in fields(Settings)}
    found = {name: environment.get(f"CITYLEDGER_{name.upper()}") for name in names}
    return {name: value for name, value in found.items() if value is not None}


def _converted(kind: str, name: str, value: Any, folder: Path) -> Any:
    if name in _PATHS:
        return (folder / str(value)).resolve()
    if name == "database_url":
        return _absolute_sqlite(str(value), folder)
    if name == "object_store_url" and "://" not in str(value):
        return (folder / str(value)).resolve().as_uri()
    if kind == "int":
        return int(value)
    if kind == "float":
        return float(value)
    return str(value)


def _absolute_sqlite(url: str, folder: Path) -> str:
    prefix = "sqlite:///"
    if url.startswith(prefix) and not url.startswith(prefix + "/"):
        return f"{prefix}{(folder / url.removeprefix(prefix)).resolve()}"
    return url


def _wrong_values(settings: Settings) -> list[str]:
    checks = {
        "token_seconds must be 1 to 900": 1 <= settings.token_seconds <= 900,
        "batch_max_leaves must be 1 to 65536": 1 <= settings.batch_max_leaves <= 65_536,
        "staleness_limit_seconds must be positive": settings.staleness_limit_seconds > 0,
        "batch_max_age_seconds must not be negative": settings.batch_max_age_seconds >= 0,
        "cross_check_share must be 0 to 1": 0 <= settings.cross_check_share <= 1,
        "port must be 0 to 65535": 0 <= settings.port <= 65_535,
        "body_limit_bytes must be positive": settings.body_limit_bytes > 0,
        "import_limit_bytes must be positive": settings.import_limit_bytes > 0,
        "object_limit_bytes must be positive": settings.object_limit_bytes > 0,
        "record_limit_bytes must be positive": settings.record_limit_bytes > 0,
    }
    return [complaint for complaint, holds in checks.items() if not holds]

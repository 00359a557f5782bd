"""A node's settings: one frozen object, read once at start and handed in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cityledger.errors import ConfigurationError
from cityledger.settings.client import client_sources
from cityledger.settings.file import (
    CLIENT_TABLE,
    FILE_NAME,
    Sources,
    converted,
    gather,
    read_tables,
    variable_of,
)

DATABASE_VARIABLE = "DATABASE_URL"
"""Overrides ``database_url``; ``CITYLEDGER_DATABASE_URL`` overrides both."""
_IN_FOLDER = {"object_store_url": "objects"}
"""Defaults that stand for a place in the settings' folder."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a node needs to know. Units are in the names; paths are relative to the file's folder."""

    database_url: str
    """``sqlite:///node.db`` (relative to the folder) or ``postgresql://…``; ``DATABASE_URL`` overrides it."""
    rpc_url: str
    """JSON-RPC endpoint of the chain, ``http(s)://…`` or ``ipc:``; several stand with commas between."""
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
    ws_url: str = ""
    """WebSocket endpoint (``ws://…``) that tells of new blocks at once; without it the chain is polled."""
    host: str = "127.0.0.1"
    """Address to listen at."""
    port: int = 8053
    """Port to listen at; 0 takes a free one."""
    domain: str = "localhost"
    """The node's domain, as SIWE messages must name it."""
    staleness_limit_seconds: int = 15
    """Reads stop when the index is older than this; published at ``/.well-known/cityledger``."""
    batch_max_age_seconds: float = 60.0
    """A batch closes when its oldest leaf is this old."""
    batch_max_leaves: int = 65_536
    """A batch closes when it has this many leaves."""
    max_fee_gwei: int = 500
    """Most that is offered for a unit of gas, in gwei; a transaction that needs more waits."""
    fee_bump_after_seconds: float = 60.0
    """A transaction that is not mined after so long is replaced by one with a higher fee."""
    reorg_limit_blocks: int = 128
    """A reorg that undoes more blocks stops the index until an operator rebuilds it."""
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
    """Reads ``cityledger.toml`` in ``folder``, then the environment; its table ``[client]`` must hold too.

    Raises:
        ConfigurationError: the file is missing or not TOML, or settings are unknown, missing or of the
            wrong type; names all.
    """
    if not (folder / FILE_NAME).exists():
        raise ConfigurationError(f"{folder / FILE_NAME} is missing; `cityledger node init` writes one")
    sources = node_sources(folder, environment)
    wrong = [*sources.wrong, *(f"client.{one}" for one in client_sources(folder, environment).wrong)]
    if wrong:
        raise ConfigurationError(f"settings in {folder / FILE_NAME} and CITYLEDGER_*: " + "; ".join(wrong))
    return Settings(**sources.values)


def resolved_database_url(url: str, folder: Path, environment: Mapping[str, str]) -> str:
    """What a node of ``folder`` opens when its settings' file holds ``url``."""
    own = environment.get(variable_of("database_url"))
    return _placed("database_url", own or environment.get(DATABASE_VARIABLE) or url, folder)


def node_sources(folder: Path, environment: Mapping[str, str]) -> Sources:
    """The node's values with their origins.

    Raises:
        ConfigurationError: the file cannot be read.
    """
    table = read_tables(folder / FILE_NAME)
    table.pop(CLIENT_TABLE, None)
    found = _gathered(table, environment, folder)
    values = {**_IN_FOLDER, **found.values}
    placed = {name: _placed(name, values[name], folder) for name in _PLACED & values.keys()}
    return Sources({**values, **placed}, found.origins, found.wrong)


def _gathered(table: Mapping[str, Any], environment: Mapping[str, str], folder: Path) -> Sources:
    """File and environment, with the variable by which platforms hand a database to a program."""
    own = variable_of("database_url")
    if own in environment or DATABASE_VARIABLE not in environment:
        return gather(Settings, table, environment, folder, converted)
    told = {**environment, own: environment[DATABASE_VARIABLE]}
    found = gather(Settings, table, told, folder, converted)
    return Sources(found.values, {**found.origins, "database_url": DATABASE_VARIABLE}, found.wrong)


_PLACED = frozenset({"database_url", "object_store_url"})
"""URLs in which a path is relative to the folder."""


def _placed(name: str, url: str, folder: Path) -> str:
    if name == "database_url":
        return _absolute_sqlite(url, folder)
    return url if "://" in url else (folder / url).resolve().as_uri()


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
        "max_fee_gwei must be positive": settings.max_fee_gwei > 0,
        "fee_bump_after_seconds must be positive": settings.fee_bump_after_seconds > 0,
        "reorg_limit_blocks must be positive": settings.reorg_limit_blocks > 0,
        "cross_check_share must be 0 to 1": 0 <= settings.cross_check_share <= 1,
        "port must be 0 to 65535": 0 <= settings.port <= 65_535,
        "body_limit_bytes must be positive": settings.body_limit_bytes > 0,
        "import_limit_bytes must be positive": settings.import_limit_bytes > 0,
        "object_limit_bytes must be positive": settings.object_limit_bytes > 0,
        "record_limit_bytes must be positive": settings.record_limit_bytes > 0,
    }
    return [complaint for complaint, holds in checks.items() if not holds]

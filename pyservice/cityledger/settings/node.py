"""A node's settings: one frozen object, read once at start and handed in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from cityledger.errors import ConfigurationError
from cityledger.settings.accepted import between, network_list, refusals, text
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
from cityledger.settings.own_machine import is_own_machine

DATABASE_VARIABLE = "DATABASE_URL"
"""Overrides ``database_url``; ``CITYLEDGER_DATABASE_URL`` overrides both."""
_IN_FOLDER = {"object_store_url": "objects"}
"""Defaults that are relative to the settings' folder."""
_DATABASE = r"(sqlite|postgres(ql)?(\+psycopg)?):.+"
_RPC = r" *(https?://|ipc:)[^,]+(, *(https?://|ipc:)[^,]+)*,? *"
_DOMAIN = r"(?=.{1,253}$)([0-9A-Za-z]([0-9A-Za-z.-]*[0-9A-Za-z])?|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?"
"""An authority without user information (RFC 3986 §3.2), which is what a SIWE message names."""
_KEY_SOURCE = r"keyring|(file|command|web3signer|pkcs11):.+"
_LARGEST_CHAIN_ID = 9_223_372_036_854_775_771
"""EIP-2294; it fits SQLite's integers, too."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a node needs to know. Units are in the names; paths are relative to the file's folder."""

    database_url: str = field(metadata=text("sqlite:///… or postgresql://…", _DATABASE))
    """``sqlite:///node.db`` (relative to the folder) or ``postgresql://…``; ``DATABASE_URL`` overrides it."""
    rpc_url: str = field(metadata=text("http(s)://… or ipc:…, several with commas between", _RPC))
    """JSON-RPC endpoint of the chain, ``http(s)://…`` or ``ipc:``; several are separated by commas."""
    chain_id: int = field(metadata=between(1, _LARGEST_CHAIN_ID))
    """The only chain id that the node accepts."""
    manifest: Path = field(metadata=text("a path"))
    """The deployment's manifest, written by ``cityledger contracts deploy``."""
    keyring: Path = field(metadata=text("a path"))
    """Folder of the keyring."""
    operator: str = field(metadata=text("0x and 40 hex digits", r"0x[0-9a-fA-F]{40}"))
    """Account that operates this node's logs and pays for anchoring."""
    operator_key: str = field(default="keyring", metadata=text("keyring, or a key source", _KEY_SOURCE))
    """Where its key is kept: ``keyring``, or a ``file:``, ``command:``, ``web3signer:`` or ``pkcs11:``."""
    vault_keys: str = field(default="keyring", metadata=text("keyring, or a key source", _KEY_SOURCE))
    """Where vault keys are kept: ``keyring``, or a source with ``{agency}`` and ``{epoch}`` in it."""
    key_file: Path | None = field(default=None, metadata=text("a path"))
    """File whose bytes open the keyring; without it the passphrase in ``CITYLEDGER_PASSPHRASE`` does."""
    ws_url: str = field(default="", metadata=text("ws(s)://…, or empty", r"(wss?://.+)?"))
    """WebSocket endpoint (``ws://…``) that announces new blocks at once; without it the chain is polled."""
    host: str = field(
        default="127.0.0.1", metadata=text("an IP address or a host name", r"[0-9A-Za-z.:%_-]{1,253}")
    )
    """Address to listen at."""
    port: int = field(default=8053, metadata=between(0, 65_535))
    """Port to listen at; 0 takes a free one."""
    metrics_host: str = field(
        default="127.0.0.1", metadata=text("an IP address or a host name", r"[0-9A-Za-z.:%_-]{1,253}")
    )
    """Address to serve metrics at; any client that reaches it can read them."""
    metrics_port: int | None = field(default=None, metadata=between(0, 65_535, or_empty=True))
    """Port of its own to serve metrics at; 0 takes a free one, empty serves none."""
    domain: str = field(
        default="localhost", metadata=text("a host name, with :port where it is not the usual one", _DOMAIN)
    )
    """The node's own name, as sign-ins must name it. Where others can reach ``host``, not ``localhost``."""
    staleness_limit_seconds: int = field(default=15, metadata=between(1, 3_600))
    """Reads stop when the index is older than this; published at ``/.well-known/cityledger``."""
    batch_max_age_seconds: float = field(default=60.0, metadata=between(0.0, 604_800.0))
    """A batch closes when its oldest leaf is this old."""
    batch_max_leaves: int = field(default=65_536, metadata=between(1, 65_536))
    """A batch closes when it has this many leaves."""
    max_fee_gwei: int = field(default=500, metadata=between(1, 1_000_000))
    """Most that is offered for a unit of gas, in gwei; a transaction that needs more waits."""
    fee_bump_after_seconds: float = field(default=60.0, metadata=between(1.0, 86_400.0))
    """A transaction that is not mined within this time is replaced by one with a higher fee."""
    reorg_limit_blocks: int = field(default=128, metadata=between(1, 100_000))
    """A reorg that undoes more blocks stops the index until an operator rebuilds it."""
    cross_check_share: float = field(default=0.01, metadata=between(0.0, 1.0))
    """Part of the permits that the contract is asked about as well; a mismatch stops reads."""
    token_seconds: int = field(default=900, metadata=between(1, 900))
    """Life of an access token."""
    body_limit_bytes: int = field(default=65_536, metadata=between(1_000, 67_108_864))
    """Longest request body; more is refused with 413."""
    sign_in_limit_bytes: int = field(default=16_384, metadata=between(1_000, 1_048_576))
    """Longest form of ``/v1/token``, which is read from any client; more is refused with 413."""
    record_limit_bytes: int = field(default=8_388_608, metadata=between(1_000, 268_435_456))
    """Longest body of a record that is put, without its binary parts."""
    import_limit_bytes: int = field(default=1_073_741_824, metadata=between(1_000, 1_099_511_627_776))
    """Longest file to import, unpacked; more is refused with 413."""
    object_store_url: str = field(default="objects", metadata=text("a folder or a URL"))
    """Where sealed parts above 256 KiB are kept: a folder, ``file:///…``, or e.g. ``s3://bucket/prefix``."""
    object_limit_bytes: int = field(default=4_294_967_296, metadata=between(1_000, 1_099_511_627_776))
    """Longest binary part; more is refused with 413."""
    backup_horizon_seconds: int = field(default=2_592_000, metadata=between(3_600, 315_360_000))
    """After how long no backup holds an erased wrapped key; goes into erasure certificates."""
    max_connections: int = field(default=1_000, metadata=between(1, 100_000))
    """Most connections at a time, fewer where the process may open fewer files; a new one takes the place of
    the one that has waited the longest without a request, or is refused with 503."""
    max_connections_per_address: int = field(default=256, metadata=between(1, 100_000))
    """The same for one address; those of ``trusted_proxies`` have no limit of their own."""
    header_seconds: float = field(default=10.0, metadata=between(0.1, 600.0))
    """A connection without a complete header of a request after this time is closed."""
    keep_alive_seconds: int = field(default=15, metadata=between(1, 3_600))
    """A connection that is idle for this time after an answer is closed."""
    answer_idle_seconds: float = field(default=30.0, metadata=between(0.1, 3_600.0))
    """A client that reads its answer slower than ``body_min_bytes_per_second`` for this time is cut off."""
    trusted_proxies: str = field(default="", metadata=network_list())
    """Proxies whose ``X-Forwarded-For`` names the client; without them the peer's address counts."""
    body_idle_seconds: float = field(default=30.0, metadata=between(0.1, 3_600.0))
    """A body that brings nothing for this time is refused with 408, and its rate counts from then on."""
    body_min_bytes_per_second: int = field(default=1_024, metadata=between(1, 1_073_741_824))
    """A body that comes slower than this on average is refused with 408."""
    body_memory_limit_bytes: int = field(default=268_435_456, metadata=between(65_536, 1_099_511_627_776))
    """Bytes of all bodies that are in memory at a time; more is refused with 503 and ``Retry-After``."""
    credential_body_memory_limit_bytes: int = field(
        default=67_108_864, metadata=between(65_536, 1_099_511_627_776)
    )
    """The same for one credential, or one address where a form to sign in is sent."""
    credential_requests_per_second: float = field(default=2_000.0, metadata=between(0.1, 1_000_000.0))
    """Requests of one credential, twice as many at once; more is refused with 429 and ``Retry-After``."""
    address_requests_per_second: float = field(default=500.0, metadata=between(0.1, 1_000_000.0))
    """The same for requests of one address that carry no valid token; a sign-in counts as ten."""
    devnet_state: Path | None = field(default=None, metadata=text("a path"))
    """State file of a devnet, whose clock offset this node follows. Devnet only."""

    def __post_init__(self) -> None:
        wrong = [*refusals(Settings, asdict(self)), *_contradictions(self.host, self.domain)]
        if wrong:
            raise ConfigurationError("settings: " + "; ".join(wrong))


_DEFAULTS = {field.name: field.default for field in fields(Settings)}


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
    urls = {name: values[name] for name in _PLACED & values.keys()}
    placed = {name: _placed(name, url, folder) for name, url in urls.items() if _is_accepted(name, url)}
    where = {name: values.get(name, _DEFAULTS[name]) for name in ("host", "domain")}
    wrong = (*found.wrong, *_contradictions(**where))
    return Sources({**values, **placed}, found.origins, wrong)


def _contradictions(host: str, domain: str) -> list[str]:
    """A node that others reach needs a name of its own: a sign-in for ``localhost`` would be valid at every
    node that is called so."""
    if is_own_machine(domain) and not is_own_machine(host):
        return ["domain must be the node's own name where host can be reached from other machines"]
    return []


def _gathered(table: Mapping[str, Any], environment: Mapping[str, str], folder: Path) -> Sources:
    """File and environment, with the variable by which platforms hand a database to a program."""
    own = variable_of("database_url")
    if own in environment or DATABASE_VARIABLE not in environment:
        return gather(Settings, table, environment, folder, converted)
    extended = {**environment, own: environment[DATABASE_VARIABLE]}
    found = gather(Settings, table, extended, folder, converted)
    return Sources(found.values, {**found.origins, "database_url": DATABASE_VARIABLE}, found.wrong)


_PLACED = frozenset({"database_url", "object_store_url"})
"""URLs in which a path is relative to the folder."""


def _is_accepted(name: str, url: str) -> bool:
    return not refusals(Settings, {name: url})


def _placed(name: str, url: str, folder: Path) -> str:
    if name == "database_url":
        return _absolute_sqlite(url, folder)
    return url if "://" in url else (folder / url).resolve().as_uri()


def _absolute_sqlite(url: str, folder: Path) -> str:
    prefix = "sqlite:///"
    if url.startswith(prefix) and not url.startswith(prefix + "/"):
        return f"{prefix}{(folder / url.removeprefix(prefix)).resolve()}"
    return url

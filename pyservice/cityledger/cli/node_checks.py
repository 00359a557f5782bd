"""What ``cityledger node check`` looks at, each with the next step where it is wrong. Changes nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, cast

from cityledger.chain.contracts import contracts_of
from cityledger.chain.deployment import verify_manifest
from cityledger.chain.endpoint import connect
from cityledger.chain.manifest import load_manifest
from cityledger.cli.chain_access import ChainAccess
from cityledger.cli.node_link import credential_digest, find_log
from cityledger.cli.node_secret import secret_of
from cityledger.client.devnet_clock import follow_offset
from cityledger.errors import CityledgerError, ConfigurationError, WrongChainError
from cityledger.sealing.keyring import Keyring
from cityledger.settings import Settings, load_settings
from cityledger.store import logs, node_state
from cityledger.store.database import Database
from cityledger.store.index import find_cursor
from cityledger.store.migrate import verify_schema
from cityledger.types import Address, AgencyId, LogKind

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Line:
    """One check. ``next_step`` is "" where it is ok."""

    name: str
    ok: bool
    detail: str
    next_step: str = ""


class NothingToLookAtError(Exception):
    """What a check builds on could not be opened by an earlier one."""


class Found:
    """What the checks so far have opened, for those that follow."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.environment = environment
        self._opened: dict[type[object], object] = {}

    def keep(self, thing: object) -> None:
        self._opened[type(thing)] = thing

    def has(self, *kinds: type[object]) -> bool:
        return all(kind in self._opened for kind in kinds)

    def get(self, kind: type[T]) -> T:
        """What an earlier check opened.

        Raises:
            NothingToLookAtError: it could not.
        """
        if kind not in self._opened:
            raise NothingToLookAtError("not looked at")
        return cast(T, self._opened[kind])


Check = Callable[[Found], str]
"""Returns what it found, or raises."""


def check_node(folder: Path, environment: Mapping[str, str]) -> list[Line]:
    """Every check in order. One whose ground is missing is told as not looked at."""
    found = Found(folder, environment)
    lines = [_line(name, check, found, step) for name, check, step in _CHECKS]
    if found.has(Keyring, ChainAccess):
        for agency in found.get(Keyring).agencies():
            lines += list(_agency_lines(found, agency))
    if found.has(Database):
        found.get(Database).close()
    return lines


def _line(name: str, check: Check, found: Found, next_step: str) -> Line:
    try:
        return Line(name, True, check(found))
    except NothingToLookAtError as error:
        return Line(name, False, str(error), "first what is wrong above")
    except CityledgerError as error:
        return Line(name, False, str(error), next_step)


def _settings(found: Found) -> str:
    settings = load_settings(found.folder, found.environment)
    found.keep(settings)
    return f"chain {settings.chain_id}, {settings.host} port {settings.port}"


def _database(found: Found) -> str:
    database = Database(found.get(Settings).database_url)
    verify_schema(database)
    found.keep(database)
    return f"answers ({database.engine.dialect.name}), schema as this program needs it"


def _keyring(found: Found) -> str:
    keyring = Keyring.open(found.get(Settings).keyring, secret_of(found.get(Settings), found.environment))
    keyring.account(Address(found.get(Settings).operator))
    found.keep(keyring)
    cheap = "; cheap to guess, fit for a devnet only" if keyring.is_low_cost else ""
    return f"{len(keyring.agencies())} agencies, operator {found.get(Settings).operator}{cheap}"


def _endpoint(found: Found) -> str:
    manifest = load_manifest(found.get(Settings).manifest)
    endpoint = connect(found.get(Settings).rpc_url, found.get(Settings).chain_id)
    verify_manifest(endpoint, manifest, str(found.get(Settings).manifest))
    found.keep(ChainAccess(endpoint, manifest, contracts_of(endpoint, manifest)))
    return f"{endpoint.shown_url}, instance 0x{manifest.instance.hex()[:8]}…"


def _instance(found: Found) -> str:
    wanted = found.get(ChainAccess).manifest.instance.hex()
    with found.get(Database).reading() as connection:
        held = node_state.find_value(connection, node_state.INSTANCE)
    if held is not None and held != wanted:
        raise WrongChainError("the database belongs to another instance")
    return "the database is of this instance" if held else "the database is new"


def _balance(found: Found) -> str:
    asked = found.get(ChainAccess).endpoint.request("eth_getBalance", found.get(Settings).operator, "latest")
    price = int(found.get(ChainAccess).endpoint.request("eth_gasPrice"), 16)
    balance = int(asked, 16)
    if balance < price * 1_000_000:
        raise ConfigurationError(f"{balance / 10**18:.6f}: not enough for a few anchoring transactions")
    return f"{balance / 10**18:.6f}"


def _freshness(found: Found) -> str:
    state = found.get(Settings).devnet_state
    offset = 0 if state is None else follow_offset(state)()
    age = time.time() + offset - found.get(ChainAccess).head_time()
    if age > found.get(Settings).staleness_limit_seconds:
        raise ConfigurationError(f"the chain's head is {age:.0f} s old; reads stop")
    return f"the chain's head is {max(age, 0):.0f} s old"


def _index(found: Found) -> str:
    with found.get(Database).reading() as connection:
        cursor = find_cursor(connection)
    head = int(found.get(ChainAccess).endpoint.request("eth_blockNumber"), 16)
    return "empty: the node was never served" if cursor is None else f"block {cursor.number} of {head}"


def _halted(found: Found) -> str:
    with found.get(Database).reading() as connection:
        heads = logs.list_heads(connection)
    halted = [f"{head.log}: {head.halted}" for head in heads if head.halted is not None]
    if halted:
        raise ConfigurationError(f"halted {'; '.join(halted)}")
    return f"{len(heads)} written by this node, none halted"


def _agency_lines(found: Found, agency: AgencyId) -> Iterator[Line]:
    """Keys and logs of one hosted agency, as the chain holds them."""
    registered = found.get(ChainAccess).contracts.agencies.find_agency(agency, "latest")
    code = registered.code if registered else str(agency)
    step = f"cityledger node link {code} with the agency's account"
    keys = found.get(Keyring).agency(agency)
    wanted = (keys.sealing_key.digest, credential_digest(keys))
    is_known = registered is not None and wanted == (
        registered.sealing_key_digest,
        registered.credential_key_digest,
    )
    told = "those on chain" if is_known else "not those on chain: nobody can read for it or sign in"
    yield Line(f"keys of {code}", is_known, told, "" if is_known else step)
    operator = Address(found.get(Settings).operator)
    missing = [kind for kind in LogKind if find_log(found.get(ChainAccess), agency, kind, operator) is None]
    told = " and ".join(f"no {kind.name.lower()} log" for kind in missing) or "both open for this operator"
    yield Line(f"logs of {code}", not missing, told, step if missing else "")


_CHECKS: tuple[tuple[str, Check, str], ...] = (
    ("settings", _settings, "correct cityledger.toml, or `cityledger node init`"),
    ("database", _database, "cityledger node migrate"),
    ("keyring", _keyring, "give the right passphrase or key file; restore altered files from a backup"),
    ("endpoint and directory", _endpoint, "correct rpc_url and manifest; is the chain running?"),
    ("instance", _instance, "a new folder for the new chain: cityledger node init"),
    ("operator's funds", _balance, "send funds to the operator's account"),
    ("freshness", _freshness, "look at the chain, the endpoint and this machine's clock"),
    ("index", _index, "cityledger node serve"),
    ("logs", _halted, "compare the log with the chain before anything else is written"),
)

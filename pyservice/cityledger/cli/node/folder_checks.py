"""What ``cityledger node check`` looks at: it opens each thing, and takes the looks that ``/readyz`` takes of
a running node. Changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar, cast

from cityledger.anchoring.continuation import find_log
from cityledger.chain.contracts import contracts_of
from cityledger.chain.manifest import Manifest, load_manifest
from cityledger.chain.rpc.endpoint import connect
from cityledger.checks import health_checks
from cityledger.checks.health_checks import Opened
from cityledger.checks.indexed import digests_of, see_hosted_keys
from cityledger.checks.result import Line, Look, Seen, WrongError, line_of
from cityledger.cli.chain_options import ChainAccess
from cityledger.cli.node.secret import secret_of
from cityledger.devnet_clock import follow_offset
from cityledger.errors import CityledgerError
from cityledger.key_sources.opening import open_keyring, open_operator
from cityledger.key_sources.own_operator import verify_own
from cityledger.node.operator import is_given
from cityledger.sealing.keyring import Keyring
from cityledger.settings import Settings, load_settings
from cityledger.store.engine.database import Database
from cityledger.store.objects import Objects
from cityledger.types import Address, AgencyId, LogKind

T = TypeVar("T")
NOT_LOOKED_AT = "not looked at"


class Found:
    """What was opened so far, for the looks that follow."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.environment = environment
        self._opened: dict[type[object], object] = {}

    def keep(self, thing: object) -> None:
        self._opened[type(thing)] = thing

    def has(self, *kinds: type[object]) -> bool:
        return all(kind in self._opened for kind in kinds)

    def get(self, kind: type[T]) -> T:
        return cast(T, self._opened[kind])


def check_node(folder: Path, environment: Mapping[str, str]) -> list[Line]:
    """Every line, in order. What could not be looked at is told so, with its ground above it."""
    found = Found(folder, environment)
    lines = [_opening("settings", _settings, found, "correct cityledger.toml, or `cityledger node init`")]
    lines += _storage_lines(found)
    lines.append(_opening("keyring", _keyring, found, _KEYRING_STEP, Settings))
    lines.append(_opening("hosted keys", _hosted_keys, found, _KEYRING_STEP, Settings, Database, Keyring))
    lines.append(_opening("endpoint", _endpoint, found, _ENDPOINT_STEP, Settings))
    lines += _chain_lines(found)
    if found.has(Keyring, ChainAccess):
        for agency in found.get(Keyring).agencies():
            lines += _agency_lines(found, agency)
    if found.has(Database):
        found.get(Database).close()
    return lines


_KEYRING_STEP = "give the right passphrase or key file; restore altered files from a backup"
_ENDPOINT_STEP = "correct rpc_url and manifest; is the chain running?"


def _opening(
    name: str, see: Callable[[Found], str | Seen], found: Found, next_step: str, *grounds: type[object]
) -> Line:
    if not found.has(*grounds):
        return _not_looked_at(name)
    return line_of(Look(name, lambda: see(found), next_step))


def _not_looked_at(name: str) -> Line:
    return Line(name, False, NOT_LOOKED_AT, NOT_LOOKED_AT, "first what is wrong above")


def _storage_lines(found: Found) -> Iterator[Line]:
    if not found.has(Settings):
        yield _not_looked_at("database")
        return
    database = Database(found.get(Settings).database_url)
    found.keep(database)
    yield line_of(health_checks.database_look(database))
    yield line_of(health_checks.logs_look(database))


def _chain_lines(found: Found) -> list[Line]:
    grounds = found.has(Settings, Database, Manifest, ChainAccess)
    if not grounds:
        return [_not_looked_at("chain")]
    settings = found.get(Settings)
    opened = Opened(
        settings,
        found.get(Manifest),
        found.get(Database),
        found.get(ChainAccess).endpoint,
        Objects.open(settings.object_store_url),
        (lambda: 0) if settings.devnet_state is None else follow_offset(settings.devnet_state),
    )
    of_stores = (
        health_checks.objects_look(opened),
        health_checks.list_objects_look(opened),
        health_checks.purging_look(opened),
        health_checks.lists_look(opened.database),
    )
    return [line_of(look) for look in (*health_checks.chain_looks(opened), *of_stores)]


def _settings(found: Found) -> str:
    settings = load_settings(found.folder, found.environment)
    found.keep(settings)
    return f"chain {settings.chain_id}, {settings.host} port {settings.port}"


def _keyring(found: Found) -> str:
    settings = found.get(Settings)
    keyring = open_keyring(settings, secret_of(settings, found.environment))
    operator = Address(open_operator(settings, keyring).address)
    verify_own(keyring, operator, lambda: is_given(settings, keyring, operator))
    found.keep(keyring)
    cheap = "; cheap to guess, fit for a devnet only" if keyring.is_low_cost else ""
    return f"{len(keyring.agencies())} agencies, operator {settings.operator}{cheap}"


def _hosted_keys(found: Found) -> Seen:
    operator = Address(found.get(Settings).operator)
    return see_hosted_keys(found.get(Database), found.get(Keyring), operator)


def _endpoint(found: Found) -> str:
    settings = found.get(Settings)
    manifest = load_manifest(settings.manifest)
    endpoint = connect(settings.rpc_url, settings.chain_id)
    found.keep(manifest)
    found.keep(ChainAccess(endpoint, manifest, contracts_of(endpoint, manifest)))
    return f"{endpoint.shown_url} serves chain {settings.chain_id}"


def _agency_lines(found: Found, agency: AgencyId) -> Iterator[Line]:
    """Keys and logs of one hosted agency as the chain holds them, also where nothing is indexed yet."""
    access = found.get(ChainAccess)
    try:
        registered = access.contracts.agencies.find_agency(agency, "latest")
    except CityledgerError:
        yield _not_looked_at(f"agency {agency}")
        return
    code = registered.code if registered else str(agency)
    step = f"cityledger node link {code} with the agency's account"
    known = () if registered is None else (registered.sealing_key_digest, registered.credential_key_digest)
    yield line_of(Look(f"keys of {code}", lambda: _see_keys(found, agency, known), step, vital=False))
    yield line_of(Look(f"logs of {code}", lambda: _see_open_logs(found, agency), step, vital=False))


def _see_keys(found: Found, agency: AgencyId, known: tuple[bytes, ...]) -> str:
    if known != digests_of(found.get(Keyring).agency(agency)):
        raise WrongError("not those on chain: nobody can read for it or sign in")
    return "those on chain"


def _see_open_logs(found: Found, agency: AgencyId) -> str:
    operator = Address(found.get(Settings).operator)
    ledger = found.get(ChainAccess).contracts.ledger
    missing = [kind for kind in LogKind if find_log(ledger, agency, kind, operator) is None]
    if missing:
        raise WrongError(" and ".join(f"no {kind.name.lower()} log" for kind in missing))
    return "both open for this operator"

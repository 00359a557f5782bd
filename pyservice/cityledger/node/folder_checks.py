"""The health checks of ``cityledger node check``: those that open each part of a stopped node, and those that
``/readyz`` runs on a running one. Nothing is changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar, cast

from cityledger.anchoring.continuation import find_log
from cityledger.chain.contracts import Contracts, contracts_of
from cityledger.chain.manifest import Manifest, load_manifest
from cityledger.chain.rpc.endpoint import Endpoint, connect
from cityledger.checks import health_checks
from cityledger.checks.health_checks import Opened
from cityledger.checks.indexed import digests_of, observe_hosted_keys
from cityledger.checks.result import CheckResult, HealthCheck, Observation, run_check
from cityledger.devnet_clock import follow_offset
from cityledger.errors import CheckFailedError, CityledgerError
from cityledger.key_sources.opening import open_keyring, open_operator
from cityledger.key_sources.own_operator import verify_own
from cityledger.node.operator import is_given
from cityledger.sealing.keyring import Keyring
from cityledger.sealing.keyring_lock import UnlockSecret
from cityledger.settings import Settings, load_settings
from cityledger.store.engine.database import Database
from cityledger.store.objects import Objects
from cityledger.types import Address, AgencyId, LogKind

T = TypeVar("T")
NOT_CHECKED = "not checked"

SecretOf = Callable[[Settings, Mapping[str, str]], UnlockSecret]
"""``secret_of(settings, environment)`` → what opens the keyring; it may ask a person."""


class OpenedParts:
    """The parts of the node that were opened so far, for the checks that follow."""

    def __init__(self, folder: Path, environment: Mapping[str, str], secret_of: SecretOf) -> None:
        self.folder = folder
        self.environment = environment
        self.secret_of = secret_of
        self._opened: dict[type[object], object] = {}

    def add(self, part: object, kind: type[object] | None = None) -> None:
        self._opened[kind or type(part)] = part

    def has(self, *kinds: type[object]) -> bool:
        return all(kind in self._opened for kind in kinds)

    def get(self, kind: type[T]) -> T:
        return cast(T, self._opened[kind])


def check_node(folder: Path, environment: Mapping[str, str], secret_of: SecretOf) -> list[CheckResult]:
    """Every result, in order. A check that could not run says so, and the cause is above it."""
    parts = OpenedParts(folder, environment, secret_of)
    results = [_opening("settings", _settings, parts, "correct cityledger.toml, or `cityledger node init`")]
    results += _storage_results(parts)
    results.append(_opening("keyring", _keyring, parts, _KEYRING_STEP, Settings))
    results.append(_opening("hosted keys", _hosted_keys, parts, _KEYRING_STEP, Settings, Database, Keyring))
    results.append(_opening("endpoint", _endpoint, parts, _ENDPOINT_STEP, Settings))
    results += _chain_results(parts)
    if parts.has(Keyring, Contracts):
        for agency in parts.get(Keyring).agencies():
            results += _agency_results(parts, agency)
    if parts.has(Database):
        parts.get(Database).close()
    return results


_KEYRING_STEP = "give the right passphrase or key file; restore altered files from a backup"
_ENDPOINT_STEP = "correct rpc_url and manifest; is the chain running?"


def _opening(
    name: str,
    observe: Callable[[OpenedParts], str | Observation],
    parts: OpenedParts,
    next_step: str,
    *needed: type[object],
) -> CheckResult:
    if not parts.has(*needed):
        return _not_checked(name)
    return run_check(HealthCheck(name, lambda: observe(parts), next_step))


def _not_checked(name: str) -> CheckResult:
    return CheckResult(name, False, NOT_CHECKED, NOT_CHECKED, "first correct what failed above")


def _storage_results(parts: OpenedParts) -> Iterator[CheckResult]:
    if not parts.has(Settings):
        yield _not_checked("database")
        return
    database = Database(parts.get(Settings).database_url)
    parts.add(database)
    yield run_check(health_checks.database_check(database))
    yield run_check(health_checks.logs_check(database))


def _chain_results(parts: OpenedParts) -> list[CheckResult]:
    if not parts.has(Settings, Database, Manifest, Endpoint):
        return [_not_checked("chain")]
    settings = parts.get(Settings)
    opened = Opened(
        settings,
        parts.get(Manifest),
        parts.get(Database),
        parts.get(Endpoint),
        Objects.open(settings.object_store_url),
        (lambda: 0) if settings.devnet_state is None else follow_offset(settings.devnet_state),
    )
    of_stores = (
        health_checks.objects_check(opened),
        health_checks.list_objects_check(opened),
        health_checks.purging_check(opened),
        health_checks.lists_check(opened.database),
    )
    return [run_check(check) for check in (*health_checks.chain_checks(opened), *of_stores)]


def _settings(parts: OpenedParts) -> str:
    settings = load_settings(parts.folder, parts.environment)
    parts.add(settings)
    return f"chain {settings.chain_id}, {settings.host} port {settings.port}"


def _keyring(parts: OpenedParts) -> str:
    settings = parts.get(Settings)
    keyring = open_keyring(settings, parts.secret_of(settings, parts.environment))
    operator = Address(open_operator(settings, keyring).address)
    verify_own(keyring, operator, lambda: is_given(settings, keyring, operator))
    parts.add(keyring)
    cheap = "; cheap to guess, fit for a devnet only" if keyring.is_low_cost else ""
    return f"{len(keyring.agencies())} agencies, operator {settings.operator}{cheap}"


def _hosted_keys(parts: OpenedParts) -> Observation:
    operator = Address(parts.get(Settings).operator)
    return observe_hosted_keys(parts.get(Database), parts.get(Keyring), operator)


def _endpoint(parts: OpenedParts) -> str:
    settings = parts.get(Settings)
    manifest = load_manifest(settings.manifest)
    endpoint = connect(settings.rpc_url, settings.chain_id)
    parts.add(manifest)
    parts.add(endpoint, Endpoint)
    parts.add(contracts_of(endpoint, manifest))
    return f"{endpoint.shown_url} serves chain {settings.chain_id}"


def _agency_results(parts: OpenedParts, agency: AgencyId) -> Iterator[CheckResult]:
    """Keys and logs of one hosted agency as the chain has them, also where nothing is indexed yet."""
    try:
        registered = parts.get(Contracts).agencies.find_agency(agency, "latest")
    except CityledgerError:
        yield _not_checked(f"agency {agency}")
        return
    code = registered.code if registered else str(agency)
    step = f"cityledger node link {code} with the agency's account"
    known = () if registered is None else (registered.sealing_key_digest, registered.credential_key_digest)
    yield run_check(
        HealthCheck(f"keys of {code}", lambda: _observe_keys(parts, agency, known), step, vital=False)
    )
    yield run_check(
        HealthCheck(f"logs of {code}", lambda: _observe_open_logs(parts, agency), step, vital=False)
    )


def _observe_keys(parts: OpenedParts, agency: AgencyId, known: tuple[bytes, ...]) -> str:
    if known != digests_of(parts.get(Keyring).agency(agency)):
        raise CheckFailedError("not those on the chain: no officer can read for it or sign in")
    return "those on the chain"


def _observe_open_logs(parts: OpenedParts, agency: AgencyId) -> str:
    ledger, operator = parts.get(Contracts).ledger, Address(parts.get(Settings).operator)
    missing = [kind for kind in LogKind if find_log(ledger, agency, kind, operator) is None]
    if missing:
        raise CheckFailedError(" and ".join(f"no {kind.name.lower()} log" for kind in missing))
    return "both open for this operator"

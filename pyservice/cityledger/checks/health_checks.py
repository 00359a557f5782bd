"""The health checks of a node in order, the same for a node that runs and for one that is stopped."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from cityledger.chain.deploy.deployment import verify_manifest
from cityledger.chain.manifest import Manifest
from cityledger.chain.rpc.endpoint import Endpoint
from cityledger.checks import chain, deciding, indexed, storage
from cityledger.checks.result import HealthCheck
from cityledger.settings import Settings
from cityledger.store.engine.database import Database
from cityledger.store.objects import Objects

LAG_BLOCKS = 64
"""More than a running node is ever behind, once it has caught up."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What the checks need, already open. ``offset`` is how far a devnet's clock is ahead, in seconds."""

    settings: Settings
    manifest: Manifest
    database: Database
    endpoint: Endpoint
    objects: Objects
    offset: Callable[[], int]

    def now(self) -> float:
        """Unix seconds as the node counts them."""
        return time.time() + self.offset()

    def head_time(self) -> int:
        return chain.head_time(self.endpoint)

    def head_number(self) -> int:
        return int(self.endpoint.request("eth_blockNumber"), 16)


def database_check(database: Database) -> HealthCheck:
    return HealthCheck(
        "database",
        lambda: storage.observe_database(database),
        "cityledger node migrate; a full or read-only disk: make room, and make it writable",
    )


def purging_check(opened: Opened) -> HealthCheck:
    return HealthCheck(
        "erased keys",
        lambda: storage.observe_purging(opened.database, opened.now()),
        "cityledger node serve purges them; end what reads an old state: a backup or a database session",
        vital=False,
    )


def lists_check(database: Database) -> HealthCheck:
    return HealthCheck(
        "revocation lists",
        lambda: storage.observe_lists(database),
        "each of these agencies: cityledger officer revoke AGENCY SUB… --whole",
        vital=False,
    )


def list_objects_check(opened: Opened) -> HealthCheck:
    return HealthCheck(
        "revocation list objects",
        lambda: storage.observe_list_objects(opened.database, opened.objects),
        "make room in the object store, and make it writable: cityledger node serve writes them each minute",
        vital=False,
    )


def objects_check(opened: Opened) -> HealthCheck:
    return HealthCheck(
        "object store",
        lambda: storage.observe_objects(opened.objects, opened.settings.object_store_url),
        "correct object_store_url; make room, and make it writable",
        vital=False,
    )


def chain_checks(opened: Opened) -> list[HealthCheck]:
    """The checks that ask the chain: each costs a request or two."""
    settings, database, endpoint = opened.settings, opened.database, opened.endpoint
    return [
        HealthCheck(
            "endpoints",
            lambda: chain.observe_endpoints(settings.rpc_url, settings.chain_id),
            "correct rpc_url, or start the endpoints that do not answer",
        ),
        HealthCheck(
            "directory", lambda: _observe_directory(opened), "correct manifest: is it of this chain?"
        ),
        HealthCheck(
            "instance",
            lambda: storage.observe_instance(database, opened.manifest.instance),
            "a new folder for the new chain: cityledger node init",
        ),
        HealthCheck(
            "clocks",
            lambda: chain.observe_clocks(opened.head_time(), opened.now(), database),
            "set this machine's clock by NTP",
        ),
        HealthCheck(
            "freshness",
            lambda: chain.observe_fresh_head(
                opened.head_time(), opened.now(), settings.staleness_limit_seconds
            ),
            "check the chain, the endpoint and this machine's clock",
        ),
        HealthCheck(
            "index",
            lambda: indexed.observe_index(database, opened.head_number, LAG_BLOCKS),
            "cityledger node serve, and wait until it has caught up",
        ),
        HealthCheck(
            "operator's funds",
            lambda: chain.observe_funds(endpoint, settings.operator),
            "send funds to the operator's account",
            vital=False,
        ),
        HealthCheck(
            "operator's nonce",
            lambda: chain.observe_nonce(endpoint, settings.operator),
            "wait for the fee bump, or raise max_fee_gwei; `cityledger node logs` shows the attempts",
            vital=False,
        ),
        HealthCheck(
            "policy",
            lambda: deciding.observe_policy(database, endpoint, opened.manifest),
            "install the version of this program that has the city's new rules; cityledger contracts verify",
        ),
        HealthCheck(
            "decisions",
            lambda: deciding.observe_decisions(database, endpoint),
            "stop the node; compare contract and index with `cityledger node rebuild`",
        ),
    ]


def logs_check(database: Database) -> HealthCheck:
    return HealthCheck("logs", lambda: indexed.observe_logs(database), "cityledger node logs")


def _observe_directory(opened: Opened) -> str:
    verify_manifest(opened.endpoint, opened.manifest, str(opened.settings.manifest))
    return f"instance 0x{opened.manifest.instance.hex()[:8]}…"

"""The looks that a node is taken by, in order; one list for a node that runs and one that is stopped."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from cityledger.chain.deploy.deployment import verify_manifest
from cityledger.chain.manifest import Manifest
from cityledger.chain.rpc.endpoint import Endpoint
from cityledger.checks import chain, deciding, indexed, storage
from cityledger.checks.result import Look
from cityledger.settings import Settings
from cityledger.store.engine.database import Database
from cityledger.store.objects import Objects

LAG_BLOCKS = 64
"""More than a running node is ever behind, once it has caught up."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What the looks need, opened before. ``offset`` is how far a devnet's clock is ahead, in seconds."""

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


def database_look(database: Database) -> Look:
    return Look(
        "database",
        lambda: storage.see_database(database),
        "cityledger node migrate; a full or read-only disk: make room, and make it writable",
    )


def purging_look(opened: Opened) -> Look:
    return Look(
        "erased keys",
        lambda: storage.see_purging(opened.database, opened.now()),
        "cityledger node serve purges them; end what reads an old state: a backup, a session of the database",
        vital=False,
    )


def lists_look(database: Database) -> Look:
    return Look(
        "revocation lists",
        lambda: storage.see_lists(database),
        "each of these agencies: cityledger officer revoke AGENCY SUB… --whole",
        vital=False,
    )


def list_objects_look(opened: Opened) -> Look:
    return Look(
        "revocation list objects",
        lambda: storage.see_list_objects(opened.database, opened.objects),
        "make room in the object store, and make it writable: cityledger node serve writes them each minute",
        vital=False,
    )


def objects_look(opened: Opened) -> Look:
    return Look(
        "object store",
        lambda: storage.see_objects(opened.objects, opened.settings.object_store_url),
        "correct object_store_url; make room, and make it writable",
        vital=False,
    )


def chain_looks(opened: Opened) -> list[Look]:
    """What is asked of the chain: each costs a request or two."""
    settings, database, endpoint = opened.settings, opened.database, opened.endpoint
    return [
        Look(
            "endpoints",
            lambda: chain.see_endpoints(settings.rpc_url, settings.chain_id),
            "correct rpc_url, or start the endpoints that do not answer",
        ),
        Look("directory", lambda: _see_directory(opened), "correct manifest; is it of this chain?"),
        Look(
            "instance",
            lambda: storage.see_instance(database, opened.manifest.instance),
            "a new folder for the new chain: cityledger node init",
        ),
        Look(
            "clocks",
            lambda: chain.see_clocks(opened.head_time(), opened.now(), database),
            "set this machine's clock by NTP",
        ),
        Look(
            "freshness",
            lambda: chain.see_fresh_head(opened.head_time(), opened.now(), settings.staleness_limit_seconds),
            "look at the chain, the endpoint and this machine's clock",
        ),
        Look(
            "index",
            lambda: indexed.see_index(database, opened.head_number, LAG_BLOCKS),
            "cityledger node serve, and wait until it has caught up",
        ),
        Look(
            "operator's funds",
            lambda: chain.see_funds(endpoint, settings.operator),
            "send funds to the operator's account",
            vital=False,
        ),
        Look(
            "operator's nonce",
            lambda: chain.see_nonce(endpoint, settings.operator),
            "wait for the fee bump, or raise max_fee_gwei; `cityledger node logs` tells the attempts",
            vital=False,
        ),
        Look(
            "policy",
            lambda: deciding.see_policy(database, endpoint, opened.manifest),
            "install the version of this program that has the city's new rules; cityledger contracts verify",
        ),
        Look(
            "decisions",
            lambda: deciding.see_decisions(database, endpoint),
            "stop the node; compare contract and index with `cityledger node rebuild`",
        ),
    ]


def logs_look(database: Database) -> Look:
    return Look("logs", lambda: indexed.see_logs(database), "cityledger node logs")


def _see_directory(opened: Opened) -> str:
    verify_manifest(opened.endpoint, opened.manifest, str(opened.settings.manifest))
    return f"instance 0x{opened.manifest.instance.hex()[:8]}…"

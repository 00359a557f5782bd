"""What the API of a node works with, made from the node's parts."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace

import sqlalchemy as sa
from prometheus_client import CollectorRegistry

from cityledger.anchoring.head_mover import ChainHeadMover
from cityledger.api.context import Check, NodeContext
from cityledger.api.stewards.transactions import ChainStewardTransactions
from cityledger.checks.health_checks import Opened
from cityledger.checks.running import Readiness
from cityledger.exchange.services import Services
from cityledger.metrics.collector import NodeCollector, watch
from cityledger.node.wiring import Node
from cityledger.store import node_state
from cityledger.store.index import queries as index


def api_context(node: Node, *, host: str, port: int) -> NodeContext:
    """The context of an API that listens at ``host`` and ``port``. They need not be those of the settings
    (port 0 selects a free one), and proofs of possession must name the real ones.
    """

    def indexed() -> int:
        return _indexed_block(node.services)

    steward = ChainStewardTransactions(node.sender, node.contracts.catalog, node.services.keyring, indexed)
    mover = ChainHeadMover(node.anchorer.account, node.sender, node.contracts.ledger, indexed)
    readiness = _readiness(node)
    return NodeContext(
        services=node.services,
        settings=replace(node.settings, host=host, port=port),
        manifest=node.manifest,
        now=node.now,
        steward=steward,
        head_mover=mover,
        imports=node.imports,
        metrics=_metrics(node, readiness),
        readiness=readiness,
        nonce_key=bytes.fromhex(node.services.journal.run(_nonce_key)),
    )


def _indexed_block(services: Services) -> int:
    with services.database.reading() as connection:
        cursor = index.find_cursor(connection)
    return -1 if cursor is None else cursor.number


def _nonce_key(connection: sa.Connection) -> str:
    return node_state.get_or_put(connection, node_state.NONCE_KEY, os.urandom(32).hex())


def _readiness(node: Node) -> Callable[[], list[Check]]:
    opened = Opened(
        node.settings,
        node.manifest,
        node.services.database,
        node.endpoint,
        node.services.objects,
        lambda: node.now() - int(time.time()),
    )
    readiness = Readiness(node.services, opened)

    def checks() -> list[Check]:
        return [
            Check(one.name, one.ok, one.disclosed, one.next_step, one.vital) for one in readiness.results()
        ]

    return checks


def _metrics(node: Node, readiness: Callable[[], list[Check]]) -> CollectorRegistry:
    def is_ok() -> dict[str, bool]:
        return {check.name: check.ok for check in readiness()}

    registry = node.services.instruments.registry
    account = node.anchorer.account
    watched = watch(
        node.services, node.endpoint, node.settings.rpc_url, node.now, is_ok, lambda: account.waits_at_cap
    )
    registry.register(NodeCollector(watched))
    return registry

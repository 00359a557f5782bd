"""Wires a node together, in one place and at start: settings in, a running node out."""

from __future__ import annotations

import logging
import os
import random
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from prometheus_client import CollectorRegistry

from cityledger.anchoring.anchorer import Anchorer
from cityledger.anchoring.closing import BatchLimits
from cityledger.anchoring.head_mover import ChainHeadMover
from cityledger.anchoring.operator_account import FeeLimits
from cityledger.api.context import Check, NodeContext
from cityledger.api.stewards.transactions import ChainStewardDesk
from cityledger.chain.clock import ChainClock
from cityledger.chain.contracts import Contracts, contracts_of
from cityledger.chain.contracts.access_policy import AccessPolicy
from cityledger.chain.deploy.deployment import verify_manifest
from cityledger.chain.follower import Follower
from cityledger.chain.manifest import Manifest, load_manifest
from cityledger.chain.operated_logs import operates_any
from cityledger.chain.policy_code import find_other_rules
from cityledger.chain.rpc.endpoint import Endpoint, connect
from cityledger.chain.rpc.new_heads import NewHeads
from cityledger.chain.sender import Sender
from cityledger.checks.health_checks import Opened
from cityledger.checks.running import Readiness
from cityledger.devnet import CHAIN_ID
from cityledger.devnet_clock import follow_offset
from cityledger.errors import CityledgerError, ConfigurationError, KeyringError
from cityledger.exchange import revocations
from cityledger.exchange.imports.runner import ImportRunner
from cityledger.exchange.instruments import Instruments
from cityledger.exchange.parts.storage import sweep, written_before
from cityledger.exchange.rules.crosscheck import CrossCheck
from cityledger.exchange.rules.watch import RulesWatch
from cityledger.exchange.services import Services
from cityledger.exchange.tombstones import keep_missing
from cityledger.indexer.indexer import Indexer
from cityledger.key_sources.opening import open_keyring, open_operator
from cityledger.key_sources.own_operator import remember_operator
from cityledger.metrics.collector import NodeCollector, watch
from cityledger.proofs.leaves import ReceiptDomain
from cityledger.sealing.keyring import Keyring
from cityledger.sealing.keyring_lock import UnlockSecret
from cityledger.settings import Settings
from cityledger.signing import Signer
from cityledger.store import node_state
from cityledger.store.engine.database import Database
from cityledger.store.engine.journal import Journal
from cityledger.store.engine.leadership import INDEXER, PURGING, Leadership, Lock, hold_database
from cityledger.store.engine.migrate import verify_schema
from cityledger.store.engine.purging import Purging
from cityledger.store.index import hosting
from cityledger.store.index import queries as index
from cityledger.store.objects import Objects
from cityledger.types import Address, BlockRef

log = logging.getLogger(__name__)
POLL_SECONDS = 0.1
"""How often the indexer asks for a new head; part of the revocation bound."""
PASSPHRASE_VARIABLE = "CITYLEDGER_PASSPHRASE"  # noqa: S105 - the name of a variable


@dataclass(frozen=True, slots=True)
class Leads:
    """The tasks that one process at a time runs: index and purging for a whole database, the others for its
    node."""

    indexer: Leadership
    purging: Leadership
    anchoring: Leadership
    imports: Leadership
    sweep: Leadership

    @classmethod
    def of(cls, database: Database, operator: str) -> Leads:
        own = (
            Leadership(database, f"{name}/{operator.lower()}") for name in ("anchoring", "imports", "sweep")
        )
        return cls(Leadership(database, INDEXER), Leadership(database, PURGING), *own)

    def close(self) -> None:
        for one in (self.indexer, self.anchoring, self.imports, self.sweep, self.purging):
            one.close()


@dataclass(frozen=True, slots=True)
class Node:
    """Everything that a running node consists of. ``start`` its loops, serve its API, then ``close`` it."""

    settings: Settings
    manifest: Manifest
    contracts: Contracts
    endpoint: Endpoint
    sender: Sender
    services: Services
    indexer: Indexer
    new_heads: NewHeads | None
    anchorer: Anchorer
    imports: ImportRunner
    now: Callable[[], int]
    _leads: Leads
    _held: Lock
    _stop: threading.Event
    _threads: list[threading.Thread]

    def start(self) -> None:
        """Starts the loops: following the chain, anchoring, importing, and asking the contract as well."""
        _report_lost_keys(self.services)
        started = datetime.now(UTC)
        for name, loop in (
            ("indexer", lambda: self.indexer.run(self._stop, POLL_SECONDS)),
            ("new-heads", self._listen),
            ("anchoring", lambda: self.anchorer.run(self._stop, 1.0, self._leads.anchoring.leads)),
            ("imports", lambda: self.imports.run(self._stop, self._leads.imports.leads)),
            ("rules-watch", lambda: self.services.rules_watch.run(self._stop)),
            ("cross-check", lambda: self.services.cross_check.run(self._stop)),
            ("sweep", lambda: self._sweep(started)),
            ("tombstones", lambda: _keep_tombstones(self.services, self._stop)),
            ("revocations", lambda: revocations.run(self.services, self._stop)),
            ("purging", self._purge),
        ):
            thread = threading.Thread(target=loop, name=name, daemon=True)
            thread.start()
            self._threads.append(thread)

    def _listen(self) -> None:
        if self.new_heads is not None:
            self.new_heads.run(self._stop)

    def _sweep(self, started: datetime) -> None:
        if self._leads.sweep.leads():
            _sweep(self.services, written_before(started, self.services.database), self._stop)

    def _purge(self) -> None:
        services = self.services
        Purging(services.database, services.journal).run(self._stop, self._leads.purging.leads)

    def close(self) -> None:
        """Ends the loops, finishes what the journal holds, and closes the database."""
        self._stop.set()
        self.imports.wake()
        self.indexer.wake()
        for thread in self._threads:
            thread.join()
        self.services.journal.close()
        self._leads.close()
        self._held.release()
        self.services.database.close()


def unlock_secret(settings: Settings, environment: Mapping[str, str]) -> UnlockSecret:
    """What opens the keyring: the key file, else the passphrase of the environment.

    Raises:
        KeyringError: there is neither.
    """
    if settings.key_file is not None:
        return UnlockSecret.from_key_file(settings.key_file)
    passphrase = environment.get(PASSPHRASE_VARIABLE)
    if passphrase is None:
        raise KeyringError(
            f"set {PASSPHRASE_VARIABLE}, or name a key_file in the settings, to open the keyring"
        )
    return UnlockSecret.from_passphrase(passphrase)


def open_node(settings: Settings, secret: UnlockSecret) -> Node:
    """Opens everything and checks that it belongs together; starts nothing.

    Raises:
        KeyringError: an entry of the keyring cannot be opened.
        WrongChainError: endpoint, manifest and database are not of one chain and instance.
        ConfigurationError: the operator's account is missing or not this node's own, or the database has
            another schema.
    """
    manifest = load_manifest(settings.manifest)
    keyring = open_keyring(settings, secret)
    operator = open_operator(settings, keyring)
    endpoint = connect(settings.rpc_url, settings.chain_id)
    verify_manifest(endpoint, manifest, str(settings.manifest))
    with ExitStack() as on_refusal:
        database = Database(settings.database_url)
        on_refusal.callback(database.close)
        verify_schema(database)
        with database.writing() as connection:
            node_state.bind_instance(connection, manifest.instance)
        # Last: the keyring forgets no account, so a registry of another instance must not vouch for one.
        ledger, account = contracts_of(endpoint, manifest).ledger, Address(operator.address)
        remember_operator(
            settings.keyring, keyring, account, lambda: operates_any(ledger, account, keyring.agencies())
        )
        node = _wire(settings, manifest, keyring, operator, endpoint, database)
        on_refusal.pop_all()
    return node


def api_of(node: Node, *, host: str, port: int) -> NodeContext:
    """What the API of a node works with. ``host`` and ``port`` are those it listens at, which need not be
    the settings' (port 0 takes a free one), because proofs of possession must name them.
    """

    def indexed() -> int:
        return _indexed_block(node.services)

    desk = ChainStewardDesk(node.sender, node.contracts.catalog, node.services.keyring, indexed)
    mover = ChainHeadMover(node.anchorer.account, node.sender, node.contracts.ledger, indexed)
    readiness = _readiness(node)
    return NodeContext(
        services=node.services,
        settings=replace(node.settings, host=host, port=port),
        manifest=node.manifest,
        now=node.now,
        steward=desk,
        head_mover=mover,
        imports=node.imports,
        metrics=_metrics(node, readiness),
        readiness=readiness,
        nonce_key=bytes.fromhex(node.services.journal.run(_nonce_key)),
    )


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

    def told() -> list[Check]:
        lines = readiness.lines()
        return [Check(one.name, one.ok, one.told, one.next_step, one.vital) for one in lines]

    return told


def _metrics(node: Node, readiness: Callable[[], list[Check]]) -> CollectorRegistry:
    def is_ok() -> dict[str, bool]:
        return {check.name: check.ok for check in readiness()}

    registry = node.services.instruments.registry
    account = node.anchorer.account
    watched = watch(
        node.services,
        node.endpoint,
        node.settings.rpc_url,
        node.now,
        is_ok,
        lambda: account.waits_at_cap,
    )
    registry.register(NodeCollector(watched))
    return registry


def _indexed_block(services: Services) -> int:
    with services.database.reading() as connection:
        cursor = index.find_cursor(connection)
    return -1 if cursor is None else cursor.number


def _wire(
    settings: Settings,
    manifest: Manifest,
    keyring: Keyring,
    operator: Signer,
    endpoint: Endpoint,
    database: Database,
) -> Node:
    leads, held = Leads.of(database, operator.address), hold_database(database)
    offset = _offset(settings)
    clock = ChainClock(offset=offset)
    instruments = Instruments()
    journal = Journal(database, instruments.group_committed)
    contracts = contracts_of(endpoint, manifest)
    sender = Sender(endpoint)
    cross_check = CrossCheck(
        database,
        journal,
        lambda policy, queries, block: AccessPolicy(endpoint, policy).decide_many(queries, block),
        share=settings.cross_check_share,
        dice=random.SystemRandom().random,
    )
    rules_watch = RulesWatch(
        database, lambda entries, block: find_other_rules(endpoint, manifest, entries, block)
    )
    services = Services(
        database=database,
        journal=journal,
        objects=Objects.open(settings.object_store_url),
        keyring=keyring,
        clock=clock,
        cross_check=cross_check,
        rules_watch=rules_watch,
        instance=manifest.instance,
        domain=ReceiptDomain(settings.chain_id, manifest.address("RecordLedger")),
        operator=operator,
        random_bytes=os.urandom,
        staleness_limit_seconds=settings.staleness_limit_seconds,
        backup_horizon_seconds=settings.backup_horizon_seconds,
        instruments=instruments,
    )
    anchorer = Anchorer(
        database,
        journal,
        clock,
        sender,
        contracts.ledger,
        operator,
        keyring.agencies(),
        BatchLimits(settings.batch_max_age_seconds, settings.batch_max_leaves),
        FeeLimits(settings.max_fee_gwei * 10**9, settings.fee_bump_after_seconds),
        former=[account for account in keyring.own_accounts() if account != operator.address],
    )

    def advanced(block: BlockRef) -> None:
        anchorer.wake(block)
        rules_watch.look()  # at once: what the block set is refused until it is compared

    new_heads = NewHeads(settings.ws_url, lambda: indexer.wake()) if settings.ws_url else None
    indexer = Indexer(
        Follower(endpoint, manifest),
        database,
        journal,
        clock,
        first_block=manifest.first_block,
        leads=leads.indexer.leads,
        advanced=advanced,
        reorg_limit_blocks=settings.reorg_limit_blocks,
        is_told=lambda: new_heads is not None and new_heads.is_up,
    )
    return Node(
        settings=settings,
        manifest=manifest,
        contracts=contracts,
        endpoint=endpoint,
        sender=sender,
        services=services,
        indexer=indexer,
        new_heads=new_heads,
        anchorer=anchorer,
        imports=ImportRunner(services),
        now=lambda: int(time.time()) + offset(),
        _leads=leads,
        _held=held,
        _stop=threading.Event(),
        _threads=[],
    )


def _report_lost_keys(services: Services) -> None:
    """The node serves its other agencies; the line ``keyring`` of /readyz says the same."""
    with services.database.reading() as connection:
        lost = hosting.list_without_keys(connection, services.own_accounts(), services.keyring.agencies())
    for agency in lost:
        log.error("keys missing agency=%d: restore the keyring from a backup", agency)


def _sweep(services: Services, started: datetime, stop: threading.Event) -> None:
    """Removes the objects that an earlier process of this node left without a row."""
    try:
        swept = sweep(services, started, stop.is_set)
    except CityledgerError as error:
        log.warning("objects not swept error=%s", type(error).__name__)
    else:
        log.info("objects swept count=%d", swept)


def _keep_tombstones(services: Services, stop: threading.Event) -> None:
    """Writes the tombstone objects that an earlier process of this node did not come to write."""
    try:
        kept = keep_missing(services, stop.is_set)
    except CityledgerError as error:
        log.error("tombstone objects not written error=%s", type(error).__name__)
    else:
        log.info("tombstone objects written count=%d", kept)


def _offset(settings: Settings) -> Callable[[], int]:
    if settings.devnet_state is None:
        return lambda: 0
    if settings.chain_id != CHAIN_ID:
        raise ConfigurationError("settings: devnet_state is for the devnet's chain id only")
    return follow_offset(settings.devnet_state)


def log_level_from(environment: Mapping[str, str]) -> Any:
    """The level named by ``CITYLEDGER_LOG``; INFO without it."""
    return logging.getLevelNamesMapping().get(environment.get("CITYLEDGER_LOG", "INFO").upper(), logging.INFO)

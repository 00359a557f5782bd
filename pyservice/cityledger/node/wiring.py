"""Wires a node together, in one place and at start: settings in, a running node out."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from cityledger.anchoring.anchorer import Anchorer
from cityledger.anchoring.closing import BatchLimits
from cityledger.anchoring.operator_account import FeeLimits
from cityledger.chain.contracts import Contracts, contracts_of
from cityledger.chain.contracts.record_ledger import operates_any
from cityledger.chain.deploy.deployment import verify_manifest
from cityledger.chain.follower import Follower
from cityledger.chain.manifest import Manifest, load_manifest
from cityledger.chain.rpc.endpoint import Endpoint, connect
from cityledger.chain.rpc.new_heads import NewHeads
from cityledger.chain.sender import Sender
from cityledger.exchange.imports.runner import ImportRunner
from cityledger.exchange.services import Services
from cityledger.indexer.indexer import Indexer
from cityledger.key_sources.opening import open_keyring, open_operator
from cityledger.key_sources.own_operator import remember_operator
from cityledger.node.loop_threads import LoopThreads
from cityledger.node.loops import loops_of
from cityledger.node.services import clock_offset, make_services
from cityledger.sealing.keyring import Keyring
from cityledger.sealing.keyring_lock import UnlockSecret
from cityledger.settings import Settings
from cityledger.signing import Signer
from cityledger.store import node_state
from cityledger.store.engine.database import Database
from cityledger.store.engine.leadership import Lock, hold_database
from cityledger.store.engine.migrate import verify_schema
from cityledger.store.index import hosting
from cityledger.types import Address, BlockRef

log = logging.getLogger(__name__)


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
    anchorer: Anchorer
    imports: ImportRunner
    now: Callable[[], int]
    _loops: LoopThreads
    _database_lock: Lock

    def start(self) -> None:
        """Starts the loops."""
        _report_lost_keys(self.services)
        self._loops.start()

    def close(self) -> None:
        """Ends the loops, finishes what the journal holds, and closes the database."""
        self._loops.stop()
        self.services.journal.close()
        self._loops.release()
        self._database_lock.release()
        self.services.database.close()


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


def _wire(
    settings: Settings,
    manifest: Manifest,
    keyring: Keyring,
    operator: Signer,
    endpoint: Endpoint,
    database: Database,
) -> Node:
    database_lock = hold_database(database)
    offset = clock_offset(settings)
    services = make_services(settings, manifest, keyring, operator, endpoint, database, offset)
    contracts, sender, imports = contracts_of(endpoint, manifest), Sender(endpoint), ImportRunner(services)
    anchorer = _anchorer(settings, services, contracts, sender)
    new_heads = NewHeads(settings.ws_url, lambda: indexer.wake()) if settings.ws_url else None
    indexer = _indexer(settings, manifest, services, Follower(endpoint, manifest), anchorer, new_heads)
    return Node(
        settings=settings,
        manifest=manifest,
        contracts=contracts,
        endpoint=endpoint,
        sender=sender,
        services=services,
        indexer=indexer,
        anchorer=anchorer,
        imports=imports,
        now=lambda: int(time.time()) + offset(),
        _loops=LoopThreads(loops_of(services, indexer, anchorer, imports, new_heads), database),
        _database_lock=database_lock,
    )


def _anchorer(settings: Settings, services: Services, contracts: Contracts, sender: Sender) -> Anchorer:
    keyring, operator = services.keyring, services.operator
    return Anchorer(
        services.database,
        services.journal,
        services.clock,
        sender,
        contracts.ledger,
        operator,
        keyring.agencies(),
        BatchLimits(settings.batch_max_age_seconds, settings.batch_max_leaves),
        FeeLimits(settings.max_fee_gwei * 10**9, settings.fee_bump_after_seconds),
        former=[account for account in keyring.own_accounts() if account != operator.address],
    )


def _indexer(
    settings: Settings,
    manifest: Manifest,
    services: Services,
    follower: Follower,
    anchorer: Anchorer,
    new_heads: NewHeads | None,
) -> Indexer:
    def on_commit(block: BlockRef) -> None:
        anchorer.wake(block)
        services.rules_watch.look()  # at once: what the block set is refused until it is compared

    return Indexer(
        follower,
        services.database,
        services.journal,
        services.clock,
        first_block=manifest.first_block,
        on_commit=on_commit,
        reorg_limit_blocks=settings.reorg_limit_blocks,
        are_heads_announced=lambda: new_heads is not None and new_heads.is_up,
    )


def _report_lost_keys(services: Services) -> None:
    """The node serves its other agencies; the line ``keyring`` of /readyz says the same."""
    with services.database.reading() as connection:
        lost = hosting.list_without_keys(connection, services.own_accounts(), services.keyring.agencies())
    for agency in lost:
        log.error("keys missing agency=%d: restore the keyring from a backup", agency)

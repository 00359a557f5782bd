"""The services of a node, which its API and its loops share."""

from __future__ import annotations

import os
import random
from collections.abc import Callable

from cityledger.chain.clock import ChainClock
from cityledger.chain.contracts.access_policy import AccessPolicy
from cityledger.chain.deploy.policy_code import find_other_rules
from cityledger.chain.manifest import Manifest
from cityledger.chain.rpc.endpoint import Endpoint
from cityledger.devnet import CHAIN_ID
from cityledger.devnet_clock import follow_offset
from cityledger.errors import ConfigurationError
from cityledger.exchange.instruments import Instruments
from cityledger.exchange.rules.crosscheck import CrossCheck
from cityledger.exchange.rules.watch import RulesWatch
from cityledger.exchange.services import Services
from cityledger.proofs.leaves import ReceiptDomain
from cityledger.sealing.keyring import Keyring
from cityledger.settings import Settings
from cityledger.signing import Signer
from cityledger.store.engine.database import Database
from cityledger.store.engine.journal import Journal
from cityledger.store.objects import Objects


def make_services(
    settings: Settings,
    manifest: Manifest,
    keyring: Keyring,
    operator: Signer,
    endpoint: Endpoint,
    database: Database,
    offset: Callable[[], int],
) -> Services:
    """``offset`` is how far a devnet's clock is ahead, in seconds."""
    instruments = Instruments()
    journal = Journal(database, instruments.group_committed)
    return Services(
        database=database,
        journal=journal,
        objects=Objects.open(settings.object_store_url),
        keyring=keyring,
        clock=ChainClock(offset=offset),
        cross_check=_cross_check(settings, endpoint, database, journal),
        rules_watch=RulesWatch(
            database, lambda entries, block: find_other_rules(endpoint, manifest, entries, block)
        ),
        instance=manifest.instance,
        domain=ReceiptDomain(settings.chain_id, manifest.address("RecordLedger")),
        operator=operator,
        random_bytes=os.urandom,
        staleness_limit_seconds=settings.staleness_limit_seconds,
        backup_horizon_seconds=settings.backup_horizon_seconds,
        instruments=instruments,
    )


def clock_offset(settings: Settings) -> Callable[[], int]:
    """The seconds that the devnet of the settings is ahead of this machine; 0 without a devnet.

    Raises:
        ConfigurationError: a devnet's state file is set for a chain that is not the devnet.
    """
    if settings.devnet_state is None:
        return lambda: 0
    if settings.chain_id != CHAIN_ID:
        raise ConfigurationError("settings: devnet_state is for the devnet's chain id only")
    return follow_offset(settings.devnet_state)


def _cross_check(settings: Settings, endpoint: Endpoint, database: Database, journal: Journal) -> CrossCheck:
    return CrossCheck(
        database,
        journal,
        lambda policy, queries, block: AccessPolicy(endpoint, policy).decide_many(queries, block),
        share=settings.cross_check_share,
        random_unit=random.SystemRandom().random,
    )

"""The smallest city that can anchor: a devnet at one-second blocks, one agency, one parking dataset, one
node in process.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from eth_account.signers.local import LocalAccount

from cityledger.chain.contracts import contracts_of
from cityledger.chain.contracts.agency_registry import Admission
from cityledger.chain.contracts.data_catalog import DatasetPublished, Publication
from cityledger.chain.contracts.decoding import decode_receipt
from cityledger.chain.contracts.record_ledger import LogOpened
from cityledger.chain.deploy.deployment import Plan, deploy
from cityledger.chain.manifest import Manifest
from cityledger.chain.sender import Sender
from cityledger.devnet import CHAIN_ID, STATE_NAME, Devnet, devnet_account
from cityledger.node.wiring import Node, open_node
from cityledger.profiles import registry
from cityledger.profiles.profile import Profile
from cityledger.sealing.keyring import Keyring
from cityledger.sealing.keyring_lock import DEVNET_KDF_COST, UnlockSecret
from cityledger.settings import Settings
from cityledger.store.engine.database import Database
from cityledger.store.engine.migrate import migrate
from cityledger.store.sessions.tokens import Session
from cityledger.types import (
    NO_END,
    Address,
    AgencyId,
    DatasetId,
    LogId,
    LogKind,
    Openness,
    Role,
    SharingClass,
    Terms,
    purpose_from_name,
)

PARKING = registry.get("parking")
PURPOSE = purpose_from_name("TRAFFIC_MANAGEMENT")
AGENCY = AgencyId(1)
ACCOUNT, OPERATOR, NAIVE = (devnet_account(index) for index in (4, 5, 6))
STATE = json.dumps(
    {
        "id": "urn:ngsi-ld:OnStreetParking:bench",
        "type": "OnStreetParking",
        "location": {"type": "Point", "coordinates": [116.4, 39.9]},
        "totalSpotNumber": 10,
        "availableSpotNumber": 6,
        "observedAt": "2026-01-01T00:00:00+08:00",
    }
).encode()


@dataclass(frozen=True, slots=True)
class Bench:
    """``naive_log`` is a second records log, operated by the account ``NAIVE``."""

    devnet: Devnet
    manifest: Manifest
    node: Node
    dataset: DatasetId
    naive_log: LogId


@contextmanager
def running(folder: Path) -> Iterator[Bench]:
    """Builds it, runs it, and ends it."""
    with opened(folder) as bench:
        bench.node.start()
        try:
            yield bench
        finally:
            bench.node.close()


@contextmanager
def opened(folder: Path, profile: Profile = PARKING, **changes: Any) -> Iterator[Bench]:
    """Builds it; the caller that starts the node also closes it. ``changes`` are to the node's settings."""
    with Devnet.start(folder / "devnet") as devnet:
        manifest = deploy(devnet.connect(), devnet_account(0), _plan(), folder / "manifest.json")
        keys = Keyring.create(folder / "keyring", _SECRET, random=os.urandom, kdf_cost=DEVNET_KDF_COST)
        operator = keys.add_account(bytes(OPERATOR.key))
        dataset, naive_log = _prepare(devnet, manifest, keys, operator, profile)
        settings = replace(_settings(folder, devnet, operator), **changes)
        node = open_node(settings, _SECRET)
        yield Bench(devnet, manifest, node, dataset, naive_log)


def session_of(role: Role) -> Session:
    """A session of the agency in its first epoch; no key of its own vouches for officers."""
    return Session(AGENCY, role, "bench", None, "bench", NO_END, NO_END, epoch=1, credential_key=None)


_SECRET = UnlockSecret.from_passphrase("bench")


def _plan() -> Plan:
    return Plan(Address(devnet_account(1).address), Address(devnet_account(2).address), 0, 0)


def _prepare(
    devnet: Devnet, manifest: Manifest, keys: Keyring, operator: Address, profile: Profile
) -> tuple[DatasetId, LogId]:
    endpoint = devnet.connect()
    contracts, sender = contracts_of(endpoint, manifest), Sender(endpoint)
    digest = keys.add_agency(AGENCY, random=os.urandom).sealing_key.digest
    admission = Admission("transport", "Transport", "交通委", "", Address(ACCOUNT.address), digest, bytes(32))
    council: LocalAccount = devnet_account(1)
    sender.transact_many(
        council, [contracts.agencies.admit(admission), contracts.catalog.add_purpose(PURPOSE)]
    )
    ledger = contracts.ledger
    receipts = sender.transact_many(
        ACCOUNT,
        [
            contracts.agencies.appoint(AGENCY, Address(ACCOUNT.address), Role.STEWARD, NO_END),
            ledger.open_log(AGENCY, LogKind.RECORDS, operator),
            ledger.open_log(AGENCY, LogKind.RECEIPTS, operator),
            ledger.open_log(AGENCY, LogKind.RECORDS, Address(NAIVE.address)),
        ],
    )
    receipts.append(sender.transact(ACCOUNT, contracts.catalog.publish(_publication(profile))))
    events = [logged.event for receipt in receipts for logged in decode_receipt(receipt, contracts)]
    dataset = next(event.dataset for event in events if isinstance(event, DatasetPublished))
    naive = next(
        event.log
        for event in events
        if isinstance(event, LogOpened) and event.operator == Address(NAIVE.address)
    )
    return dataset, naive


def _publication(profile: Profile) -> Publication:
    terms = Terms(SharingClass.UNCONDITIONAL, Openness.CLOSED, False, False, (PURPOSE,))
    return Publication(
        AGENCY,
        "transport/parking/bench",
        "Bench",
        "基准",
        profile.name,
        profile.part_names,
        profile.schema_digest,
        1,
        1,
        terms,
    )


def _settings(folder: Path, devnet: Devnet, operator: Address) -> Settings:
    url = f"sqlite:///{folder / 'node.db'}"
    migrated = Database(url)
    migrate(migrated)
    migrated.close()
    return Settings(
        database_url=url,
        rpc_url=devnet.rpc_url,
        chain_id=CHAIN_ID,
        manifest=folder / "manifest.json",
        keyring=folder / "keyring",
        operator=operator,
        object_store_url=(folder / "objects").as_uri(),
        batch_max_age_seconds=1.0,
        devnet_state=folder / "devnet" / STATE_NAME,
    )

"""Services and settings of a node: real but for the chain."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from eth_account import Account
from eth_account.signers.local import LocalAccount

from cityledger.chain.clock import ChainClock
from cityledger.exchange.rules.crosscheck import CrossCheck
from cityledger.exchange.rules.watch import RulesWatch
from cityledger.exchange.services import Services
from cityledger.keccak import keccak
from cityledger.proofs.leaves import ReceiptDomain
from cityledger.sealing.keyring import Keyring
from cityledger.sealing.keyring_lock import DEVNET_KDF_COST, UnlockSecret
from cityledger.settings import Settings
from cityledger.store.engine.database import Database
from cityledger.store.engine.journal import Journal
from cityledger.store.objects import Objects
from cityledger.types import AgencyId, Decision, Kem
from support.node.chain_changes import TestTime
from support.node.chain_facts import CHAIN_ID, CODES, INSTANCE, address_of
from support.store.databases import fresh_database_url


def make_services(
    folder: Path, time: TestTime, staleness_limit_seconds: int
) -> tuple[Services, dict[str, ec.EllipticCurvePrivateKey]]:
    database = Database(fresh_database_url(folder))
    keyring = Keyring.create(
        folder / "keyring",
        UnlockSecret.from_passphrase("tests"),
        random=os.urandom,
        kdf_cost=DEVNET_KDF_COST,
    )
    keys = {code: ec.generate_private_key(ec.SECP256R1()) for code in CODES}
    for number, code in enumerate(CODES, start=1):
        kem = Kem.X_WING if code == "LAND" else Kem.X25519
        keyring.add_agency(AgencyId(number), random=os.urandom, kem=kem, credential_key=keys[code])
    operator: LocalAccount = Account.from_key(keccak(b"operator"))
    journal = Journal(database)
    services = Services(
        database=database,
        journal=journal,
        objects=Objects.open((folder / "objects").as_uri()),
        rules_watch=RulesWatch(database, lambda _entries, _block: None),
        cross_check=CrossCheck(database, journal, _ask_nobody, share=0, random_unit=lambda: 0.5),
        keyring=keyring,
        clock=ChainClock(wall=time.seconds, monotonic=time.seconds),
        instance=INSTANCE,
        domain=ReceiptDomain(CHAIN_ID, address_of("RecordLedger")),
        operator=operator,
        random_bytes=os.urandom,
        staleness_limit_seconds=staleness_limit_seconds,
        backup_horizon_seconds=2_592_000,
    )
    return services, keys


def _ask_nobody(*_question: object) -> list[Decision]:
    raise AssertionError("a share of 0 picks nothing")


def make_settings(folder: Path, services: Services, **changes: Any) -> Settings:
    values: dict[str, Any] = {
        "database_url": services.database.engine.url.render_as_string(hide_password=False),
        "rpc_url": "http://chain.test",
        "chain_id": CHAIN_ID,
        "manifest": folder / "manifest.json",
        "keyring": folder / "keyring",
        "operator": services.operator.address,
        "object_store_url": (folder / "objects").as_uri(),
        "domain": "city.test",
        "body_limit_bytes": 65_536,
        "record_limit_bytes": 65_536,
        **changes,
    }
    return Settings(**values)

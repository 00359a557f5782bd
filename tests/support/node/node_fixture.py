"""An honest node for one test: real SQLite, journal, keyring, exchange and API; only the chain is told.

Three agencies and three datasets, one for each profile and sharing class::

    1 HEALTH   medical   conditional     TREATMENT   granted to LAND: summary, medication
    2 LAND     property  unconditional   CREDIT
    3 PARKING  parking   not shared

Typical use::

    node = make_node(tmp_path)
    written = node.put(node.health, "visit-1", TREATMENT_RECORD)
    asking = node.headers("LAND", "reader", "TREATMENT")
    answer = node.client.get(node.url(node.health, "visit-1"), headers=asking)
"""

from __future__ import annotations

import json
import os
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric import ec
from eth_account import Account
from eth_account.signers.local import LocalAccount
from prometheus_client import CollectorRegistry
from starlette.testclient import TestClient

from cityledger.api.application import create_app
from cityledger.api.context import Check, NodeContext
from cityledger.api.signin import routes as sign_in
from cityledger.api.stewards.transactions import verify_steward
from cityledger.chain.clock import ChainClock
from cityledger.chain.manifest import DeployedContract, Manifest
from cityledger.client import credentials
from cityledger.exchange.imports.runner import ImportRunner
from cityledger.exchange.rules.crosscheck import CrossCheck
from cityledger.exchange.rules.watch import RulesWatch
from cityledger.exchange.services import Services
from cityledger.exchange.stewardship import Mined, Place, Slot
from cityledger.keccak import keccak
from cityledger.profiles import registry
from cityledger.proofs.leaves import ReceiptDomain
from cityledger.proofs.merkle import Tree
from cityledger.sealing.keyring import Keyring
from cityledger.sealing.keyring_lock import DEVNET_KDF_COST, UnlockSecret
from cityledger.settings import Settings
from cityledger.store import batches, logs, node_state
from cityledger.store.batches import Batch
from cityledger.store.engine.database import Database
from cityledger.store.engine.journal import Journal
from cityledger.store.index import queries as index
from cityledger.store.index import tables as t
from cityledger.store.index import versions as history
from cityledger.store.index.terms_json import terms_to_json
from cityledger.store.objects import Objects
from cityledger.store.schema import metadata
from cityledger.store.sessions.tokens import Session, add_token
from cityledger.types import (
    NO_END,
    Address,
    AgencyId,
    AgencyStatus,
    BlockRef,
    DatasetId,
    DatasetStatus,
    Decision,
    Kem,
    LogId,
    LogKind,
    Openness,
    Purpose,
    RecordId,
    Role,
    SharingClass,
    Terms,
    purpose_from_name,
)
from support.chain.memory_heads import MemoryHeads
from support.store.databases import fresh_database_url

CHAIN_ID = 31337
START = 1_767_190_000
"""The node's time when it is made, Unix seconds."""
INSTANCE = keccak(b"instance of the tests")
ORIGIN = "http://city.test"
CODES = ("HEALTH", "LAND", "PARKING")

TREATMENT_RECORD = {
    "subjects": ["0x" + "5b" * 32],
    "parts": {
        "summary": {
            "resourceType": "Encounter",
            "id": "e1",
            "status": "finished",
            "class": {"code": "AMB"},
            "subject": {"reference": "Patient/1"},
        },
    },
}
TITLE_RECORD = {
    "subjects": [],
    "parts": {
        "title": {
            "uid": "110101-001-0007",
            "type": "apartment",
            "address": {"district": "Xicheng", "street": "Xidan North Street"},
            "area": {"value": 61.50, "unit": "m2", "kind": "officialArea"},
        },
    },
}
PARKING_RECORD = {
    "subjects": [],
    "parts": {
        "state": {
            "id": "urn:ngsi-ld:OnStreetParking:xidan-12",
            "type": "OnStreetParking",
            "location": {"type": "Point", "coordinates": [116.39, 39.90]},
            "totalSpotNumber": 24,
            "availableSpotNumber": 7,
            "observedAt": "2026-03-01T08:15:00+08:00",
        }
    },
}


class TestTime:
    """One clock for wall, monotonic and sign-in; ``pass_`` moves it and lets a block arrive."""

    __test__ = False

    def __init__(self) -> None:
        self.now = START

    def seconds(self) -> int:
        return self.now


@dataclass
class NoteSteward:
    """A desk that notes the calls and does to the index what the chain would have done."""

    node: TestNode = field(init=False)
    calls: list[tuple[Any, ...]] = field(default_factory=list)

    def grant(self, session: Session, slot: Slot, parts: int, since: int, until: int) -> Mined:
        self._note(session, "grant", slot, parts, since, until)
        self.node.grant(slot.dataset, slot.consumer, slot.purpose, parts, since=since, until=until)
        return self._mined()

    def revoke(self, session: Session, slot: Slot) -> Mined:
        self._note(session, "revoke", slot)
        self.node.revoke(slot.dataset, slot.consumer, slot.purpose)
        return self._mined()

    def restrict(self, session: Session, place: Place, *, is_restricted: bool) -> Mined:
        self._note(session, "restrict", place, is_restricted)
        self.node.restrict(place.dataset, place.record, place.consumer, is_restricted=is_restricted)
        return self._mined()

    def seal(self, session: Session, dataset: DatasetId, record: RecordId) -> Mined:
        self._note(session, "seal", dataset, record)
        self.node.seal(dataset, record)
        return self._mined()

    def _note(self, session: Session, *call: Any) -> None:
        verify_steward(session)
        self.calls.append(call)

    def _mined(self) -> Mined:
        return Mined(keccak(str(len(self.calls)).encode()), self.node.block)


@dataclass
class TestNode:
    """The node, its HTTP client, and what a test may do to the chain's index."""

    __test__ = False

    context: NodeContext
    client: TestClient
    time: TestTime
    steward: NoteSteward
    heads: MemoryHeads
    credential_keys: Mapping[str, ec.EllipticCurvePrivateKey]
    health: DatasetId
    land: DatasetId
    parking: DatasetId
    block: int = 1

    # --- callers -------------------------------------------------------------------------------------------

    def agency(self, code: str) -> AgencyId:
        return AgencyId(CODES.index(code) + 1)

    def session(self, code: str, role: str) -> Session:
        """A session as sign-in would have made it; stewards and auditors have an account on chain."""
        is_on_chain = role in ("steward", "auditor", "registrar")
        account = Address(self.account(code, role).address) if is_on_chain else None
        return Session(
            agency=self.agency(code),
            role=Role[role.upper()],
            officer=account or f"{role}-1",
            account=account,
            system="siwe" if is_on_chain else "tests",
            credential_until=self.time.now + 3_600,
            expires_at=self.time.now + 900,
            epoch=self.epoch(code),
            credential_key=None if is_on_chain else credentials.key_thumbprint(self.credential_keys[code]),
        )

    def epoch(self, code: str) -> int:
        """The agency's, as the index has it."""
        with self.context.services.database.reading() as connection:
            found = index.find_agency(connection, self.agency(code))
        assert found is not None
        return found.epoch

    def account(self, code: str, role: str) -> LocalAccount:
        """The fixed account of an on-chain officer."""
        made: LocalAccount = Account.from_key(keccak(f"{code} {role}".encode()))
        return made

    def token(self, code: str, role: str, **changes: Any) -> str:
        """A token that the node takes, without the ceremony of sign-in."""
        secret = os.urandom(32).hex()
        session = replace(self.session(code, role), **changes)
        self.context.services.journal.run(lambda c: add_token(c, secret, session, self.time.now))
        return secret

    def headers(self, code: str, role: str, purpose: str | None = "OWN_DUTY", **more: str) -> dict[str, str]:
        """Authorization and purpose for one request."""
        stated = {} if purpose is None else {"Cityledger-Purpose": purpose}
        return {"Authorization": f"Bearer {self.token(code, role)}", **stated, **more}

    # --- requests ------------------------------------------------------------------------------------------

    def url(self, dataset: DatasetId, name: str = "", tail: str = "") -> str:
        """/v1/datasets/{dataset}/records/{name}{tail}"""
        quoted = urllib.parse.quote(name, safe="")
        return f"/v1/datasets/0x{dataset.hex()}/records/{quoted}{tail}"

    def put(self, dataset: DatasetId, name: str, body: object, **headers: str) -> dict[str, Any]:
        """Writes as the provider's writer and returns the answer's body."""
        code = CODES[(self.health, self.land, self.parking).index(dataset)]
        answer = self.client.put(
            self.url(dataset, name), json=body, headers={**self.headers(code, "writer"), **headers}
        )
        assert answer.status_code in (200, 201), answer.text
        held: dict[str, Any] = answer.json()
        return held

    def assertion_form(
        self, code: str, role: str = "reader", *, proof_key: ec.EllipticCurvePrivateKey, **changes: Any
    ) -> dict[str, str]:
        """The form of ``POST /v1/token``; ``changes`` go to ``Vouched`` (or ``instance``, ``key``)."""
        said = {
            "issuer": code,
            "officer": "dr.chen",
            "role": Role[role.upper()],
            "system": "ward-3",
            "issued": self.time.now,
            "identifier": os.urandom(8).hex(),
            "life_seconds": 3_600,
            **changes,
        }
        assertion = credentials.make_assertion(
            credentials.Vouched(**{name: said[name] for name in said if name not in ("key", "instance")}),
            instance=said.get("instance", INSTANCE),
            credential_key=said.get("key", self.credential_keys[code]),
            proof_key=proof_key,
        )
        return {"grant_type": sign_in.JWT_BEARER, "assertion": assertion}

    def proof(self, proof_key: ec.EllipticCurvePrivateKey, **changes: Any) -> str:
        """A DPoP proof for ``POST /v1/token``."""
        said = {
            "url": ORIGIN + "/v1/token",
            "issued": self.time.now,
            "identifier": os.urandom(8).hex(),
            **changes,
        }
        return credentials.make_dpop_proof(proof_key, **said)

    def siwe_form(self, code: str, role: str, nonce: str, **changes: Any) -> dict[str, str]:
        """The form of ``POST /v1/token``; ``changes`` go to ``SiweStatement`` (or ``account``)."""
        account = changes.pop("account", self.account(code, role))
        said = {
            "domain": "city.test",
            "url": ORIGIN,
            "chain_id": CHAIN_ID,
            "instance": INSTANCE,
            "agency": self.agency(code),
            "nonce": nonce,
            "issued": self.time.now,
            "expires": self.time.now + 600,
            **changes,
        }
        message = credentials.make_siwe_message(credentials.SiweStatement(**said), account.address)
        signature = credentials.sign_siwe_message(message, account)
        return {"grant_type": sign_in.SIWE, "message": message, "signature": signature}

    # --- the chain -----------------------------------------------------------------------------------------

    @contextmanager
    def next_block(self) -> Iterator[tuple[sa.Connection, int]]:
        """A transaction in which a new block takes effect; the clock hears of it afterwards."""
        number = self.block + 1
        with self.context.services.database.writing() as connection:
            _add_block(connection, number, self.time.now)
            yield connection, number
        self.block = number
        self.context.services.clock.head_arrived(BlockRef(number, _block_hash(number), self.time.now))

    def pass_time(self, seconds: int) -> None:
        """Time passes and the chain goes on."""
        self.time.now += seconds
        with self.next_block():
            pass

    def grant(
        self,
        dataset: DatasetId,
        consumer: AgencyId,
        purpose: Purpose,
        parts: int,
        *,
        since: int = 0,
        until: int = NO_END,
    ) -> None:
        with self.next_block() as (connection, block):
            _put_grant(connection, block, dataset, consumer, purpose, parts, since, until)

    def revoke(self, dataset: DatasetId, consumer: AgencyId, purpose: Purpose) -> None:
        with self.next_block() as (connection, block):
            key = {"dataset": dataset, "consumer": consumer, "purpose": purpose}
            history.remove(connection, t.idx_grant, block, key)

    def restrict(
        self, dataset: DatasetId, record: RecordId, consumer: AgencyId, *, is_restricted: bool = True
    ) -> None:
        change = history.put if is_restricted else history.remove
        with self.next_block() as (connection, block):
            key = {"dataset": dataset, "record": record, "consumer": consumer}
            change(connection, t.idx_restriction, block, key)

    def seal(self, dataset: DatasetId, record: RecordId) -> None:
        with self.next_block() as (connection, block):
            history.put(connection, t.idx_seal, block, {"dataset": dataset, "record": record})

    def set_agency(self, code: str, **values: Any) -> None:
        """E.g. ``status=AgencyStatus.SUSPENDED`` or ``epoch=2``."""
        with self.next_block() as (connection, block):
            history.put(connection, t.idx_agency, block, {"agency": self.agency(code)}, **values)

    def anchor_all(self) -> None:
        """Closes every log's tail and lets the chain take it."""
        with self.next_block() as (connection, block):
            for head in logs.list_heads(connection):
                for due in batches.list_due(connection, head, self.time.now, max_age=0, max_leaves=65_536):
                    root = batches.root_of(connection, due)
                    closed = Batch(due.log, due.first, due.count, root, self.time.now)
                    batches.insert_closed(connection, closed)
                    _put_batch(connection, block, closed.log, closed.first, closed.count, closed.root)

    # --- looking inside ------------------------------------------------------------------------------------

    def row_counts(self) -> dict[str, int]:
        """Rows of every table but tokens, which each signed-in request of a test needs, and commit marks,
        which each commit on PostgreSQL leaves.
        """
        with self.context.services.database.reading() as connection:
            return {
                table.name: connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
                for table in metadata.sorted_tables
                if table.name not in ("token", "commit_mark")
            }

    def execute(self, statement: sa.Executable) -> None:
        """Changes the database behind the node's back."""
        with self.context.services.database.writing() as connection:
            connection.execute(statement)

    def client_with(self, **services: Any) -> TestClient:
        """Another client of the same node, some of whose services are others, e.g. a journal that fails."""
        context = replace(
            self.context,
            services=replace(self.context.services, **services),
            metrics=CollectorRegistry(),
        )
        return TestClient(create_app(context), base_url=ORIGIN, raise_server_exceptions=False)

    def close(self) -> None:
        self.client.close()
        self.context.services.journal.close()
        self.context.services.database.close()


def make_node(folder: Path, **settings: Any) -> TestNode:
    """A node in ``folder``; ``close`` it."""
    time = TestTime()
    services, keys = _services(folder, time, settings.get("staleness_limit_seconds", 15))
    steward, heads = NoteSteward(), MemoryHeads()
    context = NodeContext(
        services=services,
        settings=_settings(folder, services, **settings),
        manifest=_manifest(),
        now=time.seconds,
        steward=steward,
        head_mover=heads,
        imports=ImportRunner(services),
        metrics=CollectorRegistry(),
        readiness=lambda: [Check("index", True, "at the head")],
        nonce_key=b"nonces of the tests",
    )
    client = TestClient(create_app(context), base_url=ORIGIN, raise_server_exceptions=False)
    node = TestNode(
        context=context,
        client=client,
        time=time,
        steward=steward,
        heads=heads,
        credential_keys=keys,
        health=dataset_id(1, "treatment/outpatient/visits"),
        land=dataset_id(2, "registration/real-estate/titles"),
        parking=dataset_id(3, "traffic/parking/states"),
    )
    steward.node = heads.node = node
    _fill_index(node)
    node.context.services.rules_watch.check()
    return node


def dataset_id(provider: int, path: str) -> DatasetId:
    return DatasetId(keccak(INSTANCE + provider.to_bytes(4, "big") + path.encode()))


def address_of(name: str) -> Address:
    return Address(Account.from_key(keccak(name.encode())).address)


def _services(
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
        cross_check=CrossCheck(database, journal, _ask_nobody, share=0, dice=lambda: 0.5),
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


def _settings(folder: Path, services: Services, **changes: Any) -> Settings:
    held: dict[str, Any] = {
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
    return Settings(**held)


def _manifest() -> Manifest:
    names = ("CityDirectory", "AgencyRegistry", "DataCatalog", "RecordLedger", "AccessPolicy")
    return Manifest(
        chain_id=CHAIN_ID,
        instance=INSTANCE,
        commit="unknown",
        deployer=address_of("deployer"),
        loosening_delay_seconds=3_600,
        council_delay_seconds=3_600,
        council=address_of("council"),
        guard=address_of("guard"),
        contracts={name: DeployedContract(address_of(name), 1, keccak(name.encode())) for name in names},
    )


def _fill_index(node: TestNode) -> None:
    keyring = node.context.services.keyring
    with node.context.services.database.writing() as connection:
        _add_block(connection, 1, START)
        node_state.bind_instance(connection, INSTANCE)
        for name in ("ACCESS_POLICY", "RECORD_LEDGER"):
            history.put(connection, t.idx_contract, 1, {"name": name}, address=address_of(name), version=1)
        for name in ("TREATMENT", "CREDIT"):
            history.put(connection, t.idx_purpose, 1, {"purpose": purpose_from_name(name)})
        for number, code in enumerate(CODES, start=1):
            digest = keyring.agency(AgencyId(number)).sealing_key.digest
            _put_agency(connection, number, code, digest, node.credential_keys[code])
            _open_logs(connection, number, node.context.services.operator.address)
            for role in (Role.STEWARD, Role.AUDITOR, Role.REGISTRAR):
                account = node.account(code, role.name.lower()).address
                key = {"agency": number, "account": account}
                history.put(connection, t.idx_officer, 1, key, role=int(role), until=NO_END, epoch=1)
        _put_dataset(connection, node.health, 1, "treatment/outpatient/visits", "medical", 2, "TREATMENT")
        _put_dataset(connection, node.land, 2, "registration/real-estate/titles", "property", 1, "CREDIT")
        _put_dataset(connection, node.parking, 3, "traffic/parking/states", "parking", 3)
        treatment = purpose_from_name("TREATMENT")
        _put_grant(connection, 1, node.health, AgencyId(2), treatment, 0b0011, 0, NO_END)
    node.context.services.clock.head_arrived(BlockRef(1, _block_hash(1), START))


def _block_hash(number: int) -> bytes:
    return keccak(f"block {number}".encode())


def _add_block(connection: sa.Connection, number: int, time: int) -> None:
    values = {"number": number, "hash": _block_hash(number), "parent": _block_hash(number - 1), "time": time}
    connection.execute(t.block.insert().values(values))


def _put_agency(
    connection: sa.Connection, number: int, code: str, sealing: bytes, key: ec.EllipticCurvePrivateKey
) -> None:
    history.put(
        connection,
        t.idx_agency,
        1,
        {"agency": number},
        code=code,
        name=code.title(),
        local_name=code,
        endpoint=ORIGIN,
        account=address_of(code),
        sealing_key_digest=sealing,
        credential_key_digest=credentials.key_thumbprint(key),
        status=int(AgencyStatus.ACTIVE),
        epoch=1,
    )


def _open_logs(connection: sa.Connection, number: int, operator: str) -> None:
    for kind in LogKind:
        log = LogId(2 * number - 2 + kind)
        logs.open_head(connection, log, AgencyId(number), kind)
        values = {"agency": number, "kind": int(kind), "operator": operator, "next_seq": 0}
        history.put(connection, t.idx_log, 1, {"log": log}, **values, closed=False, predecessor=0)


def _put_dataset(
    connection: sa.Connection,
    dataset: DatasetId,
    provider: int,
    path: str,
    profile_name: str,
    sharing_class: int,
    *purposes: str,
) -> None:
    profile = registry.get(profile_name)
    named = tuple(sorted(purpose_from_name(name) for name in purposes))
    terms = Terms(SharingClass(sharing_class), Openness.CLOSED, False, False, named)
    history.put(
        connection,
        t.idx_dataset,
        1,
        {"dataset": dataset},
        provider=provider,
        path=path,
        title=path.rpartition("/")[2].title(),
        local_title="",
        profile=profile_name,
        part_names=json.dumps(profile.part_names),
        schema_digest=profile.schema_digest,
        retention_seconds=315_360_000,
        dispute_period_seconds=2_592_000,
        status=int(DatasetStatus.ACTIVE),
        current_terms=terms_to_json(terms),
        pending_terms=None,
        pending_since=0,
    )


def _put_grant(
    connection: sa.Connection,
    block: int,
    dataset: DatasetId,
    consumer: AgencyId,
    purpose: Purpose,
    parts: int,
    since: int,
    until: int,
) -> None:
    history.put(
        connection,
        t.idx_grant,
        block,
        {"dataset": dataset, "consumer": consumer, "purpose": purpose},
        grant_id=keccak(dataset + consumer.to_bytes(4, "big") + purpose),
        parts=parts,
        since=since,
        until=until,
        provider_epoch=1,
        consumer_epoch=1,
    )


def _put_batch(
    connection: sa.Connection, block: int, log: LogId, first: int, count: int, root: bytes
) -> None:
    key = {"log": log, "first": first}
    assert root == Tree(logs.load_hashes(connection, log, first, count)).root
    history.put(connection, t.idx_batch, block, key, size=count, root=root, tx_hash=keccak(root))
    history.put(connection, t.idx_log, block, {"log": log}, next_seq=first + count)

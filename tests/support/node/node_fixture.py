"""An honest node for one test: real SQLite, journal, keyring, exchange and API; only the chain
is written by the test.

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

import urllib.parse
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from prometheus_client import CollectorRegistry
from starlette.testclient import TestClient

from cityledger.api.application import create_app
from cityledger.api.context import Check, NodeContext
from cityledger.exchange.imports.runner import ImportRunner
from cityledger.store import node_state
from cityledger.store.index import tables as t
from cityledger.store.index import versions as history
from cityledger.store.schema import metadata
from cityledger.types import NO_END, AgencyId, BlockRef, DatasetId, Role, purpose_from_name
from support.chain.memory_heads import MemoryHeads
from support.node.callers import Callers
from support.node.chain_changes import TestTime
from support.node.chain_facts import CODES, INSTANCE, ORIGIN, START, address_of, dataset_id, make_manifest
from support.node.index_rows import add_block, block_hash, open_logs, put_agency, put_dataset, put_grant
from support.node.memory_steward import MemorySteward
from support.node.node_services import make_services, make_settings


@dataclass(kw_only=True)
class TestNode(Callers):
    """The node, its HTTP client, and what a test may do to the chain's index."""

    __test__ = False

    client: TestClient
    steward: MemorySteward
    heads: MemoryHeads
    health: DatasetId
    land: DatasetId
    parking: DatasetId

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
        body_of_answer: dict[str, Any] = answer.json()
        return body_of_answer

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
    services, credential_keys = make_services(folder, time, settings.get("staleness_limit_seconds", 15))
    steward, heads = MemorySteward(), MemoryHeads()
    context = NodeContext(
        services=services,
        settings=make_settings(folder, services, **settings),
        manifest=make_manifest(),
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
        credential_keys=credential_keys,
        health=dataset_id(1, "treatment/outpatient/visits"),
        land=dataset_id(2, "registration/real-estate/titles"),
        parking=dataset_id(3, "traffic/parking/states"),
    )
    steward.node = heads.node = node
    _fill_index(node)
    node.context.services.rules_watch.check()
    return node


def _fill_index(node: TestNode) -> None:
    keyring = node.context.services.keyring
    with node.context.services.database.writing() as connection:
        add_block(connection, 1, START)
        node_state.bind_instance(connection, INSTANCE)
        for name in ("ACCESS_POLICY", "RECORD_LEDGER"):
            history.put(connection, t.idx_contract, 1, {"name": name}, address=address_of(name), version=1)
        for name in ("TREATMENT", "CREDIT"):
            history.put(connection, t.idx_purpose, 1, {"purpose": purpose_from_name(name)})
        for number, code in enumerate(CODES, start=1):
            digest = keyring.agency(AgencyId(number)).sealing_key.digest
            put_agency(connection, number, code, digest, node.credential_keys[code])
            open_logs(connection, number, node.context.services.operator.address)
            for role in (Role.STEWARD, Role.AUDITOR, Role.REGISTRAR):
                account = node.account(code, role.name.lower()).address
                key = {"agency": number, "account": account}
                history.put(connection, t.idx_officer, 1, key, role=int(role), until=NO_END, epoch=1)
        put_dataset(connection, node.health, 1, "treatment/outpatient/visits", "medical", 2, "TREATMENT")
        put_dataset(connection, node.land, 2, "registration/real-estate/titles", "property", 1, "CREDIT")
        put_dataset(connection, node.parking, 3, "traffic/parking/states", "parking", 3)
        treatment = purpose_from_name("TREATMENT")
        put_grant(connection, 1, node.health, AgencyId(2), treatment, 0b0011, 0, NO_END)
    node.context.services.clock.head_arrived(BlockRef(1, block_hash(1), START))

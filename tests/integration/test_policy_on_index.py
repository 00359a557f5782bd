"""One rule set, two executors, on a live city: the contract at a block, and Python on that block's index."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
import sqlalchemy as sa

from cityledger.chain.clock import ChainClock
from cityledger.chain.contracts import contracts_of
from cityledger.chain.contracts.access_policy import AccessPolicy
from cityledger.chain.follower import Follower
from cityledger.demo.city import City, build_city
from cityledger.demo.datasets import DATASETS, PURPOSES
from cityledger.devnet import Devnet
from cityledger.errors import UnavailableError
from cityledger.exchange.rules.crosscheck import CrossCheck, Permitted
from cityledger.indexer.indexer import Indexer
from cityledger.policy import decide
from cityledger.store.engine.database import Database
from cityledger.store.engine.journal import Journal
from cityledger.store.engine.migrate import migrate
from cityledger.store.index import queries as index
from cityledger.store.index.queries import load_known
from cityledger.store.index.tables import INDEX_TABLES
from cityledger.types import (
    NO_AGENCY,
    NO_SUBJECT,
    OWN_DUTY,
    Action,
    Address,
    AgencyId,
    BlockRef,
    Query,
    RecordId,
    Role,
    purpose_from_name,
)

RECORDS = (RecordId(b"\x01" * 32), RecordId(b"\x02" * 32), RecordId(b"\x03" * 32))
CONSUMERS = ("health", "medical-insurance", "taxation", "transport", "urban-law-enforcement", "audit")
MANY = 400


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    folder = tmp_path_factory.mktemp("city")
    with Devnet.start(folder / "devnet") as devnet:
        yield build_city(folder, devnet, lambda *_: None)


class Indexed:
    """A database that an indexer brings to the head on demand."""

    def __init__(self, city: City, path: Path) -> None:
        self.database = Database(f"sqlite:///{path}")
        migrate(self.database)
        self.journal = Journal(self.database)
        endpoint = city.sender._endpoint
        self.indexer = Indexer(
            Follower(endpoint, city.manifest),
            self.database,
            self.journal,
            ChainClock(),
            first_block=city.manifest.first_block,
        )

    def catch_up(self) -> BlockRef:
        while self.indexer.step():
            pass
        with self.database.reading() as connection:
            cursor = index.find_cursor(connection)
        assert cursor is not None
        return cursor

    def rows(self, last: int) -> dict[str, list[tuple[object, ...]]]:
        """Index rows that began by block ``last``."""
        with self.database.reading() as connection:
            return {
                table.name: sorted(
                    tuple(row)
                    for row in connection.execute(sa.select(table).where(table.c.valid_from <= last))
                )
                for table in INDEX_TABLES
            }

    def close(self) -> None:
        self.journal.close()
        self.database.close()


@pytest.fixture
def indexed(city: City, tmp_path: Path) -> Iterator[Indexed]:
    made = Indexed(city, tmp_path / "index.db")
    yield made
    made.close()


def _queries(city: City, at: int) -> list[Query]:
    purposes = [OWN_DUTY, *map(purpose_from_name, ("EMERGENCY", "NO_SUCH_PURPOSE", *list(PURPOSES)[:6]))]
    places = product(DATASETS, CONSUMERS, purposes, RECORDS, (0, 1, 0b11, 0xFF))
    stride = 7  # every combination is too many for a test, and 7 divides none of the counts
    queries = []
    for number, (dataset, consumer, purpose, record, parts) in enumerate(places):
        if number % stride:
            continue
        on_chain = number % 2 == 0
        role = Role.STEWARD if on_chain else (Role.READER, Role.WRITER)[number % 5 == 0]
        queries.append(
            Query(
                at=at,
                action=Action(1 + number % 12),
                role=role,
                consumer=city.agencies[consumer] if number % 50 else AgencyId(999),
                officer=Address(city.account_of(consumer).address) if on_chain else None,
                credential_until=at + number % 3 - 1,
                represents=NO_AGENCY,
                dataset=city.datasets[dataset.path],
                record=record,
                subject=NO_SUBJECT,
                purpose=purpose,
                parts=parts,
            )
        )
    return queries


def _verify_equal(city: City, indexed: Indexed) -> set[int]:
    cursor = indexed.catch_up()
    queries = _queries(city, cursor.time + 1)
    with indexed.database.reading() as connection:
        ours = [decide(query, load_known(connection, query)) for query in queries]
    theirs = [
        decision
        for start in range(0, len(queries), MANY)
        for decision in city.contracts.policy.decide_many(queries[start : start + MANY], cursor)
    ]
    assert ours == theirs
    return {decision.code for decision in ours}


def test_python_decides_on_the_index_as_the_contract_does_at_that_block(city: City, indexed: Indexed) -> None:
    codes = _verify_equal(city, indexed)

    assert {11, 21, 22, 31, 32, 40, 81, 91, 120, 131} <= codes


def test_python_and_contract_agree_after_restrictions_seals_revocations_and_suspensions(
    city: City, indexed: Indexed
) -> None:
    contracts, health = contracts_of(city.sender._endpoint, city.manifest), city.account_of("health")
    dataset = city.datasets["health-services/treatment/outpatient-encounters"]
    street = city.datasets["transport/parking/on-street"]
    insurer = city.agencies["medical-insurance"]
    transport = city.account_of("transport")
    city.sender.transact_many(
        transport,
        [
            contracts.catalog.restrict(street, RECORDS[0], NO_AGENCY, is_restricted=True),
            contracts.catalog.restrict(street, RECORDS[1], insurer, is_restricted=True),
            contracts.catalog.seal_by_law(street, RECORDS[2]),
        ],
    )
    _verify_equal(city, indexed)
    city.sender.transact(
        health, contracts.catalog.revoke(dataset, insurer, purpose_from_name("INSURANCE_CLAIM"))
    )
    _verify_equal(city, indexed)


def test_cross_check_agrees_with_the_contract_and_stops_reads_when_it_does_not(
    city: City, indexed: Indexed
) -> None:
    cursor = indexed.catch_up()
    queries = tuple(_queries(city, cursor.time + 1)[:40])
    with indexed.database.reading() as connection:
        decisions = tuple(decide(query, load_known(connection, query)) for query in queries)
    policy = city.manifest.address("AccessPolicy")
    check = CrossCheck(
        indexed.database,
        indexed.journal,
        lambda address, batch, block: AccessPolicy(city.sender._endpoint, address).decide_many(batch, block),
        share=1,
        random_unit=lambda: 0.0,
    )

    check.check(Permitted(policy, cursor, queries, decisions))
    check.verify_agreed()

    other = replace(decisions[0], permit=not decisions[0].permit)
    check.check(Permitted(policy, cursor, queries, (other, *decisions[1:])))
    with pytest.raises(UnavailableError, match="disagreed"):
        check.verify_agreed()


def test_an_index_built_anew_equals_the_one_that_followed(
    city: City, indexed: Indexed, tmp_path: Path
) -> None:
    cursor = indexed.catch_up()
    fresh = Indexed(city, tmp_path / "fresh.db")
    fresh.catch_up()

    assert fresh.rows(cursor.number) == indexed.rows(cursor.number)
    fresh.close()

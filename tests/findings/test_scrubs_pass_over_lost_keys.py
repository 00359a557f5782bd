"""A scrub did not report a wrapped key lost without an erasure, nor a batch that only the chain held."""

from __future__ import annotations

import sqlalchemy as sa

from cityledger.recovery.scrub.findings import Finding
from cityledger.recovery.scrub.leaf import Grounds
from cityledger.recovery.scrub.scrub import Scrub
from cityledger.store import tables as t
from cityledger.types import Address
from support.node.chain_facts import INSTANCE
from support.node.node_fixture import TestNode
from support.node.sample_records import TREATMENT_RECORD


def _findings(node: TestNode) -> list[Finding]:
    services = node.context.services
    grounds = Grounds(
        INSTANCE, services.domain, services.keyring, services.objects, Address(services.operator.address)
    )
    return Scrub(services.database, services.journal, grounds, lambda _bytes: None).run(restart=True).findings


def test_scrub_finds_a_wrapped_key_that_no_tombstone_took(node: TestNode) -> None:
    node.put(node.health, "visit-1", TREATMENT_RECORD)
    node.put(node.health, "visit-2", TREATMENT_RECORD)
    url = node.url(node.health, "visit-2") + "?reason=duty"
    assert node.client.delete(url, headers=node.headers("HEALTH", "writer")).status_code == 200
    assert _findings(node) == []

    living = t.record_version.c.wrapped.is_not(None)
    node.execute(t.record_version.update().where(living).values(wrapped=None))

    (found,) = _findings(node)
    assert found.what == "its wrapped key is missing, and no tombstone explains it"


def test_scrub_finds_a_key_that_a_restore_had_destroyed_again(node: TestNode) -> None:
    node.put(node.health, "visit-1", TREATMENT_RECORD)
    v = t.record_version.c
    said = {"log": 1, "seq": 7, "reason": 1, "erased_at": 1, "unrecoverable_at": 1, "replayed_at": 1}
    selected = sa.select(
        *(sa.literal(value) for value in said.values()),
        sa.literal(bytes(65)),
        v.dataset,
        v.record,
        v.version,
        v.leaf_hash,
    )
    names = [*said, "signature", "dataset", "record", "version", "erased_leaf"]
    node.execute(t.replayed_tombstone.insert().from_select(names, selected))

    (found,) = _findings(node)
    assert found.what == "an erased version has a wrapped key again"


def test_scrub_finds_a_batch_that_only_the_chain_holds(node: TestNode) -> None:
    node.put(node.health, "visit-1", TREATMENT_RECORD)
    node.anchor_all()
    node.put(node.health, "visit-2", TREATMENT_RECORD)
    assert _findings(node) == []

    node.execute(t.batch.delete().where(t.batch.c.log == 1))

    (found,) = _findings(node)
    assert found.what == "no batch holds the numbers from 0 on, which the chain holds"

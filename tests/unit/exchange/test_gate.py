"""The gate under changes that fall between its steps: invariant 2, at every point between decide and send."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from cityledger.errors import (
    ConflictError,
    DeniedError,
    NotFoundError,
    StaleIndexError,
    StorageFullError,
    UnavailableError,
)
from cityledger.exchange.access import Access, Intent, Target
from cityledger.exchange.gate import pass_gate
from cityledger.exchange.read import read, read_plain
from cityledger.exchange.receipts import PresentedKey
from cityledger.exchange.services import Services
from cityledger.sealing.record_ids import record_id
from cityledger.store.receipts import StoredReceipt, list_receipts
from cityledger.store.records import versions as records
from cityledger.store.records import writes
from cityledger.store.tables import log_head
from cityledger.types import (
    Action,
    AgencyId,
    AgencyStatus,
    ErasureReason,
    HaltCause,
    Kem,
    LogKind,
    RecordId,
    purpose_from_name,
)
from support.node.node_fixture import TestNode
from support.node.sample_records import TREATMENT_RECORD

TREATMENT = purpose_from_name("TREATMENT")
INTENT = Intent(Action.READ, TREATMENT, "case 7")
BOTH_PARTS = 0b11


class JournalWithAnEvent:
    """The node's journal; after its n-th commit something happens in the city."""

    def __init__(self, services: Services, event: Callable[[], None], *, after: int = 1) -> None:
        self._journal = services.journal
        self._event, self._left = event, after

    def run(self, work: Callable[[sa.Connection], Any]) -> Any:
        result = self._journal.run(work)
        self._left -= 1
        if self._left == 0:
            self._event()
        return result


def _written(node: TestNode) -> Target:
    node.put(node.health, "visit-1", TREATMENT_RECORD)
    key = node.context.services.keys_of(AgencyId(1)).record_key(node.health)
    return Target(node.health, record_id(key, "visit-1"), parts=BOTH_PARTS)


def _services(node: TestNode, event: Callable[[], None]) -> Services:
    journal: Any = JournalWithAnEvent(node.context.services, event)
    return replace(node.context.services, journal=journal)


def _key(node: TestNode) -> PresentedKey:
    key = node.context.services.keys_of(AgencyId(2)).sealing_key
    return PresentedKey(key.kem, key.public_bytes, key.digest)


def _access(node: TestNode, target: Target) -> Access:
    return Access(node.session("LAND", "reader"), INTENT, target)


def _receipts(node: TestNode) -> list[StoredReceipt]:
    with node.context.services.database.reading() as connection:
        return list_receipts(connection, AgencyId(1), [AgencyId(1)])


def test_pass_gate_leaves_one_receipt_that_names_rule_basis_and_block(node: TestNode) -> None:
    target = _written(node)

    passed = pass_gate(node.context.services, _access(node, target), _key(node))

    (stored,) = _receipts(node)
    assert passed.receipts == (stored,)
    receipt = stored.receipt
    assert (receipt.permit, receipt.code, receipt.consumer, receipt.parts) == (True, 120, 2, BOTH_PARTS)
    assert receipt.grant_id != bytes(32)
    assert (receipt.block_number, receipt.record, receipt.version) == (node.block, target.record, 1)
    assert (receipt.kem, receipt.sealing_key_digest) == (_key(node).kem, _key(node).digest)


@pytest.mark.parametrize(
    ("event", "error"),
    [
        (lambda node: node.revoke(node.health, AgencyId(2), TREATMENT), DeniedError),
        (lambda node: node.set_agency("LAND", status=AgencyStatus.SUSPENDED), DeniedError),
        (lambda node: node.set_agency("HEALTH", status=AgencyStatus.SUSPENDED), DeniedError),
        (lambda node: node.set_agency("LAND", epoch=2), DeniedError),
        (lambda node: node.set_agency("HEALTH", epoch=2), DeniedError),
        (lambda node: _restrict(node, AgencyId(0)), NotFoundError),
        (lambda node: _restrict(node, AgencyId(2)), NotFoundError),
        (lambda node: node.seal(node.health, _record(node)), NotFoundError),
        (lambda node: _erase(node), NotFoundError),
    ],
    ids=[
        "grant revoked",
        "consumer suspended",
        "provider suspended",
        "consumer compromised",
        "provider compromised",
        "restricted for all",
        "restricted for the consumer",
        "sealed by law",
        "erased",
    ],
)
def test_pass_gate_denies_what_changed_after_its_receipts_were_durable(
    node: TestNode, event: Callable[[TestNode], None], error: type[Exception]
) -> None:
    target = _written(node)
    services = _services(node, lambda: event(node))

    with pytest.raises(error):
        read(services, _access(node, target), _key(node))

    first, second = _receipts(node)
    assert first.receipt.permit
    assert second.receipt.kem is Kem.NONE
    assert second.receipt.version == 0
    assert second.leaf.previous == first.hash


def test_pass_gate_starts_over_when_the_sealing_key_changed_and_refuses_the_old_one(node: TestNode) -> None:
    target = _written(node)
    services = _services(node, lambda: node.set_agency("LAND", sealing_key_digest=b"\x07" * 32))

    with pytest.raises(ConflictError, match="not the one that the registry holds"):
        read(services, _access(node, target), _key(node))


def test_pass_gate_refuses_a_sealing_key_that_is_not_registered_before_any_receipt(node: TestNode) -> None:
    target = _written(node)
    foreign = replace(_key(node), digest=b"\x01" * 32)

    with pytest.raises(ConflictError):
        read(node.context.services, _access(node, target), foreign)

    assert _receipts(node) == []


def test_pass_gate_stops_when_the_head_is_too_old(node: TestNode) -> None:
    target = _written(node)
    node.time.now += 16

    with pytest.raises(StaleIndexError):
        pass_gate(node.context.services, _access(node, target))

    assert _receipts(node) == []


def test_pass_gate_stops_when_the_head_grows_old_after_the_receipts(node: TestNode) -> None:
    target = _written(node)

    def wait() -> None:
        node.time.now += 16

    with pytest.raises(StaleIndexError):
        read(_services(node, wait), _access(node, target), _key(node))


def test_pass_gate_reads_nothing_while_the_receipts_log_is_halted(node: TestNode) -> None:
    target = _written(node)
    receipts = log_head.c.kind == LogKind.RECEIPTS
    node.execute(log_head.update().where(receipts).values(halted=HaltCause.CHAIN_AHEAD.value))

    with pytest.raises(UnavailableError, match="receipts log"):
        pass_gate(node.context.services, _access(node, target))


def test_pass_gate_answers_alike_for_a_hidden_and_an_absent_record(node: TestNode) -> None:
    target = _written(node)
    _restrict(node, AgencyId(2))
    answers = []
    for record in (target.record, RecordId(b"\x09" * 32)):
        with pytest.raises(NotFoundError) as refused:
            pass_gate(node.context.services, _access(node, replace(target, record=record)))
        answers.append(str(refused.value))

    assert answers[0] == answers[1]
    hidden, absent = (stored.receipt for stored in _receipts(node))
    assert (hidden.permit, hidden.code) == (False, 102)
    assert (absent.permit, absent.version) == (True, 0)


def test_pass_gate_leaves_a_receipt_for_each_subject(node: TestNode) -> None:
    subjects = ["0x" + f"{number:02x}" * 32 for number in (3, 1, 2)]
    node.put(node.health, "visit-1", {**TREATMENT_RECORD, "subjects": subjects})
    key = node.context.services.keys_of(AgencyId(1)).record_key(node.health)
    target = Target(node.health, record_id(key, "visit-1"), parts=1)

    released, opened = read_plain(node.context.services, _access(node, target))

    stored = _receipts(node)
    assert [one.receipt.subject[0] for one in stored] == [1, 2, 3]
    assert [one.leaf.read_no for one in stored] == [1, 2, 3]
    assert released.passed.receipt_digests == [one.leaf.receipt for one in stored]
    assert set(opened.payloads) == {"summary"}


def test_pass_gate_writes_no_receipt_and_passes_nobody_when_the_disk_is_full(node: TestNode) -> None:
    target = _written(node)

    class FullJournal:
        def run(self, _work: object) -> None:
            raise StorageFullError("full")

    journal: Any = FullJournal()
    services = replace(node.context.services, journal=journal)

    with pytest.raises(StorageFullError):
        read(services, _access(node, target), _key(node))
    assert _receipts(node) == []


def _record(node: TestNode) -> RecordId:
    key = node.context.services.keys_of(AgencyId(1)).record_key(node.health)
    return record_id(key, "visit-1")


def _restrict(node: TestNode, consumer: AgencyId) -> None:
    node.restrict(node.health, _record(node), consumer)


def _erase(node: TestNode) -> None:
    services = node.context.services
    when = writes.Erasure(ErasureReason.LAW, node.time.now, node.time.now)

    def work(connection: sa.Connection) -> None:
        versions = records.list_versions(connection, node.health, _record(node))
        log = versions[0].log
        writes.erase(connection, services.instance, log, versions, when)

    services.journal.run(work)

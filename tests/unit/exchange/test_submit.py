from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from cityledger.errors import (
    DeniedError,
    FieldError,
    MisdirectedError,
    NotFoundError,
    PayloadError,
    StaleVersionError,
)
from cityledger.exchange.read import read_plain
from cityledger.exchange.services import Intent, Target
from cityledger.exchange.submit import Draft, erase, submit
from cityledger.profiles.record_body import RecordBody
from cityledger.sealing.record_ids import record_id
from cityledger.store import records
from cityledger.store.receipts import list_receipts
from cityledger.store.records import StoredVersion
from cityledger.store.tables import record_version
from cityledger.types import (
    OWN_DUTY,
    Action,
    Aead,
    AgencyId,
    AgencyStatus,
    ErasureReason,
    RecordId,
)
from node_fixture import TREATMENT_RECORD, TestNode

WRITE = Intent(Action.WRITE, OWN_DUTY)
READ = Intent(Action.READ, OWN_DUTY)
SUMMARY = (
    b'{"resourceType": "Encounter", "id": "e1", "status": "finished", "class": {"code": "AMB"},'
    b' "subject": {"reference": "Patient/1"}, "length": {"value": 6.10, "unit": "h"}}'
)
BODY = RecordBody((), {"summary": SUMMARY})


def _target(node: TestNode, name: str = "visit-1") -> Target:
    key = node.context.services.keys_of(AgencyId(1)).record_key(node.health)
    return Target(node.health, record_id(key, name))


def _submit(node: TestNode, draft: Draft | None = None, code: str = "HEALTH") -> StoredVersion:
    wanted = draft or Draft(_target(node), BODY)
    return submit(node.context.services, node.session(code, "writer"), WRITE, wanted)


def _read(node: TestNode, target: Target) -> bytes:
    _, opened = read_plain(node.context.services, node.session("HEALTH", "reader"), READ, target)
    return opened.payloads["summary"]


@pytest.mark.parametrize("aead", list(Aead))
def test_submit_stores_what_a_read_gives_back_byte_for_byte(node: TestNode, aead: Aead) -> None:
    stored = _submit(node, Draft(_target(node), BODY, aead=aead))

    assert stored.version == 1
    assert _read(node, _target(node)) == SUMMARY


def test_submit_numbers_versions_and_keeps_the_old_ones(node: TestNode) -> None:
    other = RecordBody((), {"summary": SUMMARY.replace(b"finished", b"planned")})

    first, second = _submit(node), _submit(node, Draft(_target(node), other))

    assert (first.version, first.seq) == (1, 0)
    assert (second.version, second.seq) == (2, 1)
    assert _read(node, replace(_target(node), version=1)) == SUMMARY


def test_submit_refuses_a_foreign_agency_and_leaves_a_receipt(node: TestNode) -> None:
    with pytest.raises(DeniedError) as refused:
        _submit(node, code="LAND")

    assert refused.value.code == 32
    with node.context.services.database.reading() as connection:
        (stored,) = list_receipts(connection, AgencyId(1))
    assert (stored.receipt.action, stored.receipt.consumer, stored.receipt.permit) == (Action.WRITE, 2, False)


def test_submit_refuses_a_suspended_provider(node: TestNode) -> None:
    node.set_agency("HEALTH", status=AgencyStatus.SUSPENDED)

    with pytest.raises(DeniedError) as refused:
        _submit(node)

    assert refused.value.code == 11


def test_submit_numbers_nothing_when_the_provider_is_suspended_while_it_seals(
    node: TestNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = node.context.services
    run = services.journal.run

    def suspend_first(work: Any) -> Any:
        monkeypatch.setattr(services.journal, "run", run)
        node.set_agency("HEALTH", status=AgencyStatus.SUSPENDED)
        return run(work)

    monkeypatch.setattr(services.journal, "run", suspend_first)
    with pytest.raises(DeniedError):
        _submit(node)

    assert node.row_counts()["record_version"] == 0
    assert node.row_counts()["leaf"] == 0


@pytest.mark.parametrize(
    ("body", "error", "field"),
    [
        (RecordBody((), {}), PayloadError, "parts.summary"),
        (RecordBody((), {"summary": b"{}"}), PayloadError, "parts.summary"),
        (RecordBody((), {"summary": SUMMARY, "notes": b"{}"}), PayloadError, "parts.notes"),
    ],
    ids=["required part missing", "not a resource", "unknown part"],
)
def test_submit_names_the_field_that_does_not_fit_and_writes_nothing(
    node: TestNode, body: RecordBody, error: type[FieldError], field: str
) -> None:
    before = node.row_counts()

    with pytest.raises(error) as refused:
        _submit(node, Draft(_target(node), body))

    assert refused.value.field == field
    assert node.row_counts() == before


@pytest.mark.parametrize("expected", [1, 2, 7])
def test_submit_refuses_an_expected_version_that_is_not_the_newest(node: TestNode, expected: int) -> None:
    with pytest.raises(StaleVersionError):
        _submit(node, Draft(_target(node), BODY, expected=expected))

    assert node.row_counts()["record_version"] == 0


def test_submit_expecting_none_creates_once(node: TestNode) -> None:
    _submit(node, Draft(_target(node), BODY, expected=0))

    with pytest.raises(StaleVersionError):
        _submit(node, Draft(_target(node), BODY, expected=0))


def test_submit_seals_again_when_another_write_took_its_number(
    node: TestNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = node.context.services
    run = services.journal.run

    def write_first(work: Any) -> Any:
        monkeypatch.setattr(services.journal, "run", run)
        _submit(node)
        return run(work)

    monkeypatch.setattr(services.journal, "run", write_first)

    assert _submit(node).version == 2
    assert _read(node, _target(node)) == SUMMARY


def test_submit_refuses_a_provider_whose_keys_are_elsewhere(
    node: TestNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = _target(node)
    monkeypatch.setattr(node.context.services.keyring, "_agencies", {})

    with pytest.raises(MisdirectedError):
        _submit(node, Draft(target, BODY))


def test_submit_of_an_unknown_dataset_is_not_found(node: TestNode) -> None:
    with pytest.raises(NotFoundError, match="dataset"):
        _submit(node, Draft(Target(type(node.health)(b"\x01" * 32), RecordId(b"\x02" * 32)), BODY))


def test_submit_rolls_back_the_record_when_what_comes_afterwards_fails(node: TestNode) -> None:
    def fail(_connection: sa.Connection, _stored: StoredVersion) -> None:
        raise RuntimeError("after")

    with pytest.raises(RuntimeError, match="after"):
        submit(
            node.context.services, node.session("HEALTH", "writer"), WRITE, Draft(_target(node), BODY), fail
        )

    assert node.row_counts()["record_version"] == 0


def test_erase_destroys_the_key_of_every_version_and_numbers_a_tombstone_each(node: TestNode) -> None:
    node.put(node.health, "visit-1", TREATMENT_RECORD)
    node.put(node.health, "visit-1", TREATMENT_RECORD)
    services, writer = node.context.services, node.session("HEALTH", "writer")

    numbered = erase(services, writer, WRITE, _target(node), ErasureReason.SUBJECT_REQUEST)

    assert [one.seq for one in numbered] == [2, 3]
    with services.database.reading() as connection:
        assert set(connection.execute(sa.select(record_version.c.wrapped)).scalars()) == {None}
    with pytest.raises(NotFoundError):
        _read(node, _target(node))
    with pytest.raises(NotFoundError):
        erase(services, writer, WRITE, _target(node), ErasureReason.SUBJECT_REQUEST)


def test_erased_record_may_be_written_again_under_the_next_version(node: TestNode) -> None:
    _submit(node)
    services = node.context.services
    erase(services, node.session("HEALTH", "writer"), WRITE, _target(node), ErasureReason.DUTY)

    again = _submit(node, Draft(_target(node), BODY, expected=0))

    assert again.version == 2
    with services.database.reading() as connection:
        assert records.find_version(connection, node.health, _target(node).record, 1) is None

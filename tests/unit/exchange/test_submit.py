from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from cityledger.errors import (
    ConflictError,
    DeniedError,
    FieldError,
    MisdirectedError,
    NotFoundError,
    PayloadError,
    StaleVersionError,
)
from cityledger.exchange.access import Access, Intent, Target
from cityledger.exchange.parts.seal_version import Content
from cityledger.exchange.permits import Permit, request_permit
from cityledger.exchange.read import read_plain
from cityledger.exchange.submit import Draft, erase, submit, withdraw
from cityledger.exchange.turns import Turns
from cityledger.profiles import registry
from cityledger.sealing.record_ids import record_id
from cityledger.store.anchoring.logs import Numbered
from cityledger.store.receipts import list_receipts
from cityledger.store.records import versions as records
from cityledger.store.records import visible as visible_records
from cityledger.store.records.identifiers import record_identifier_digest
from cityledger.store.records.versions import StoredVersion
from cityledger.store.records.visible import Hiding
from cityledger.store.tables import record_version
from cityledger.types import (
    OWN_DUTY,
    Action,
    Aead,
    AgencyId,
    AgencyStatus,
    ErasureReason,
    RecordId,
    SubjectId,
)
from support.node.node_fixture import TestNode
from support.node.sample_records import TREATMENT_RECORD

WRITE = Intent(Action.WRITE, OWN_DUTY)
READ = Intent(Action.READ, OWN_DUTY)
SUMMARY = (
    b'{"resourceType": "Encounter", "id": "e1", "status": "finished", "class": {"code": "AMB"},'
    b' "subject": {"reference": "Patient/1"}, "length": {"value": 6.10, "unit": "h"}}'
)
BODY = Content((), {"summary": SUMMARY})
ERASE = Intent(Action.ERASE, OWN_DUTY)


def _target(node: TestNode, name: str = "visit-1") -> Target:
    key = node.context.services.keys_of(AgencyId(1)).record_key(node.health)
    return Target(node.health, record_id(key, name))


def _permit(
    node: TestNode, intent: Intent = WRITE, target: Target | None = None, code: str = "HEALTH"
) -> Permit:
    access = Access(node.session(code, "writer"), intent, target or _target(node))
    return request_permit(node.context.services, access)


def _submit(node: TestNode, draft: Draft | None = None, code: str = "HEALTH") -> StoredVersion:
    return submit(node.context.services, _permit(node, code=code), draft or Draft(BODY))


def _erase(node: TestNode, reason: ErasureReason = ErasureReason.DUTY) -> list[Numbered]:
    return erase(node.context.services, _permit(node, ERASE), reason)


def _read(node: TestNode, target: Target) -> bytes:
    access = Access(node.session("HEALTH", "reader"), READ, target)
    _, opened = read_plain(node.context.services, access)
    return opened.payloads["summary"]


@pytest.mark.parametrize("aead", list(Aead))
def test_submit_stores_what_a_read_gives_back_byte_for_byte(node: TestNode, aead: Aead) -> None:
    stored = _submit(node, Draft(BODY, aead=aead))

    assert stored.version == 1
    assert _read(node, _target(node)) == SUMMARY


def test_submit_numbers_versions_and_keeps_the_old_ones(node: TestNode) -> None:
    other = Content((), {"summary": SUMMARY.replace(b"finished", b"planned")})

    first, second = _submit(node), _submit(node, Draft(other))

    assert (first.version, first.seq) == (1, 0)
    assert (second.version, second.seq) == (2, 1)
    assert _read(node, replace(_target(node), version=1)) == SUMMARY


def test_submit_refuses_a_foreign_agency_and_leaves_a_receipt(node: TestNode) -> None:
    with pytest.raises(DeniedError) as refused:
        _submit(node, code="LAND")

    assert refused.value.code == 32
    with node.context.services.database.reading() as connection:
        (stored,) = list_receipts(connection, AgencyId(1), [AgencyId(1)])
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
    assert node.row_counts()["leaf"] == node.row_counts()["receipt"] == 1


@pytest.mark.parametrize(
    ("body", "error", "field"),
    [
        (Content((), {}), PayloadError, "parts"),
        (Content((), {"summary": b"{}"}), PayloadError, "parts.summary"),
        (Content((), {"summary": SUMMARY, "notes": b"{}"}), PayloadError, "parts.notes"),
    ],
    ids=["no part at all", "not a resource", "unknown part"],
)
def test_submit_names_the_field_that_does_not_fit_and_writes_nothing(
    node: TestNode, body: Content, error: type[FieldError], field: str
) -> None:
    before = node.row_counts()

    with pytest.raises(error) as refused:
        _submit(node, Draft(body))

    assert refused.value.field == field
    assert node.row_counts() == before


@pytest.mark.parametrize("expected", [1, 2, 7])
def test_submit_refuses_an_expected_version_that_is_not_the_newest(node: TestNode, expected: int) -> None:
    with pytest.raises(StaleVersionError):
        _submit(node, Draft(BODY, expected=expected))

    assert node.row_counts()["record_version"] == 0


def test_submit_expecting_none_creates_once(node: TestNode) -> None:
    _submit(node, Draft(BODY, expected=0))

    with pytest.raises(StaleVersionError):
        _submit(node, Draft(BODY, expected=0))


def test_submit_seals_again_when_another_write_took_its_number(
    node: TestNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = node.context.services
    another_process = replace(services, turns=Turns())
    run = services.journal.run

    def write_first(work: Any) -> Any:
        monkeypatch.setattr(services.journal, "run", run)
        submit(another_process, _permit(node), Draft(BODY))
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
        _permit(node, target=target)


def test_submit_of_an_unknown_dataset_is_not_found(node: TestNode) -> None:
    with pytest.raises(NotFoundError, match="dataset"):
        _permit(node, target=Target(type(node.health)(b"\x01" * 32), RecordId(b"\x02" * 32)))


def test_submit_rolls_back_the_record_when_what_comes_afterwards_fails(node: TestNode) -> None:
    def fail(_connection: sa.Connection, _stored: StoredVersion) -> None:
        raise RuntimeError("after")

    with pytest.raises(RuntimeError, match="after"):
        submit(node.context.services, _permit(node), Draft(BODY), fail)

    assert node.row_counts()["record_version"] == 0


def test_erase_destroys_the_key_of_every_version_and_numbers_a_tombstone_each(node: TestNode) -> None:
    node.put(node.health, "visit-1", TREATMENT_RECORD)
    node.put(node.health, "visit-1", TREATMENT_RECORD)
    services = node.context.services

    numbered = _erase(node, ErasureReason.SUBJECT_REQUEST)

    assert [one.seq for one in numbered] == [2, 3]
    with services.database.reading() as connection:
        assert set(connection.execute(sa.select(record_version.c.wrapped)).scalars()) == {None}
    with pytest.raises(NotFoundError):
        _read(node, _target(node))
    with pytest.raises(NotFoundError):
        _erase(node, ErasureReason.SUBJECT_REQUEST)


def test_erased_record_may_be_written_again_under_the_next_version(node: TestNode) -> None:
    _submit(node)
    services = node.context.services
    _erase(node)

    again = _submit(node, Draft(BODY, expected=0))

    assert again.version == 2
    with services.database.reading() as connection:
        assert records.find_version(connection, node.health, _target(node).record, 1) is None


def _withdraw(node: TestNode, expected: int | None = None) -> StoredVersion:
    return withdraw(node.context.services, _permit(node), expected)


def test_withdraw_ends_the_record_and_keeps_its_history(node: TestNode) -> None:
    body = Content((SubjectId(b"\x11" * 32),), BODY.parts)
    _submit(node, Draft(body))

    ended = _withdraw(node)

    assert (ended.version, ended.withdrawn, ended.subjects) == (2, True, body.subjects)
    with pytest.raises(NotFoundError):
        _read(node, _target(node))
    assert _read(node, replace(_target(node), version=1)) == SUMMARY


def test_withdrawn_record_answers_like_one_that_was_never_written(node: TestNode) -> None:
    _submit(node)
    _withdraw(node)
    services, reader = node.context.services, node.session("HEALTH", "reader")

    with pytest.raises(NotFoundError) as withdrawn:
        read_plain(services, Access(reader, READ, _target(node)))
    with pytest.raises(NotFoundError) as absent:
        read_plain(services, Access(reader, READ, _target(node, "never")))

    assert str(withdrawn.value) == str(absent.value)


def test_withdrawn_record_returns_as_the_next_version(node: TestNode) -> None:
    _submit(node)
    _withdraw(node)

    again = _submit(node, Draft(BODY, expected=0))

    assert (again.version, again.withdrawn) == (3, False)
    assert _read(node, _target(node)) == SUMMARY


def test_withdraw_of_what_is_not_there_is_not_found(node: TestNode) -> None:
    with pytest.raises(NotFoundError):
        _withdraw(node)
    _submit(node)
    _withdraw(node)
    with pytest.raises(NotFoundError):
        _withdraw(node)

    assert node.row_counts()["record_version"] == 2


def test_withdraw_refuses_an_expected_version_that_is_not_the_newest(node: TestNode) -> None:
    _submit(node)

    with pytest.raises(StaleVersionError):
        _withdraw(node, expected=2)

    assert _read(node, _target(node)) == SUMMARY


def test_erase_destroys_the_keys_of_a_withdrawn_record_too(node: TestNode) -> None:
    _submit(node)
    _withdraw(node)
    services = node.context.services

    numbered = _erase(node)

    assert len(numbered) == 2
    with services.database.reading() as connection:
        assert set(connection.execute(sa.select(record_version.c.wrapped)).scalars()) == {None}


def _with_profile(monkeypatch: pytest.MonkeyPatch, **hooks: Any) -> None:
    monkeypatch.setitem(registry._PROFILES, "medical", replace(registry.get("medical"), **hooks))


def test_submit_of_what_the_profile_calls_the_same_gives_the_version_that_is_there(
    node: TestNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    _with_profile(monkeypatch, is_same=lambda old, new: old == new)
    versions: list[int] = []
    first = _submit(node)

    again = submit(
        node.context.services,
        _permit(node),
        Draft(BODY),
        lambda _connection, stored: versions.append(stored.version),
    )

    assert (again, versions) == (first, [1])
    assert node.row_counts()["leaf"] == 1


def test_submit_refuses_a_state_older_than_the_newest(
    node: TestNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = {SUMMARY: datetime(2026, 3, 1, tzinfo=UTC)}
    _with_profile(
        monkeypatch,
        instant_of=lambda parts: (times.get(parts["summary"], datetime(2026, 2, 1, tzinfo=UTC)), ""),
    )
    _submit(node)
    older = Content((), {"summary": SUMMARY.replace(b"finished", b"planned")})

    with pytest.raises(ConflictError, match="older than the newest"):
        _submit(node, Draft(older))

    assert node.row_counts()["leaf"] == 1


def test_business_identifiers_find_the_newest_version_that_carries_them(
    node: TestNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    _with_profile(
        monkeypatch,
        identifiers_of=lambda parts: (("urn:visit", "V-1" if b"finished" in parts["summary"] else "V-2"),),
    )
    services, key = node.context.services, node.context.services.keys_of(AgencyId(1)).subject_key

    def found(value: str) -> list[int]:
        digest = record_identifier_digest(key, "urn:visit", value)
        with services.database.reading() as connection:
            return [
                one.version
                for one in visible_records.find_of_identifier(
                    connection, node.health, digest, Hiding(False, ()), after=None, limit=10
                )
            ]

    _submit(node)
    assert (found("V-1"), found("V-2")) == ([1], [])
    _submit(node, Draft(Content((), {"summary": SUMMARY.replace(b"finished", b"planned")})))
    assert (found("V-1"), found("V-2")) == ([], [2])
    _erase(node)
    assert found("V-2") == []
    assert node.row_counts()["record_identifier"] == 0

from __future__ import annotations

import pytest
import sqlalchemy as sa

from cityledger.errors import DeniedError, StaleVersionError
from cityledger.exchange.access import Access, Intent, Target
from cityledger.exchange.parts.own import load_newest
from cityledger.exchange.parts.seal_version import Content
from cityledger.exchange.permits import Permit, request_permit
from cityledger.exchange.submit import RowDraft, seal_rows, submit_rows
from cityledger.sealing.record_ids import record_id
from cityledger.store.records import versions as records
from cityledger.store.records.versions import StoredVersion
from cityledger.store.tables import node_state
from cityledger.types import OWN_DUTY, Action, AgencyId, AgencyStatus, RecordId
from support.node.node_fixture import TestNode

WRITE = Intent(Action.WRITE, OWN_DUTY)


def _record(node: TestNode, name: str) -> RecordId:
    return record_id(node.context.services.keys_of(AgencyId(1)).record_key(node.health), name)


def _content(number: int) -> Content:
    return Content((), {"summary": b'{"n": %d}' % number})


def _nothing(_connection: sa.Connection, _stored: object) -> None: ...


def _permit(node: TestNode) -> Permit:
    access = Access(node.session("HEALTH", "writer"), WRITE, Target(node.health))
    return request_permit(node.context.services, access)


def _submit(node: TestNode, rows: list[RowDraft], within=_nothing) -> list[StoredVersion]:  # type: ignore[no-untyped-def]
    services, permit = node.context.services, _permit(node)
    return submit_rows(services, permit, seal_rows(services, permit.dataset, rows), within)


def test_submit_rows_numbers_all_in_order_and_opens_to_what_was_written(node: TestNode) -> None:
    one, two = _record(node, "one"), _record(node, "two")
    rows = [RowDraft(one, 1, _content(1)), RowDraft(two, 1, _content(2)), RowDraft(one, 2, _content(3))]

    stored = _submit(node, rows)

    assert [(row.record, row.version, row.seq) for row in stored] == [(one, 1, 0), (two, 1, 1), (one, 2, 2)]
    services = node.context.services
    with services.database.reading() as connection:
        newest = load_newest(services, connection, AgencyId(1), node.health, [one, two])
        for row in stored:
            records.load_leaf(connection, services.instance, row)
    assert {key: dict(value.parts or {}) for key, value in newest.items()} == {
        one: {"summary": b'{"n": 3}'},
        two: {"summary": b'{"n": 2}'},
    }


def test_submit_rows_keeps_what_within_writes_in_the_same_transaction(node: TestNode) -> None:
    def note(connection: sa.Connection, stored: list[StoredVersion]) -> None:
        connection.execute(node_state.insert().values(key="cursor", value=str(len(stored))))

    _submit(node, [RowDraft(_record(node, "one"), 1, _content(1))], note)

    with node.context.services.database.reading() as connection:
        query = sa.select(node_state.c.value).where(node_state.c.key == "cursor")
        assert connection.execute(query).scalar_one() == "1"


def test_submit_rows_writes_none_when_within_fails(node: TestNode) -> None:
    def fail(_connection: sa.Connection, _stored: object) -> None:
        raise RuntimeError("within")

    with pytest.raises(RuntimeError, match="within"):
        _submit(node, [RowDraft(_record(node, "one"), 1, _content(1))], fail)

    assert node.row_counts()["leaf"] == 0


@pytest.mark.parametrize("version", [2, 3])
def test_submit_rows_writes_none_when_one_version_is_not_the_next(node: TestNode, version: int) -> None:
    rows = [
        RowDraft(_record(node, "one"), 1, _content(1)),
        RowDraft(_record(node, "two"), version, _content(2)),
    ]

    with pytest.raises(StaleVersionError):
        _submit(node, rows)

    assert node.row_counts()["leaf"] == 0


def test_submit_rows_writes_nothing_for_a_provider_suspended_meanwhile(node: TestNode) -> None:
    services, permit = node.context.services, _permit(node)
    sealed = seal_rows(services, permit.dataset, [RowDraft(_record(node, "one"), 1, _content(1))])
    node.set_agency("HEALTH", status=AgencyStatus.SUSPENDED)

    with pytest.raises(DeniedError):
        submit_rows(services, permit, sealed, _nothing)

    assert node.row_counts()["record_version"] == 0
    assert node.row_counts()["leaf"] == node.row_counts()["receipt"] == 1


def test_load_newest_tells_never_written_withdrawn_and_there_apart(node: TestNode) -> None:
    one, two, three = (_record(node, name) for name in ("one", "two", "three"))
    _submit(node, [RowDraft(one, 1, _content(1)), RowDraft(two, 1, _content(1))])
    _submit(node, [RowDraft(two, 2, Content((), {}, withdraws=True))])
    services = node.context.services

    with services.database.reading() as connection:
        newest = load_newest(services, connection, AgencyId(1), node.health, [one, two, three])

    states = {key: (value.version, value.exists) for key, value in newest.items()}
    assert states == {one: (1, True), two: (2, False), three: (0, False)}

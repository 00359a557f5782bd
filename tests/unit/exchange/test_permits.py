"""Permits, and the second decision: what was revoked since the door leaves a receipt and writes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric import ec

from cityledger.errors import DeniedError, NotFoundError, StorageFullError
from cityledger.exchange.access import Access, Intent, Target
from cityledger.exchange.decisions import Ruling, rule
from cityledger.exchange.imports.jobs import order_import, receive_import
from cityledger.exchange.imports.request import ImportRequest
from cityledger.exchange.imports.run import ImportRun
from cityledger.exchange.parts.seal_version import Content
from cityledger.exchange.parts.storage import IN_ROW_BYTES
from cityledger.exchange.permits import Permit, request_permit, write_permitted
from cityledger.exchange.submit import Draft, RowDraft, erase, seal_rows, submit, submit_rows, withdraw
from cityledger.formats.options import ImportOptions
from cityledger.sealing.record_ids import record_id
from cityledger.sealing.thumbprint import key_thumbprint
from cityledger.store.imports import JobState
from cityledger.store.receipts import StoredReceipt, list_receipts
from cityledger.store.sessions import revocations
from cityledger.store.sessions.revocations import RevocationList, Revoked
from cityledger.types import OWN_DUTY, Action, AgencyId, AgencyStatus, ErasureReason
from support.imports.import_fixture import ImportDesk, ndjson
from support.node.node_fixture import TestNode
from support.node.sample_records import TREATMENT_RECORD

HEALTH = AgencyId(1)
PARTS = {name: json.dumps(part).encode() for name, part in TREATMENT_RECORD["parts"].items()}
LONG = b'{"a": "' + b"x" * IN_ROW_BYTES + b'"}'
ROWS = ndjson([{"id": "row-1", "parts": TREATMENT_RECORD["parts"]}])

Event = Callable[[TestNode], None]
Write = Callable[[TestNode, Permit], object]


def _suspend(node: TestNode) -> None:
    node.set_agency("HEALTH", status=AgencyStatus.SUSPENDED)


def _rotate_credential_key(node: TestNode) -> None:
    digest = key_thumbprint(ec.generate_private_key(ec.SECP256R1()))
    node.set_agency("HEALTH", credential_key_digest=digest)


def _report_compromise(node: TestNode) -> None:
    node.set_agency("HEALTH", epoch=2)


def _revoke_officer(node: TestNode) -> None:
    key = key_thumbprint(node.credential_keys["HEALTH"])
    listed = RevocationList(key, "HEALTH", node.time.now, 1, (Revoked("writer-1", "tests"),), "signed")
    node.context.services.journal.run(
        lambda connection: revocations.replace_list(connection, HEALTH, listed, node.time.now)
    )


EVENTS = {
    "agency suspended": (_suspend, 11),
    "credential key rotated": (_rotate_credential_key, 22),
    "compromise reported": (_report_compromise, 22),
    "officer revoked": (_revoke_officer, 22),
}
WRITES: dict[str, tuple[Action, Write]] = {
    "submit": (
        Action.WRITE,
        lambda node, permit: submit(node.context.services, permit, Draft(Content((), PARTS))),
    ),
    "withdraw": (Action.WRITE, lambda node, permit: withdraw(node.context.services, permit)),
    "erase": (
        Action.ERASE,
        lambda node, permit: erase(node.context.services, permit, ErasureReason.DUTY),
    ),
}


def _target(node: TestNode) -> Target:
    key = node.context.services.keys_of(HEALTH).record_key(node.health)
    return Target(node.health, record_id(key, "visit-1"))


def _access(node: TestNode, action: Action = Action.WRITE, target: Target | None = None) -> Access:
    return Access(node.session("HEALTH", "writer"), Intent(action, OWN_DUTY), target or _target(node))


def _receipts(node: TestNode) -> list[StoredReceipt]:
    with node.context.services.database.reading() as connection:
        return list_receipts(connection, HEALTH, [HEALTH])


def _verify_one_denial(node: TestNode, action: Action, code: int) -> None:
    (denial,) = _receipts(node)
    receipt = denial.receipt
    assert (receipt.action, receipt.permit, receipt.code) == (action, False, code)
    assert (receipt.version, receipt.block_number) == (0, node.block)


def _written(node: TestNode) -> dict[str, int]:
    names = ("record_version", "record_part", "record_subject", "tombstone", "import_row")
    return {name: count for name, count in node.row_counts().items() if name in names}


@pytest.mark.parametrize(("event", "code"), EVENTS.values(), ids=EVENTS)
@pytest.mark.parametrize(("action", "write"), WRITES.values(), ids=WRITES)
def test_what_is_revoked_after_the_door_leaves_a_receipt_and_writes_nothing(
    node: TestNode, action: Action, write: Write, event: Event, code: int
) -> None:
    node.put(node.health, "visit-1", TREATMENT_RECORD)
    permit = request_permit(node.context.services, _access(node, action))
    before = _written(node)
    event(node)

    with pytest.raises(DeniedError) as refused:
        write(node, permit)

    assert refused.value.code == code
    _verify_one_denial(node, action, code)
    assert _written(node) == before
    assert list(node.context.services.objects.list("tombstones/")) == []


@pytest.mark.parametrize(("event", "code"), EVENTS.values(), ids=EVENTS)
def test_rows_denied_after_the_door_leave_a_receipt_and_no_object(
    node: TestNode, event: Event, code: int
) -> None:
    services = node.context.services
    permit = request_permit(services, _access(node, target=Target(node.health)))
    content = Content((), {"summary": LONG})
    sealed = seal_rows(services, permit.dataset, [RowDraft(_target(node).record, 1, content)])
    assert len(list(services.objects.list("parts/"))) == 1
    event(node)

    with pytest.raises(DeniedError):
        submit_rows(services, permit, sealed, lambda *_: pytest.fail("ran for rows that are denied"))

    _verify_one_denial(node, Action.WRITE, code)
    assert _written(node)["record_version"] == 0
    assert list(services.objects.list("parts/")) == []


@pytest.mark.parametrize(("event", "code"), EVENTS.values(), ids=EVENTS)
def test_a_file_denied_after_its_upload_leaves_a_receipt_and_no_job(
    node: TestNode, event: Event, code: int
) -> None:
    services = node.context.services
    order = order_import(
        services, _access(node, target=Target(node.health)), "ndjson", ImportRequest(ImportOptions())
    )

    def upload() -> object:
        yield ROWS
        event(node)

    with pytest.raises(DeniedError):
        receive_import(services, order, upload())  # type: ignore[arg-type]

    _verify_one_denial(node, Action.WRITE, code)
    assert node.row_counts()["import_job"] == 0
    assert list(services.objects.list("imports/")) == []


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize(("event", "code"), EVENTS.values(), ids=EVENTS)
def test_a_chunk_of_an_import_that_is_denied_leaves_one_receipt(
    node: TestNode, event: Event, code: int, dry_run: bool
) -> None:
    desk = ImportDesk.of(node, node.health)
    job = desk.send(ROWS, dry_run=dry_run)
    run = ImportRun(node.context.services, job)
    event(node)

    with pytest.raises(DeniedError):
        run.step()

    _verify_one_denial(node, Action.WRITE, code)
    assert _written(node)["record_version"] == 0
    assert desk.job(job.id).state is not JobState.DONE
    assert desk.job(job.id).cursor.rows == 0


def test_a_denial_whose_receipt_cannot_be_stored_is_not_answered_as_a_denial(node: TestNode) -> None:
    services = node.context.services
    permit = request_permit(services, _access(node))
    _suspend(node)

    class FullJournal:
        def run(self, work: Callable[[sa.Connection], object]) -> object:
            def failing(connection: sa.Connection) -> None:
                work(connection)
                raise StorageFullError("full")

            return services.journal.run(failing)

    full = replace(services, journal=FullJournal())  # type: ignore[arg-type]
    with pytest.raises(StorageFullError):
        submit(full, permit, Draft(Content((), PARTS)))

    assert _receipts(node) == []
    assert _written(node)["record_version"] == 0


def test_a_denial_in_the_transaction_is_counted_by_what_is_disclosed(node: TestNode) -> None:
    services = node.context.services
    permit = request_permit(services, _access(node))
    _suspend(node)
    with pytest.raises(DeniedError):
        write_permitted(services, permit, lambda *_: pytest.fail("ran for a denied write"))

    labels = {"action": "write", "outcome": "denied"}
    assert services.instruments.registry.get_sample_value("cityledger_decisions_total", labels) == 1


def test_request_permit_refuses_a_foreign_agency_and_leaves_a_receipt(node: TestNode) -> None:
    access = replace(_access(node), session=node.session("LAND", "writer"))

    with pytest.raises(DeniedError) as refused:
        request_permit(node.context.services, access)

    assert refused.value.code == 32
    (denial,) = _receipts(node)
    assert (denial.receipt.consumer, denial.receipt.permit) == (2, False)


def test_request_permit_of_an_unknown_dataset_is_not_found(node: TestNode) -> None:
    with pytest.raises(NotFoundError, match="dataset"):
        request_permit(node.context.services, _access(node, target=Target(type(node.health)(b"\x01" * 32))))


def test_a_ruling_that_denies_makes_no_permit(node: TestNode) -> None:
    access = replace(_access(node), session=node.session("LAND", "writer"))

    with pytest.raises(ValueError, match="permits this very access"):
        Permit(access, rule(node.context.services, access))


@pytest.mark.parametrize(
    "change",
    [
        lambda node, access: access.of(Target(node.land)),
        lambda node, access: access.of(
            replace(access.target, record=type(access.target.record)(b"\x05" * 32))
        ),
        lambda node, access: access.to(Action.ERASE),
        lambda node, access: replace(access, session=node.session("LAND", "writer")),
    ],
    ids=["another dataset", "another record", "another action", "another agency"],
)
def test_the_ruling_on_another_access_makes_no_permit(
    node: TestNode, change: Callable[[TestNode, Access], Access]
) -> None:
    access = _access(node)
    ruling: Ruling = rule(node.context.services, access)

    with pytest.raises(ValueError, match="permits this very access"):
        Permit(change(node, access), ruling)


@pytest.mark.parametrize(("action", "write"), WRITES.values(), ids=WRITES)
def test_a_permit_for_another_action_writes_nothing(node: TestNode, action: Action, write: Write) -> None:
    node.put(node.health, "visit-1", TREATMENT_RECORD)
    other = Action.WRITE if action is Action.ERASE else Action.ERASE
    permit = request_permit(node.context.services, _access(node, other))
    before = node.row_counts()

    with pytest.raises(ValueError, match="does not permit"):
        write(node, permit)

    assert node.row_counts() == before

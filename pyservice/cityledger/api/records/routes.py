"""Routes that write, read and erase records."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from cityledger.api.caller import Caller, Node
from cityledger.api.context import NodeContext
from cityledger.api.http.headers import ContextInHeaders, IdempotencyKey, IfMatch, answer_headers, etag
from cityledger.api.http.negotiation import Wanted
from cityledger.api.http.shapes import hex_of
from cityledger.api.paths import (
    DatasetInPath,
    PartsInQuery,
    RecordInPath,
    VersionInQuery,
    split_parts,
    target_of,
)
from cityledger.api.records.fhir import is_fhir_wanted
from cityledger.api.records.put import WriteOptions, receive_record
from cityledger.api.records.releases import ReleaseRequest, ReleaseView, presented_key, release_view
from cityledger.api.records.wire import (
    RECORD_ANSWER,
    RECORD_BODY,
    Erased,
    RecordView,
    Written,
    record_bytes,
    tombstone_place,
    written,
)
from cityledger.api.strict_requests import FHIR, JSON, BodyType, RecordRoute, StrictRoute
from cityledger.exchange.access import Access, Intent
from cityledger.exchange.permits import Permit, request_permit
from cityledger.exchange.read import read, read_plain
from cityledger.exchange.submit import erase, withdraw
from cityledger.formats.fhir_record import write_record
from cityledger.store.sessions.tokens import Session
from cityledger.types import Action, ErasureReason

RECORD = "/v1/datasets/{dataset}/records/{id}"
_REASONS = {
    "duty": ErasureReason.DUTY,
    "subject-request": ErasureReason.SUBJECT_REQUEST,
    "law": ErasureReason.LAW,
    "written-in-error": ErasureReason.WRITTEN_IN_ERROR,
}

router = APIRouter(route_class=StrictRoute, tags=["records"])
writes = APIRouter(route_class=RecordRoute, tags=["records"])
ErasureReasonInQuery = Annotated[
    Literal["duty", "subject-request", "law", "written-in-error"], Query(alias="reason")
]


@writes.put(
    RECORD,
    openapi_extra={"requestBody": RECORD_BODY},
    responses={201: {"model": Written, "description": "The first version"}},
)
async def put_record(
    node: Node,
    session: Caller,
    dataset: DatasetInPath,
    name: RecordInPath,
    context: ContextInHeaders,
    condition: IfMatch,
    key: IdempotencyKey,
    body_type: BodyType,
    request: Request,
    response: Response,
) -> Written:
    """Writes the next version of a record. Answers once it is durable and numbered.

    Binary parts are sent in a multipart body: first the record as JSON, named `record`, then each binary part
    under its name; they are sealed while they arrive, and may be long.

    A medical record may also be sent as FHIR: one resource, or a Bundle of type `collection` whose resources
    become the parts of their types, and whose patients become its subjects.
    """
    # Before a byte of a long body is received: a caller who may not write sends nothing in vain.
    permit = await run_in_threadpool(_permit, node, session, context.to(Action.WRITE), dataset, name)
    answer = await receive_record(node, permit, WriteOptions(condition.expected, key), request, body_type)
    response.status_code = 201 if answer.version == 1 else 200
    response.headers["ETag"] = etag(answer.version)
    return answer


@router.get(RECORD, response_model=RecordView, responses=RECORD_ANSWER)
def get_record(
    node: Node,
    session: Caller,
    dataset: DatasetInPath,
    name: RecordInPath,
    context: ContextInHeaders,
    wanted: Wanted,
    version: VersionInQuery = None,
    parts: PartsInQuery = None,
) -> Response:
    """The record in plain JSON, opened by the caller's own node after its receipts are durable.

    With `Accept: application/fhir+json` a medical record is returned as its resources: a single one as it was
    written, otherwise a Bundle of type `collection`.
    """
    target = target_of(node, dataset, name, version, split_parts(parts))
    as_fhir = is_fhir_wanted(node, target.dataset, wanted)
    access = Access(session, context.to(Action.READ), target)
    released, opened = read_plain(node.services, access)
    headers = answer_headers(released.passed, released.release.leaf.version)
    body = write_record(opened.payloads) if as_fhir else record_bytes(released, opened)
    return Response(body, headers=headers, media_type=FHIR if as_fhir else JSON)


@router.delete(RECORD)
def delete_record(
    node: Node,
    session: Caller,
    dataset: DatasetInPath,
    name: RecordInPath,
    context: ContextInHeaders,
    reason: ErasureReasonInQuery,
) -> Erased:
    """Destroys the keys of every version of a record, and numbers a tombstone for each. A record that is
    sealed by law is kept: 403 `denied` with `ruleCode` 41, until the council lifts the seal."""
    permit = _permit(node, session, context.to(Action.ERASE), dataset, name)
    numbered = erase(node.services, permit, _REASONS[reason])
    places = [tombstone_place(one) for one in numbered]
    target = permit.target
    return Erased(dataset=hex_of(target.dataset), record=hex_of(target.record), tombstones=places)


@router.post(RECORD + "/withdraw")
def withdraw_record(
    node: Node,
    session: Caller,
    dataset: DatasetInPath,
    name: RecordInPath,
    context: ContextInHeaders,
    condition: IfMatch,
    response: Response,
) -> Written:
    """Ends a record by a version without parts. Its history remains, and a later write restores the
    record."""
    permit = _permit(node, session, context.to(Action.WRITE), dataset, name)
    answer = written(withdraw(node.services, permit, condition.expected))
    response.headers["ETag"] = etag(answer.version)
    return answer


@router.post(RECORD + "/release")
def release_record(
    node: Node,
    session: Caller,
    dataset: DatasetInPath,
    name: RecordInPath,
    context: ContextInHeaders,
    request: ReleaseRequest,
    response: Response,
) -> ReleaseView:
    """The ciphertext of a record, and its keys sealed to the consumer's sealing key; the consumer opens
    it."""
    target = target_of(node, dataset, name, request.version, request.parts)
    access = Access(session, context.to(Action.RELEASE), target)
    released = read(node.services, access, presented_key(request))
    response.headers.update(answer_headers(released.passed, released.release.leaf.version))
    return release_view(released)


def _permit(node: NodeContext, session: Session, intent: Intent, dataset: str, name: str) -> Permit:
    return request_permit(node.services, Access(session, intent, target_of(node, dataset, name)))


router.include_router(writes)

"""Writing, reading and erasing records."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Response

from cityledger.api.caller import Caller, Node
from cityledger.api.headers import IdempotencyKey, IfMatch, Stated, answer_headers, etag
from cityledger.api.places import (
    DatasetInPath,
    PartsInQuery,
    RecordInPath,
    VersionInQuery,
    split_parts,
    target_of,
)
from cityledger.api.releasing import presented_key
from cityledger.api.strict_requests import JSON, StrictRoute, raw_body
from cityledger.api.wire.records import (
    RECORD_BODY,
    AskRelease,
    Erased,
    RecordView,
    ReleaseView,
    Written,
    record_bytes,
    release_view,
    tombstone_place,
)
from cityledger.api.wire.shapes import hex_of
from cityledger.api.writing import Repeatable, request_digest, write_once
from cityledger.exchange.read import read, read_plain
from cityledger.exchange.submit import Draft, erase
from cityledger.profiles.record_body import parse_body
from cityledger.types import Action, ErasureReason

RECORD = "/v1/datasets/{dataset}/records/{id}"
_REASONS = {
    "duty": ErasureReason.DUTY,
    "subject-request": ErasureReason.SUBJECT_REQUEST,
    "law": ErasureReason.LAW,
    "written-in-error": ErasureReason.WRITTEN_IN_ERROR,
}

router = APIRouter(route_class=StrictRoute, tags=["records"])
RawBody = Annotated[bytes, Depends(raw_body)]
Why = Annotated[Literal["duty", "subject-request", "law", "written-in-error"], Query(alias="reason")]


@router.put(
    RECORD,
    openapi_extra={"requestBody": RECORD_BODY},
    responses={201: {"model": Written, "description": "The first version"}},
)
def put_record(
    node: Node,
    session: Caller,
    dataset: DatasetInPath,
    name: RecordInPath,
    reason: Stated,
    condition: IfMatch,
    key: IdempotencyKey,
    body: RawBody,
    response: Response,
) -> Written:
    """Writes the next version. Returns once it is durable and numbered."""
    intent = reason.to(Action.WRITE)
    content = parse_body(body, max_bytes=node.settings.body_limit_bytes)
    draft = Draft(target_of(node, dataset, name), content, condition.expected)
    repeatable = None if key is None else Repeatable(key, request_digest(intent, draft, session, body))
    answer = write_once(node, session, intent, draft, repeatable)
    response.status_code = 201 if answer.version == 1 else 200
    response.headers["ETag"] = etag(answer.version)
    return answer


@router.get(RECORD, response_model=RecordView)
def get_record(
    node: Node,
    session: Caller,
    dataset: DatasetInPath,
    name: RecordInPath,
    reason: Stated,
    version: VersionInQuery = None,
    parts: PartsInQuery = None,
) -> Response:
    """The record in plain JSON, opened by the caller's own node after its receipts are durable."""
    target = target_of(node, dataset, name, version, split_parts(parts))
    released, opened = read_plain(node.services, session, reason.to(Action.READ), target)
    headers = answer_headers(released.passed, released.release.leaf.version)
    return Response(record_bytes(released, opened), headers=headers, media_type=JSON)


@router.delete(RECORD)
def delete_record(
    node: Node, session: Caller, dataset: DatasetInPath, name: RecordInPath, reason: Stated, why: Why
) -> Erased:
    """Destroys the keys of every version, and numbers a tombstone for each."""
    target = target_of(node, dataset, name)
    numbered = erase(node.services, session, reason.to(Action.WRITE), target, _REASONS[why])
    places = [tombstone_place(one) for one in numbered]
    return Erased(dataset=hex_of(target.dataset), record=hex_of(target.record), tombstones=places)


@router.post(RECORD + "/release")
def release_record(
    node: Node,
    session: Caller,
    dataset: DatasetInPath,
    name: RecordInPath,
    reason: Stated,
    asked: AskRelease,
    response: Response,
) -> ReleaseView:
    """The ciphertext, and its keys sealed to the consumer's sealing key, to open on the consumer's side."""
    target = target_of(node, dataset, name, asked.version, asked.parts)
    released = read(node.services, session, reason.to(Action.RELEASE), target, presented_key(asked))
    response.headers.update(answer_headers(released.passed, released.release.leaf.version))
    return release_view(released)

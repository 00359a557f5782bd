"""Reads that release no key: find, check, resolve, history and proof."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from cityledger.api.caller import Caller, Node
from cityledger.api.directory.routes import After, PageLimit
from cityledger.api.http.headers import ContextInHeaders, answer_headers
from cityledger.api.http.paging import read_key_cursor
from cityledger.api.http.shapes import hex_of
from cityledger.api.lookups.find import find_records, is_any_found, read_record_cursor, write_record_cursor
from cityledger.api.lookups.proofs import erasure_answer, proof_answer
from cityledger.api.lookups.wire import (
    Checked,
    FindRequest,
    Found,
    History,
    Resolved,
    ResolveRequest,
    found_record,
    history_view,
)
from cityledger.api.paths import DatasetInPath, RecordInPath, VersionInQuery, dataset_of, target_of
from cityledger.api.records.routes import RECORD
from cityledger.api.strict_requests import StrictRoute
from cityledger.exchange.access import Access, Target
from cityledger.exchange.lookup import history, resolve_subject
from cityledger.formats.rows import Identifier
from cityledger.types import Action

Openings = Annotated[bool, Query(description="Add the openings of the parts that the caller may read.")]
HistoryLimit = Annotated[int, Query(ge=1, le=1000)]
router = APIRouter(route_class=StrictRoute, tags=["lookups"])


@router.post("/v1/datasets/{dataset}/records/find")
def find(
    node: Node,
    session: Caller,
    dataset: DatasetInPath,
    context: ContextInHeaders,
    request: FindRequest,
    response: Response,
    after: After = None,
    limit: PageLimit = 100,
) -> Found:
    """The newest versions of a subject's records, of one record, or of the records that carry an identifier,
    as far as the caller may know of them. `next` continues the list, null at its end; each page is a separate
    request, with receipts.
    """
    last, intent = read_record_cursor(after), context.to(Action.LOOKUP)
    passed, page = find_records(node, session, intent, dataset, request, after=last, limit=limit)
    response.headers.update({} if passed is None else answer_headers(passed))
    following = write_record_cursor(page.after)
    return Found(
        dataset=dataset, records=[found_record(version) for version in page.versions], next=following
    )


@router.post("/v1/datasets/{dataset}/records/check")
def check(
    node: Node,
    session: Caller,
    dataset: DatasetInPath,
    context: ContextInHeaders,
    request: FindRequest,
    response: Response,
) -> Checked:
    """Whether such a record exists, as far as the caller may know; the search ends at the first."""
    passed, is_found = is_any_found(node, session, context.to(Action.CHECK), dataset, request)
    response.headers.update({} if passed is None else answer_headers(passed))
    return Checked(dataset=dataset, found=is_found)


@router.post("/v1/subjects/resolve")
def resolve(
    node: Node, session: Caller, context: ContextInHeaders, request: ResolveRequest, response: Response
) -> Resolved:
    """The provider's pseudonym of a person or thing. For the provider, a new one is made where there is
    none."""
    access = Access(session, context.to(Action.LOOKUP), Target(dataset_of(request.dataset)))
    passed, subject = resolve_subject(node.services, access, Identifier(request.system, request.value))
    response.headers.update(answer_headers(passed))
    return Resolved(dataset=request.dataset, subject=None if subject is None else hex_of(subject))


@router.get(RECORD + "/history")
def record_history(
    node: Node,
    session: Caller,
    dataset: DatasetInPath,
    name: RecordInPath,
    context: ContextInHeaders,
    response: Response,
    after: After = None,
    limit: HistoryLimit = 1_000,
) -> History:
    """The versions with the state of their batches, oldest first, and which of them is the head. `next`
    continues the list, null at its end; each page is a separate request, with a receipt."""
    target = target_of(node, dataset, name)
    last = int.from_bytes(read_key_cursor(after, 4) or b"")
    access = Access(session, context.to(Action.HISTORY), target)
    passed, page = history(node.services, access, after=last, limit=limit)
    response.headers.update(answer_headers(passed))
    return history_view(target, page)


@router.get(RECORD + "/proof", responses={200: {"description": "A proof file (SPEC.md §7)"}})
def record_proof(
    node: Node,
    session: Caller,
    dataset: DatasetInPath,
    name: RecordInPath,
    context: ContextInHeaders,
    version: VersionInQuery = None,
    openings: Openings = False,
) -> Response:
    """A file that proves offline that this version was anchored.

    For an erased version, the header `Link` names the path of its tombstone's proof file.

    With `openings=true` a holder of a payload can check the payload with the file too. That is a read of the
    parts that the caller may read, and also leaves the receipts of a read.
    """
    access = Access(session, context.to(Action.PROOF), target_of(node, dataset, name, version))
    return proof_answer(node, access, with_openings=openings)


@router.get(RECORD + "/tombstone", responses={200: {"description": "A proof file (SPEC.md §7)"}})
def tombstone_proof(
    node: Node,
    session: Caller,
    dataset: DatasetInPath,
    name: RecordInPath,
    context: ContextInHeaders,
    version: VersionInQuery = None,
) -> Response:
    """A file that proves offline, together with the version's own proof file, that this version was erased.

    For the provider only: to other callers an erased record looks like an absent one.
    """
    access = Access(session, context.to(Action.PROOF), target_of(node, dataset, name, version))
    return erasure_answer(node, access)

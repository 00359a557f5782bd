"""Routes of imports: a file is sent whole and imported in the background; its rows are reported."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from cityledger.api.caller import Caller, Node
from cityledger.api.http.headers import ContextInHeaders
from cityledger.api.http.pace import Pace
from cityledger.api.imports.requests import (
    FormatInQuery,
    find_import,
    import_options,
    page_of_imports,
    page_of_rows,
    receive_file,
)
from cityledger.api.imports.wire import IMPORT_BODY, ImportRows, Imports, ImportView
from cityledger.api.paths import DatasetInPath, dataset_of
from cityledger.api.strict_requests import FileRoute, StrictRoute
from cityledger.exchange.access import Access, Target
from cityledger.exchange.imports.jobs import order_import
from cityledger.exchange.imports.request import ImportRequest
from cityledger.store.imports import Verdict
from cityledger.types import Action

IMPORT = "/v1/imports/{import}"

router = APIRouter(route_class=StrictRoute, tags=["imports"])
uploads = APIRouter(route_class=FileRoute, tags=["imports"])
Options = Annotated[ImportRequest, Depends(import_options)]
ImportInPath = Annotated[str, Path(alias="import", pattern="^[0-9a-f]{32}$", examples=["5b" * 16])]
After = Annotated[str | None, Query(max_length=64, description="`next` of the previous page")]
Limit = Annotated[int, Query(ge=1, le=1000)]
VerdictInQuery = Annotated[Literal["rejected", "flagged", "duplicate"], Query(alias="verdict")]


@uploads.post(
    "/v1/datasets/{dataset}/imports",
    status_code=202,
    openapi_extra={"requestBody": IMPORT_BODY},
    responses={
        200: {"model": ImportView, "description": "The file is being imported already, or this is a repeat"}
    },
)
async def start_import(
    node: Node,
    session: Caller,
    dataset: DatasetInPath,
    context: ContextInHeaders,
    format_: FormatInQuery,
    options: Options,
    request: Request,
    response: Response,
) -> ImportView:
    """Accepts a file, and imports it in the background. A file whose import waits, runs or had stopped
    continues where it is. A file that was imported before is imported again if the dataset was written to
    since; otherwise this is a repeat, which writes nothing."""
    access = Access(session, context.to(Action.WRITE), Target(dataset_of(dataset)))
    order = await run_in_threadpool(order_import, node.services, access, format_, options)
    take = partial(receive_file, node, order)
    answer, is_new = await node.uploads.receive(
        request, session.agency, node.settings.import_limit_bytes, Pace.of(node.settings), take
    )
    response.status_code = 202 if is_new else 200
    response.headers["Location"] = IMPORT.replace("{import}", answer.id)
    return answer


@router.get("/v1/imports")
def imports(node: Node, session: Caller, after: After = None, limit: Limit = 100) -> Imports:
    """The imports of the caller's agency, newest first. `next` continues the list, null at its end."""
    return page_of_imports(node, session, after, limit)


@router.get(IMPORT)
def one_import(node: Node, session: Caller, id_: ImportInPath, response: Response) -> ImportView:
    """The progress of an import, and the outcomes of its rows so far."""
    response.headers["Cache-Control"] = "no-store"
    return find_import(node, session, id_)


@router.get(IMPORT + "/rows")
def import_rows(
    node: Node,
    session: Caller,
    id_: ImportInPath,
    verdict: VerdictInQuery,
    after: After = None,
    limit: Limit = 100,
) -> ImportRows:
    """The rows of an import that were rejected, flagged, or dropped as duplicates, in the order of the
    file."""
    return page_of_rows(node, session, id_, Verdict[verdict.upper()], after, limit)


@router.get(IMPORT + "/errors")
def import_errors(
    node: Node, session: Caller, id_: ImportInPath, after: After = None, limit: Limit = 100
) -> ImportRows:
    """The rejected rows of an import with field and reason: `rows` with the verdict `rejected`."""
    return page_of_rows(node, session, id_, Verdict.REJECTED, after, limit)

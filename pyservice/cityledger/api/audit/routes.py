"""Routes of the receipts in which the caller's agency takes part."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from cityledger.api.audit.reads import page_of_reads, proof_of_read
from cityledger.api.audit.wire import Reads
from cityledger.api.caller import Caller, Node
from cityledger.api.http.shapes import HEX32_PATTERN
from cityledger.api.strict_requests import JSON, StrictRoute

router = APIRouter(route_class=StrictRoute, tags=["audit"])
Digest = Annotated[str, Path(alias="digest", pattern=HEX32_PATTERN, examples=["0x" + "3c" * 32])]
After = Annotated[str | None, Query(max_length=64, description="`next` of the previous page")]
Limit = Annotated[int, Query(ge=1, le=1000)]


@router.get("/v1/reads")
def reads(node: Node, session: Caller, response: Response, after: After = None, limit: Limit = 100) -> Reads:
    """The reads of the agency's records and the reads by the agency, oldest first within each log."""
    response.headers["Cache-Control"] = "no-store"
    return page_of_reads(node, session, after, limit)


@router.get("/v1/reads/{digest}/proof", responses={200: {"description": "A proof file (SPEC.md §7)"}})
def read_proof(node: Node, session: Caller, digest: Digest) -> Response:
    """A file that shows offline that a receipt was numbered and anchored."""
    return Response(proof_of_read(node, session, digest), media_type=JSON)

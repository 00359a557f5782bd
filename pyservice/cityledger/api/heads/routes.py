"""Route that moves a record's head on chain."""

from __future__ import annotations

from fastapi import APIRouter

from cityledger.api.caller import Caller, Node
from cityledger.api.heads.wire import HeadRequest, HeadView, head_view
from cityledger.api.http.headers import ContextInHeaders
from cityledger.api.paths import DatasetInPath, RecordInPath, target_of
from cityledger.api.records.routes import RECORD
from cityledger.api.strict_requests import StrictRoute
from cityledger.exchange import heads
from cityledger.exchange.access import Access
from cityledger.exchange.permits import request_permit
from cityledger.types import Action

router = APIRouter(route_class=StrictRoute, tags=["records"])


@router.post(RECORD + "/head")
def move_head(
    node: Node,
    session: Caller,
    dataset: DatasetInPath,
    name: RecordInPath,
    context: ContextInHeaders,
    request: HeadRequest,
) -> HeadView:
    """Moves the record's head on chain to its newest version, which must be mined. Of two versions that
    follow the same one, only one can become the head. Answers once the move is mined.
    """
    access = Access(session, context.to(Action.WRITE), target_of(node, dataset, name))
    permit = request_permit(node.services, access)
    return head_view(heads.move_head(node.services, node.head_mover, permit, request.expected_version))

"""Route of a decision requested in advance."""

from __future__ import annotations

from fastapi import APIRouter

from cityledger.api.caller import Caller, Node
from cityledger.api.http.headers import ContextInHeaders
from cityledger.api.stewards.decisions import decide_in_advance
from cityledger.api.stewards.wire import DecisionRequest, DecisionView
from cityledger.api.strict_requests import StrictRoute

router = APIRouter(route_class=StrictRoute, tags=["rules"])


@router.post("/v1/decisions")
def decision(
    node: Node, session: Caller, context: ContextInHeaders, request: DecisionRequest
) -> DecisionView:
    """The decision that the rules would make on the caller's request for a dataset. It is about no record,
    and leaves no receipt."""
    return decide_in_advance(node, session, context, request)

"""A decision asked for in advance."""

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
    """What the rules would say to the caller about a dataset. No receipt, and nothing about records."""
    return decide_in_advance(node, session, context, request)

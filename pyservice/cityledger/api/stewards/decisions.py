"""The dry run: the rules about a dataset, for the caller only."""

from __future__ import annotations

from cityledger.api.context import NodeContext
from cityledger.api.http.headers import AccessContext
from cityledger.api.http.shapes import hex_of
from cityledger.api.paths import dataset_of, get_dataset, parts_mask
from cityledger.api.stewards.wire import DecisionRequest, DecisionView, action_of
from cityledger.exchange.access import Access, Target
from cityledger.exchange.decisions import rule
from cityledger.policy.disclosure import disclosed_code
from cityledger.policy.rules import explain
from cityledger.store.sessions.tokens import Session
from cityledger.types import ZERO32


def decide_in_advance(
    node: NodeContext, session: Session, context: AccessContext, request: DecisionRequest
) -> DecisionView:
    """The decision of the rules about no particular record, so that no receipt is required and nothing hidden
    is disclosed.

    Raises:
        StaleIndexError: the index is too old to decide.
        NotFoundError: no such dataset.
        FieldError: a part is not of this dataset.
    """
    dataset = get_dataset(node, dataset_of(request.dataset))
    mask = None if request.parts is None else parts_mask(dataset, request.parts)
    access = Access(session, context.to(action_of(request.action)), Target(dataset.dataset, parts=mask))
    ruling = rule(node.services, access)
    deciding = ruling.deciding
    code = deciding.code if deciding.permit else disclosed_code(deciding.facts)
    return DecisionView(
        permit=deciding.permit,
        code=code,
        rule=None if code is None else code // 10,
        reason=None if code is None else explain(code),
        basis=None if deciding.grant_id == ZERO32 else hex_of(deciding.grant_id),
        block=str(ruling.block.number),
        at=ruling.at,
    )

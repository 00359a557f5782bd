"""Routes of a steward's calls on chain through the node: restrict and seal records, grant and revoke."""

from __future__ import annotations

from fastapi import APIRouter, Query

from cityledger.api.caller import Caller, Node
from cityledger.api.directory.routes import After, PageLimit
from cityledger.api.http.shapes import HEX32_PATTERN, hex_of
from cityledger.api.paths import DatasetInPath, RecordInPath, dataset_of, target_of
from cityledger.api.records.routes import RECORD
from cityledger.api.records.wire import MinedView, RestrictionRequest
from cityledger.api.stewards.grants import get_own_dataset, make_grant, page_of_grants
from cityledger.api.stewards.wire import GrantRequest, Grants, SlotRequest
from cityledger.api.strict_requests import StrictRoute
from cityledger.exchange.stewardship import Mined, Place, Slot
from cityledger.types import AgencyId, purpose_from_name

router = APIRouter(route_class=StrictRoute, tags=["stewards"])


@router.post(RECORD + "/restrict")
def restrict(
    node: Node, session: Caller, dataset: DatasetInPath, name: RecordInPath, request: RestrictionRequest
) -> MinedView:
    """Restricts a record for one consumer or for all, or lifts the restriction. Answers once it is mined."""
    get_own_dataset(node, session, dataset)
    target = target_of(node, dataset, name)
    place = Place(target.dataset, target.record, AgencyId(request.consumer or 0))
    return _view(node.steward.restrict(session, place, is_restricted=request.restricted))


@router.post(RECORD + "/seal")
def seal(node: Node, session: Caller, dataset: DatasetInPath, name: RecordInPath) -> MinedView:
    """Seals a record by law. Only the council can lift the seal, on chain. Answers once it is mined."""
    get_own_dataset(node, session, dataset)
    target = target_of(node, dataset, name)
    return _view(node.steward.seal(session, target.dataset, target.record))


@router.get("/v1/grants")
def grants(
    node: Node,
    session: Caller,
    dataset: str | None = Query(None, pattern=HEX32_PATTERN),
    after: After = None,
    limit: PageLimit = 100,
) -> Grants:
    """The grants that the caller's agency made or has, live or not. `next` continues the list."""
    only = None if dataset is None else dataset_of(dataset)
    return page_of_grants(node, session, only, after, limit)


@router.post("/v1/grants")
def grant(node: Node, session: Caller, request: GrantRequest) -> MinedView:
    """Sets the grant of a dataset to a consumer for a purpose, and replaces an earlier one. Answers once it
    is mined."""
    return _view(make_grant(node, session, request))


@router.post("/v1/grants/revoke")
def revoke(node: Node, session: Caller, request: SlotRequest) -> MinedView:
    """Removes the grant of a dataset to a consumer for a purpose, at once. Answers once it is mined."""
    dataset = get_own_dataset(node, session, request.dataset).dataset
    slot = Slot(dataset, AgencyId(request.consumer), purpose_from_name(request.purpose))
    return _view(node.steward.revoke(session, slot))


def _view(mined: Mined) -> MinedView:
    return MinedView(transaction=hex_of(mined.transaction), block=str(mined.block))

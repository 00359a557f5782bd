"""Lists the grants in the index, and sends new ones to the chain."""

from __future__ import annotations

import sqlalchemy as sa

from cityledger.api.context import NodeContext
from cityledger.api.http.paging import read_key_cursor, write_key_cursor
from cityledger.api.http.shapes import hex_of
from cityledger.api.paths import dataset_of, get_dataset, part_names, parts_mask
from cityledger.api.stewards.transactions import verify_steward
from cityledger.api.stewards.wire import GrantRequest, Grants, GrantView
from cityledger.exchange.stewardship import Mined, Slot
from cityledger.policy.rules import ROLE_NOT_HELD, denial
from cityledger.store.index import directory
from cityledger.store.index import queries as index
from cityledger.store.index.queries import ListedGrant
from cityledger.store.sessions.tokens import Session
from cityledger.types import NO_END, AgencyId, DatasetId, purpose_from_name, purpose_name


def get_own_dataset(node: NodeContext, session: Session, text: str) -> index.Dataset:
    """The dataset, for a steward of its provider. The contract checks the same; this check comes before
    anything is disclosed.

    Raises:
        NotFoundError: no such dataset.
        DeniedError: the caller is not a steward, or one of another agency.
        MisdirectedError: this node does not host the provider.
    """
    verify_steward(session)
    dataset = get_dataset(node, dataset_of(text))
    if dataset.provider != session.agency:
        raise denial(ROLE_NOT_HELD)
    node.services.verify_hosted(dataset.provider)
    return dataset


def make_grant(node: NodeContext, session: Session, request: GrantRequest) -> Mined:
    """Sends the grant as the caller, a steward.

    Raises: as ``get_own_dataset`` and ``StewardTransactions.grant``, and
        FieldError: a part is not of this dataset.
    """
    dataset = get_own_dataset(node, session, request.dataset)
    slot = Slot(dataset.dataset, AgencyId(request.consumer), purpose_from_name(request.purpose))
    since = node.services.clock.at() if request.since is None else request.since
    return node.steward.grant(session, slot, parts_mask(dataset, request.parts), since, request.until)


def page_of_grants(
    node: NodeContext, session: Session, dataset: DatasetId | None, after: str | None, limit: int
) -> Grants:
    """The grants in which the caller's agency is provider or consumer.

    Raises:
        FieldError: not a cursor of this node.
        StaleIndexError: the index is too old to say which grants are live.
    """
    key = read_key_cursor(after, 68)
    place = None if key is None else (key[:32], int.from_bytes(key[32:36]), key[36:])
    node.services.clock.verify_fresh(node.services.staleness_limit_seconds)
    at = node.services.clock.at()
    with node.services.database.reading() as connection:
        found = directory.list_grants(connection, session.agency, dataset, place, limit + 1)
        views = [_view(connection, one, at) for one in found[:limit]]
    following = write_key_cursor(_key(found[limit - 1])) if len(found) > limit else None
    return Grants(grants=[view for view in views if view is not None], next=following)


def _key(one: ListedGrant) -> bytes:
    return one.dataset + one.consumer.to_bytes(4) + one.purpose


def _view(connection: sa.Connection, one: ListedGrant, at: int) -> GrantView | None:
    dataset = index.find_dataset(connection, one.dataset)
    if dataset is None:
        return None
    grant = one.grant
    return GrantView(
        dataset=hex_of(one.dataset),
        provider=dataset.provider,
        consumer=one.consumer,
        purpose=purpose_name(one.purpose),
        grant=hex_of(grant.grant_id),
        parts=part_names(dataset, grant.parts),
        since=grant.since,
        until=None if grant.until == NO_END else grant.until,
        live=_is_live(connection, one, dataset.provider, at),
    )


def _is_live(connection: sa.Connection, one: ListedGrant, provider: AgencyId, at: int) -> bool:
    grant = one.grant
    giving, taking = index.find_agency(connection, provider), index.find_agency(connection, one.consumer)
    epochs = tuple(0 if agency is None else agency.epoch for agency in (giving, taking))
    return grant.since <= at < grant.until and epochs == (grant.provider_epoch, grant.consumer_epoch)

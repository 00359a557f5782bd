"""The logs that this node writes: those on chain whose operator it is, of agencies that it hosts."""

from __future__ import annotations

import logging
from collections.abc import Collection

import sqlalchemy as sa

from cityledger.store.anchoring import logs
from cityledger.store.index import queries as index
from cityledger.store.index.queries import ChainLog
from cityledger.types import Address, AgencyId

log = logging.getLogger(__name__)


def has_new_logs(connection: sa.Connection, operator: Address, hosted: Collection[AgencyId]) -> bool:
    """Whether ``adopt_new_logs`` would adopt any: checked each block, so that writers seldom wait for it."""
    return bool(_list_new(connection, operator, hosted))


def adopt_new_logs(connection: sa.Connection, operator: Address, hosted: Collection[AgencyId]) -> None:
    """Begins to write each indexed log of ours that is new.

    A log with anchored leaves that this database does not know belonged to another database: it is never
    adopted, because its numbers would be assigned twice.
    """
    for new in _list_new(connection, operator, hosted):
        logs.open_head(connection, new.log, new.agency, new.kind)
        log.info("log adopted log=%d agency=%d kind=%s", new.log, new.agency, new.kind.name)


def list_foreign(
    connection: sa.Connection, operator: Address, hosted: Collection[AgencyId]
) -> list[ChainLog]:
    """Open logs of ours with anchored leaves that this database does not know."""
    return [one for one in _list_unknown(connection, operator, hosted) if one.next_seq > 0]


def _list_new(connection: sa.Connection, operator: Address, hosted: Collection[AgencyId]) -> list[ChainLog]:
    return [one for one in _list_unknown(connection, operator, hosted) if one.next_seq == 0]


def _list_unknown(
    connection: sa.Connection, operator: Address, hosted: Collection[AgencyId]
) -> list[ChainLog]:
    known = {head.log for head in logs.list_heads(connection)}
    return [
        one
        for one in index.list_logs(connection, operator)
        if one.log not in known and one.agency in hosted and not one.closed
    ]

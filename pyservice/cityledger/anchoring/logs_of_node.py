"""Which logs this node writes: those on chain whose operator it is, of agencies that it hosts."""

from __future__ import annotations

import logging
from collections.abc import Collection

import sqlalchemy as sa

from cityledger.store import index, logs
from cityledger.types import Address, AgencyId

log = logging.getLogger(__name__)


def adopt_new_logs(connection: sa.Connection, operator: Address, hosted: Collection[AgencyId]) -> None:
    """Begins to write each indexed log of ours that is new.

    A log with anchored leaves that this database does not know belonged to another database: it is never
    adopted, because its numbers would be given twice.
    """
    known = {head.log for head in logs.list_heads(connection)}
    for found in index.list_logs(connection, operator):
        if found.log in known or found.agency not in hosted or found.closed:
            continue
        if found.next_seq == 0:
            logs.open_head(connection, found.log, found.agency, found.kind)
        else:
            log.error(
                "log not adopted log=%d next=%d reason=unknown-to-this-database", found.log, found.next_seq
            )

"""Agencies that the chain says a node hosts: those whose open logs its accounts write."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa

from cityledger.store.index import queries as index
from cityledger.types import Address, AgencyId


def list_without_keys(
    connection: sa.Connection, accounts: Collection[Address], hosted: Collection[AgencyId]
) -> list[AgencyId]:
    """Those that are not among ``hosted``, the agencies with keys in the node's keyring. A key file was lost
    then, or is another folder's. ``accounts`` are the operator's and former ones: a log may wait to be handed
    over.
    """
    listed = (one for account in accounts for one in index.list_logs(connection, account))
    written = {one.agency for one in listed if not one.closed}
    return sorted(written - set(hosted))

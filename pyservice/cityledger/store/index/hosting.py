"""Agencies that a node hosts according to the chain: those whose open logs its accounts write."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa

from cityledger.store.index import queries as index
from cityledger.types import Address, AgencyId


def list_without_keys(
    connection: sa.Connection, accounts: Collection[Address], hosted: Collection[AgencyId]
) -> list[AgencyId]:
    """Agencies that are not among ``hosted``, those with keys in the node's keyring: their key file was lost,
    or is in another folder. ``accounts`` are the operator's and former ones, since a log may wait to be
    handed over.
    """
    listed = (one for account in accounts for one in index.list_logs(connection, account))
    written = {one.agency for one in listed if not one.closed}
    return sorted(written - set(hosted))

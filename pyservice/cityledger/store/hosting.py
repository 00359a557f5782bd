"""Agencies that the chain says a node hosts: those whose open logs its operator writes."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa

from cityledger.store import index
from cityledger.types import Address, AgencyId


def list_without_keys(
    connection: sa.Connection, operator: Address, hosted: Collection[AgencyId]
) -> list[AgencyId]:
    """Those that are not among ``hosted``, the agencies with keys in the node's keyring. A key file was lost
    then, or is another folder's.
    """
    written = {one.agency for one in index.list_logs(connection, operator) if not one.closed}
    return sorted(written - set(hosted))

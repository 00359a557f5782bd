"""The effect of each event on the index: one module a contract, dispatched on the event's type. An event
without an effect here stops the cursor.
"""

from __future__ import annotations

import sqlalchemy as sa

from cityledger.chain.contracts.access_manager import AuthorityUpdated
from cityledger.chain.contracts.decoding import LoggedEvent
from cityledger.errors import ChainError
from cityledger.indexer.effects import agency_registry, city_directory, data_catalog, record_ledger
from cityledger.indexer.effects.effect import Effects


def apply_event(connection: sa.Connection, logged: LoggedEvent) -> None:
    """Writes an event's effects as rows that are true from its block on.

    Raises:
        ChainError: the event has no effect here; to skip it would leave an incomplete state to decide on.
    """
    kind = type(logged.event)
    effect = EFFECTS.get(kind)
    if effect is None:
        raise ChainError(f"no effect is known of {kind.__name__} in block {logged.block_number}")
    effect(connection, logged.event, logged)


def change_nothing(_connection: sa.Connection, _event: AuthorityUpdated, _logged: LoggedEvent) -> None:
    """No decision depends on who governs the contracts: they check that themselves."""


EFFECTS: Effects = {
    AuthorityUpdated: change_nothing,
    **city_directory.EFFECTS,
    **agency_registry.EFFECTS,
    **data_catalog.EFFECTS,
    **record_ledger.EFFECTS,
}

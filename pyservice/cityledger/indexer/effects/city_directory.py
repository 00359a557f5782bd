"""Effects of CityDirectory: the address of each name."""

from __future__ import annotations

import sqlalchemy as sa

from cityledger.chain.contracts.city_directory import AddressSet
from cityledger.chain.contracts.decoding import LoggedEvent
from cityledger.indexer.effects.effect import Effects
from cityledger.store.index.tables import idx_contract
from cityledger.store.index.versions import put


def set_address(connection: sa.Connection, event: AddressSet, logged: LoggedEvent) -> None:
    key = {"name": event.name}
    put(connection, idx_contract, logged.block_number, key, address=event.target, version=event.version)


EFFECTS: Effects = {AddressSet: set_address}

"""The newest state of the records that an import meets: asked for once, then kept up by the import itself."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from cityledger.exchange.imports.outcomes import State, state_of
from cityledger.exchange.parts.own import load_newest
from cityledger.exchange.services import Services
from cityledger.profiles import registry
from cityledger.store.index.queries import Dataset
from cityledger.types import RecordId

KEPT = 20_000
"""Records remembered between chunks; those met longest ago are asked for again."""


class NewestStates:
    """Correct as long as nobody else writes: a version number that is taken already shows that somebody did,
    and then ``forget`` lets the next ``of`` ask again.
    """

    def __init__(self, services: Services, dataset: Dataset, limit: int | None = KEPT) -> None:
        self._services = services
        self._dataset = dataset
        self._limit = limit
        self._held: OrderedDict[RecordId, State] = OrderedDict()

    def of(self, records: Iterable[RecordId]) -> dict[RecordId, State]:
        """The states of these records; the store is asked about those that are not held."""
        wanted = dict.fromkeys(records)
        unknown = [record for record in wanted if record not in self._held]
        if unknown:
            self.remember(self._load(unknown))
        return {record: self._held[record] for record in wanted}

    def remember(self, states: dict[RecordId, State]) -> None:
        for record, state in states.items():
            self._held[record] = state
            self._held.move_to_end(record)

    def __len__(self) -> int:
        return len(self._held)

    def trim(self) -> None:
        """Forgets down to the limit; call it between chunks."""
        while self._limit is not None and len(self._held) > self._limit:
            self._held.popitem(last=False)

    def forget(self) -> None:
        self._held.clear()

    def _load(self, records: list[RecordId]) -> dict[RecordId, State]:
        profile, dataset = registry.get(self._dataset.profile), self._dataset
        with self._services.database.reading() as connection:
            found = load_newest(self._services, connection, dataset.provider, dataset.dataset, records)
        return {record: state_of(profile, newest) for record, newest in found.items()}

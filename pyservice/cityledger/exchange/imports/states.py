"""The newest states of the records in an import: loaded once, then updated by the import itself."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from cityledger.exchange.imports.outcomes import State, state_of
from cityledger.exchange.parts.own import load_newest
from cityledger.exchange.services import Services
from cityledger.profiles import registry
from cityledger.store.index.queries import Dataset
from cityledger.types import RecordId

MAX_REMEMBERED = 20_000
"""Records remembered between chunks; those used longest ago are loaded again."""


class NewestStates:
    """Correct while no other write happens: a version number that is in use already shows that one did, and
    then ``forget`` makes the next ``of`` load again.
    """

    def __init__(self, services: Services, dataset: Dataset, limit: int | None = MAX_REMEMBERED) -> None:
        self._services = services
        self._dataset = dataset
        self._limit = limit
        self._states: OrderedDict[RecordId, State] = OrderedDict()

    def of(self, records: Iterable[RecordId]) -> dict[RecordId, State]:
        """The states of these records; those that are not remembered are loaded."""
        wanted = dict.fromkeys(records)
        unknown = [record for record in wanted if record not in self._states]
        if unknown:
            self.remember(self._load(unknown))
        return {record: self._states[record] for record in wanted}

    def remember(self, states: dict[RecordId, State]) -> None:
        for record, state in states.items():
            self._states[record] = state
            self._states.move_to_end(record)

    def __len__(self) -> int:
        return len(self._states)

    def trim(self) -> None:
        """Forgets down to the limit; call it between chunks."""
        while self._limit is not None and len(self._states) > self._limit:
            self._states.popitem(last=False)

    def forget(self) -> None:
        self._states.clear()

    def _load(self, records: list[RecordId]) -> dict[RecordId, State]:
        profile, dataset = registry.get(self._dataset.profile), self._dataset
        with self._services.database.reading() as connection:
            found = load_newest(self._services, connection, dataset.provider, dataset.dataset, records)
        return {record: state_of(profile, newest) for record, newest in found.items()}

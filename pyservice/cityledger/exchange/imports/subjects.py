"""Turns the identifiers of people and things in rows into the provider's pseudonyms of them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping

import sqlalchemy as sa

from cityledger.errors import StaleVersionError
from cityledger.exchange.services import Services
from cityledger.formats.rows import Identifier
from cityledger.store.subjects import add_subject, find_subjects, identifier_digest
from cityledger.types import AgencyId, SubjectId

MAX_REMEMBERED = 20_000


class RowSubjects:
    """Remembers the pseudonyms that it loaded. A new identifier gets a fresh pseudonym at once, which counts
    only when ``add`` has stored it together with the record.
    """

    def __init__(self, services: Services, provider: AgencyId) -> None:
        self._services = services
        self._provider = provider
        self._key = services.keys_of(provider).subject_key
        self._known: OrderedDict[bytes, SubjectId] = OrderedDict()
        self._fresh: dict[bytes, SubjectId] = {}

    def learn(self, named: Iterable[SubjectId | Identifier]) -> None:
        """Loads all identifiers among ``named`` in one query."""
        wanted = dict.fromkeys(self._digest(one) for one in named if isinstance(one, Identifier))
        unknown = [digest for digest in wanted if digest not in self._known]
        if not unknown:
            return
        with self._services.database.reading() as connection:
            known = find_subjects(connection, self._provider, unknown)
        for digest in unknown:
            if digest not in known:
                self._fresh[digest] = SubjectId(self._services.random_bytes(32))
            self._known[digest] = known.get(digest) or self._fresh[digest]

    def of(self, named: Iterable[SubjectId | Identifier]) -> tuple[SubjectId, ...]:
        """Pseudonyms in strictly ascending order; ``learn`` comes first."""
        found = (self._known[self._digest(one)] if isinstance(one, Identifier) else one for one in named)
        return tuple(sorted(set(found)))

    def fresh_among(self, used: Iterable[SubjectId]) -> dict[bytes, SubjectId]:
        """The new pseudonyms, by identifier, that are really used."""
        wanted = set(used)
        return {digest: subject for digest, subject in self._fresh.items() if subject in wanted}

    def add(self, connection: sa.Connection, fresh: Mapping[bytes, SubjectId]) -> None:
        """Stores new pseudonyms.

        Raises:
            StaleVersionError: one of these identifiers got another pseudonym concurrently.
        """
        for digest, subject in fresh.items():
            if add_subject(connection, self._provider, digest, subject) != subject:
                raise StaleVersionError("a subject was named concurrently")

    def stored(self, fresh: Mapping[bytes, SubjectId]) -> None:
        """Is called once ``add`` is durable; forgets what was used longest ago."""
        for digest in fresh:
            del self._fresh[digest]
        while len(self._known) - len(self._fresh) > MAX_REMEMBERED:
            oldest = next(digest for digest in self._known if digest not in self._fresh)
            del self._known[oldest]

    def forget(self) -> None:
        self._known.clear()
        self._fresh.clear()

    def _digest(self, named: Identifier) -> bytes:
        return identifier_digest(self._key, named.system, named.value)

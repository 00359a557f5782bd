"""The pseudonyms of those whom a provider's system names by identifiers of its own."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import sqlalchemy as sa

from cityledger.exchange.services import Services
from cityledger.formats.rows import Identifier
from cityledger.store.subjects import add_subject, find_subject, identifier_digest
from cityledger.types import AgencyId, SubjectId


def name_subjects(
    services: Services, provider: AgencyId, identifiers: Iterable[Identifier]
) -> tuple[SubjectId, ...]:
    """The pseudonyms of some identifiers, ascending; those that the provider has not yet get a new one.

    Call it only for a write that is permitted: it adds what a denied caller must not cause.

    Raises:
        MisdirectedError: the provider's keys are not on this node.
        StorageFullError, UnavailableError: nothing was added.
    """
    key = services.keys_of(provider).subject_key
    digests = {identifier_digest(key, one.system, one.value) for one in identifiers}
    with services.database.reading() as connection:
        known = {one: find_subject(connection, provider, one) for one in digests}
    missing = [one for one, subject in known.items() if subject is None]
    added = services.journal.run(partial(_add, services, provider, missing)) if missing else []
    return tuple(sorted({*(subject for subject in known.values() if subject is not None), *added}))


def _add(
    services: Services, provider: AgencyId, missing: list[bytes], connection: sa.Connection
) -> list[SubjectId]:
    fresh = ((one, SubjectId(services.random_bytes(32))) for one in missing)
    return [add_subject(connection, provider, one, subject) for one, subject in fresh]

"""Maps identifiers of people and things to random pseudonyms, one map per provider. The identifier itself
is never stored.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable

import sqlalchemy as sa

from cityledger.store.tables import subject as table
from cityledger.types import AgencyId, SubjectId


def identifier_digest(subject_key: bytes, system: str, value: str) -> bytes:
    """HMAC-SHA256 under the agency's subject key over the length-prefixed system, then the value."""
    prefix = len(system.encode()).to_bytes(4, "big") + system.encode()
    return hmac.new(subject_key, prefix + value.encode(), hashlib.sha256).digest()


def find_subject(connection: sa.Connection, provider: AgencyId, identifier: bytes) -> SubjectId | None:
    wanted = (table.c.provider == provider) & (table.c.identifier == identifier)
    found = connection.execute(sa.select(table.c.subject).where(wanted)).scalar_one_or_none()
    return None if found is None else SubjectId(found)


def find_subjects(
    connection: sa.Connection, provider: AgencyId, identifiers: Iterable[bytes]
) -> dict[bytes, SubjectId]:
    """The existing pseudonyms, by identifier, in one query."""
    wanted = (table.c.provider == provider) & table.c.identifier.in_(set(identifiers))
    rows = connection.execute(sa.select(table.c.identifier, table.c.subject).where(wanted))
    return {row.identifier: SubjectId(row.subject) for row in rows}


def add_subject(
    connection: sa.Connection, provider: AgencyId, identifier: bytes, fresh: SubjectId
) -> SubjectId:
    """The pseudonym of an identifier; stores ``fresh`` (32 random bytes) as such if it has none."""
    known = find_subject(connection, provider, identifier)
    if known is not None:
        return known
    connection.execute(table.insert().values(provider=provider, identifier=identifier, subject=fresh))
    return fresh

"""Answers stored by ``Idempotency-Key``, written in the transaction of the effect that they report."""

from __future__ import annotations

import sqlalchemy as sa

from cityledger.errors import IdempotencyError
from cityledger.store.tables import idempotency as table
from cityledger.types import AgencyId

KEEP_SECONDS = 86_400
"""Lifetime of a key; published in the API's description."""


def find_answer(connection: sa.Connection, agency: AgencyId, key: str, request: bytes) -> str | None:
    """The answer given before to the same request under this key.

    Raises:
        IdempotencyError: the key was used with another request (``request`` is its keyed digest).
    """
    wanted = (table.c.agency == agency) & (table.c.key == key)
    row = connection.execute(sa.select(table).where(wanted)).one_or_none()
    if row is None:
        return None
    if row.request != request:
        raise IdempotencyError("this Idempotency-Key was used before with another request")
    answer: str = row.answer
    return answer


def keep_answer(
    connection: sa.Connection, agency: AgencyId, key: str, request: bytes, answer: str, now: int
) -> None:
    """Stores an answer, and deletes those older than a day."""
    connection.execute(table.delete().where(table.c.created_at <= now - KEEP_SECONDS))
    connection.execute(
        table.insert().values(agency=agency, key=key, request=request, answer=answer, created_at=now)
    )

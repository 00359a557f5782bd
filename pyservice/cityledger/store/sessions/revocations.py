"""The officers that an agency has revoked, by its last signed list. Source: SPEC.md §6."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa

from cityledger.errors import ConflictError
from cityledger.store.tables import awaited_revocation_list, revocation_list, revoked_officer
from cityledger.types import AgencyId


@dataclass(frozen=True, slots=True, order=True)
class Revoked:
    """``system`` is empty where the officer is revoked in every system."""

    officer: str
    system: str


@dataclass(frozen=True, slots=True)
class RevocationList:
    """A list with a valid signature. ``key`` is the thumbprint of the key that signed it, which must be the
    registry's for ``issuer`` before the list applies; ``signed`` the compact JWS."""

    key: bytes
    issuer: str
    issued_at: int
    seq: int
    revoked: tuple[Revoked, ...]
    signed: str


@dataclass(frozen=True, slots=True)
class StoredList:
    """The newest list of one key of an agency."""

    agency: AgencyId
    key: bytes
    seq: int
    signed: str


def replace_list(connection: sa.Connection, agency: AgencyId, new: RevocationList, now: int) -> None:
    """Replaces the agency's list, and ends the wait for it; the caller has checked that the list may. The
    same list again only ends the wait.

    Raises:
        ConflictError: the same key has signed another list of this number, or one of a higher number.
    """
    stored = find_list(connection, agency, new.key)
    if stored is not None and (stored.seq, stored.signed) == (new.seq, new.signed):
        end_wait(connection, agency)
        return
    if stored is not None and new.seq <= stored.seq:
        raise ConflictError(f"seq must be above {stored.seq}, that of the list that this key signed last")
    store_list(connection, agency, new, now)
    connection.execute(revoked_officer.delete().where(revoked_officer.c.agency == agency))
    add_revoked(connection, agency, new.revoked)
    end_wait(connection, agency)


def store_list(connection: sa.Connection, agency: AgencyId, new: RevocationList, now: int) -> None:
    """Stores the list as the newest of its key; the revoked officers do not change."""
    here = (revocation_list.c.agency == agency) & (revocation_list.c.credential_key == new.key)
    values = {"seq": new.seq, "received_at": now, "signed": new.signed}
    updated = connection.execute(revocation_list.update().where(here).values(**values))
    if updated.rowcount == 0:
        key = {"agency": agency, "credential_key": new.key}
        connection.execute(revocation_list.insert().values(**key, **values))


def add_revoked(connection: sa.Connection, agency: AgencyId, revoked: Collection[Revoked]) -> None:
    """Revokes these officers in addition to those that are revoked."""
    new = set(revoked) - set(list_revoked(connection, agency))
    rows = [{"agency": agency, "officer": one.officer, "system": one.system} for one in sorted(new)]
    if rows:
        connection.execute(revoked_officer.insert(), rows)


def find_list(connection: sa.Connection, agency: AgencyId, key: bytes) -> StoredList | None:
    """The newest list of this key; None if it signed none."""
    here = (revocation_list.c.agency == agency) & (revocation_list.c.credential_key == key)
    row = connection.execute(sa.select(revocation_list).where(here)).one_or_none()
    return None if row is None else StoredList(agency, row.credential_key, row.seq, row.signed)


def list_stored(connection: sa.Connection) -> list[StoredList]:
    """The newest list of each key of each agency."""
    rows = connection.execute(sa.select(revocation_list))
    return [StoredList(AgencyId(row.agency), row.credential_key, row.seq, row.signed) for row in rows]


def list_revoked(connection: sa.Connection, agency: AgencyId) -> list[Revoked]:
    """The officers of the list that is in effect, in the order of their names."""
    query = sa.select(revoked_officer).where(revoked_officer.c.agency == agency)
    return sorted(Revoked(row.officer, row.system) for row in connection.execute(query))


def await_list(connection: sa.Connection, agency: AgencyId, now: int) -> None:
    """Ends the agency's off-chain sessions, and refuses new ones, until ``replace_list``."""
    waiting = awaited_revocation_list
    updated = connection.execute(waiting.update().where(waiting.c.agency == agency).values(since=now))
    if updated.rowcount == 0:
        connection.execute(waiting.insert().values(agency=agency, since=now))


def end_wait(connection: sa.Connection, agency: AgencyId) -> None:
    """The agency's assertions are accepted again."""
    waiting = awaited_revocation_list
    connection.execute(waiting.delete().where(waiting.c.agency == agency))


def awaited_since(connection: sa.Connection, agency: AgencyId) -> int | None:
    """Unix seconds since when the agency must put its list again; None if it need not."""
    waiting = awaited_revocation_list.c
    since: int | None = connection.execute(
        sa.select(waiting.since).where(waiting.agency == agency)
    ).scalar_one_or_none()
    return since


def list_awaited(connection: sa.Connection) -> list[AgencyId]:
    """The agencies that must put their list again, in ascending order."""
    waiting = awaited_revocation_list.c
    numbers = connection.execute(sa.select(waiting.agency).order_by(waiting.agency)).scalars()
    return [AgencyId(number) for number in numbers]

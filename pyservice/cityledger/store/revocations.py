"""The officers that an agency no longer vouches for, by its last signed list. Source: SPEC.md §6."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from cityledger.errors import ConflictError
from cityledger.store.tables import revocation_list, revoked_officer
from cityledger.types import AgencyId


@dataclass(frozen=True, slots=True, order=True)
class Revoked:
    """``system`` is empty where the officer is revoked in every system."""

    officer: str
    system: str


@dataclass(frozen=True, slots=True)
class SignedList:
    """``signed`` is the compact JWS; ``credential_key`` the thumbprint of the key that signed it."""

    credential_key: bytes
    seq: int
    revoked: tuple[Revoked, ...]
    signed: str


def replace_list(connection: sa.Connection, agency: AgencyId, new: SignedList, now: int) -> None:
    """Puts the list in the place of the agency's former one.

    Raises:
        ConflictError: the same key has signed a list of this number or of a higher one.
    """
    stored = find_seq(connection, agency, new.credential_key)
    if stored is not None and new.seq <= stored:
        raise ConflictError(f"seq must be above {stored}, that of the list that this key signed last")
    here = (revocation_list.c.agency == agency) & (revocation_list.c.credential_key == new.credential_key)
    values = {"seq": new.seq, "received_at": now, "signed": new.signed}
    if stored is None:
        key = {"agency": agency, "credential_key": new.credential_key}
        connection.execute(revocation_list.insert().values(**key, **values))
    else:
        connection.execute(revocation_list.update().where(here).values(**values))
    connection.execute(revoked_officer.delete().where(revoked_officer.c.agency == agency))
    rows = [{"agency": agency, "officer": one.officer, "system": one.system} for one in new.revoked]
    if rows:
        connection.execute(revoked_officer.insert(), rows)


def find_seq(connection: sa.Connection, agency: AgencyId, credential_key: bytes) -> int | None:
    """The number of the list that this key signed last; None if it signed none."""
    here = (revocation_list.c.agency == agency) & (revocation_list.c.credential_key == credential_key)
    return connection.execute(sa.select(revocation_list.c.seq).where(here)).scalar()


def highest_seq(connection: sa.Connection, agency: AgencyId) -> int:
    """The highest number of any list of the agency; 0 without one."""
    query = sa.select(sa.func.max(revocation_list.c.seq)).where(revocation_list.c.agency == agency)
    return connection.execute(query).scalar() or 0


def list_revoked(connection: sa.Connection, agency: AgencyId) -> list[Revoked]:
    """The officers of the list that is in effect, in the order of their names."""
    query = sa.select(revoked_officer).where(revoked_officer.c.agency == agency)
    return sorted(Revoked(row.officer, row.system) for row in connection.execute(query))

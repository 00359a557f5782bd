"""The validity of a session: it ends with the agency's epoch, with the credential key that signed its
assertion, and with the officer's revocation; none is valid while the agency's revocation list is awaited.
Source: SPEC.md §6.

One condition, in one statement with the agency's row: it is evaluated at each request and decision.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from cityledger.store.index.queries import agency_of_row
from cityledger.store.index.tables import idx_agency
from cityledger.store.index.versions import select_now
from cityledger.store.sessions.tokens import Session, session_of_row, token_digest
from cityledger.store.tables import awaited_revocation_list, revoked_officer, token
from cityledger.types import Agency

Value = sa.ColumnElement[Any]
EVERY_SYSTEM = ""
"""The system of a revocation that is not limited to one."""


@dataclass(frozen=True, slots=True)
class CallerStanding:
    """``agency`` is the caller's in the index, None if it has none. ``is_live``: the session is valid."""

    agency: Agency | None
    is_live: bool


def find_session(connection: sa.Connection, secret: str, now: int) -> Session | None:
    """The session of a token that has not expired and is still valid."""
    live = (token.c.digest == token_digest(secret)) & (token.c.expires_at > now)
    row = connection.execute(_SESSION.where(live)).one_or_none()
    return None if row is None else session_of_row(row)


def find_standing(connection: sa.Connection, session: Session) -> CallerStanding:
    """The caller's agency at the cursor, and whether the session is still valid there."""
    values = {
        "agency": session.agency,
        "epoch": session.epoch,
        "credential_key": session.credential_key,
        "officer": session.officer,
        "system": session.system,
    }
    row = connection.execute(_STANDING, values).one_or_none()
    return CallerStanding(None, False) if row is None else CallerStanding(agency_of_row(row), row.is_live)


def _counts(epoch: Value, credential_key: Value, officer: Value, system: Value) -> Value:
    """The condition on a row of ``idx_agency``. On-chain officers have no credential key: the chain alone
    appoints and dismisses them."""
    revoked = revoked_officer.c
    is_revoked = sa.exists().where(
        (revoked.agency == idx_agency.c.agency)
        & (revoked.officer == officer)
        & ((revoked.system == EVERY_SYSTEM) | (revoked.system == system))
    )
    is_awaited = sa.exists().where(awaited_revocation_list.c.agency == idx_agency.c.agency)
    is_vouched_for = (credential_key == idx_agency.c.credential_key_digest) & ~is_revoked & ~is_awaited
    return (idx_agency.c.epoch == epoch) & (credential_key.is_(None) | is_vouched_for)


_SESSION = (
    sa.select(token)
    .join(idx_agency, (idx_agency.c.agency == token.c.agency) & idx_agency.c.valid_to.is_(None))
    .where(_counts(token.c.epoch, token.c.credential_key, token.c.officer, token.c.system))
)
_STANDING = (
    select_now(idx_agency)
    .add_columns(
        _counts(
            sa.bindparam("epoch", type_=sa.BigInteger),
            # A cast, without which PostgreSQL knows no type for the NULL of on-chain officers.
            sa.cast(sa.bindparam("credential_key", type_=sa.LargeBinary), sa.LargeBinary),
            sa.bindparam("officer", type_=sa.Text),
            sa.bindparam("system", type_=sa.Text),
        ).label("is_live")
    )
    .where(idx_agency.c.agency == sa.bindparam("agency"))
)

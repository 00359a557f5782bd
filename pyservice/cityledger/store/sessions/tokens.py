"""Access tokens as digests, and single-use values (SIWE nonces, DPoP jti)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from cityledger.store.tables import single_use_value, token
from cityledger.types import Address, AgencyId, Role


@dataclass(frozen=True, slots=True)
class Session:
    """The officer of a token. ``account`` is None for an off-chain officer; times are Unix seconds."""

    agency: AgencyId
    role: Role
    officer: str
    account: Address | None
    system: str
    credential_until: int
    expires_at: int
    epoch: int
    """The agency's epoch at sign-in; the session ends when it advances."""
    credential_key: bytes | None
    """Thumbprint of the credential key that signed an off-chain officer's assertion; the session ends with
    it.
    """


def token_digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def add_token(connection: sa.Connection, secret: str, session: Session, now: int) -> None:
    """Stores a token's digest, and deletes tokens that have expired."""
    connection.execute(token.delete().where(token.c.expires_at <= now))
    connection.execute(
        token.insert().values(
            digest=token_digest(secret),
            agency=session.agency,
            role=session.role,
            officer=session.officer,
            account=session.account,
            system=session.system,
            credential_until=session.credential_until,
            expires_at=session.expires_at,
            epoch=session.epoch,
            credential_key=session.credential_key,
        )
    )


def session_of_row(row: sa.Row[Any]) -> Session:
    """The session of a row of ``token``."""
    return Session(
        agency=AgencyId(row.agency),
        role=Role(row.role),
        officer=row.officer,
        account=None if row.account is None else Address(row.account),
        system=row.system,
        credential_until=row.credential_until,
        expires_at=row.expires_at,
        epoch=row.epoch,
        credential_key=row.credential_key,
    )


def is_first_use(connection: sa.Connection, kind: str, value: str, expires_at: int, now: int) -> bool:
    """Marks a value as used until ``expires_at``; False if it was used before."""
    connection.execute(
        single_use_value.delete().where(
            (single_use_value.c.kind == kind) & (single_use_value.c.expires_at <= now)
        )
    )
    savepoint = connection.begin_nested()
    try:
        connection.execute(single_use_value.insert().values(kind=kind, value=value, expires_at=expires_at))
    except IntegrityError:
        savepoint.rollback()
        return False
    savepoint.commit()
    return True

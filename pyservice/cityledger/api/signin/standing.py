"""Standing of a caller by the indexed chain: at sign-in, and for requests that no decision precedes."""

from __future__ import annotations

import sqlalchemy as sa

from cityledger.exchange.services import Services
from cityledger.policy.rules import ROLE_NOT_HELD, denial
from cityledger.store.index import queries as index
from cityledger.store.sessions.standing import find_standing
from cityledger.store.sessions.tokens import Session
from cityledger.types import Address, AgencyId, AgencyStatus, Role


def find_live_role(
    connection: sa.Connection, agency: AgencyId, account: Address, at: int
) -> tuple[Role, int, int] | None:
    """(role, until, epoch) of an appointment that is live at ``at``, as ``roleOf`` on chain; else None."""
    member, appointment = (
        index.find_agency(connection, agency),
        index.find_officer(connection, agency, account),
    )
    if member is None or appointment is None:
        return None
    role, until, epoch = appointment
    return (role, until, epoch) if role != Role.NONE and at < until and epoch == member.epoch else None


def is_in_standing(connection: sa.Connection, session: Session, at: int) -> bool:
    """Whether the session's credential still counts: the on-chain role is live, or the agency is active.

    A suspended agency's on-chain auditors keep their access, because what they read is evidence. Its
    off-chain officers do not: the key that vouches for them may be the reason for the suspension.
    """
    standing = find_standing(connection, session)
    if at >= session.credential_until or not standing.is_live or standing.agency is None:
        return False
    if session.account is not None:
        live = find_live_role(connection, session.agency, session.account, at)
        return live is not None and live[0] == session.role
    return standing.agency.status == AgencyStatus.ACTIVE


def verify_standing(services: Services, session: Session) -> None:
    """Checks the caller of a request that no decision of the rules precedes.

    Raises:
        DeniedError: the session's credential no longer counts.
        StaleIndexError: the index is too old to say whether it does.
    """
    services.clock.verify_fresh(services.staleness_limit_seconds)
    with services.database.reading() as connection:
        if not is_in_standing(connection, session, services.clock.at()):
            raise denial(ROLE_NOT_HELD)

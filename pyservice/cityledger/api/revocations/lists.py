"""Accepts an agency's revocation list, and returns an agency its own."""

from __future__ import annotations

import hmac

import sqlalchemy as sa

from cityledger.api.context import NodeContext
from cityledger.api.directory.queries import get_agency
from cityledger.api.revocations.signed_list import verify_revocation_list
from cityledger.api.revocations.wire import Revocations, RevokedView
from cityledger.api.signin.assertion import SKEW_SECONDS
from cityledger.errors import CredentialError
from cityledger.exchange.revocations import keep_list
from cityledger.policy.rules import ROLE_NOT_HELD, denial
from cityledger.store.index import queries as index
from cityledger.store.sessions import revocations
from cityledger.store.sessions.revocations import RevocationList
from cityledger.store.sessions.tokens import Session
from cityledger.types import AgencyId, AgencyStatus


def take_revocations(node: NodeContext, name: str, text: str) -> Revocations:
    """Puts the list in effect; it is durable, in the object store too, and counts for each request that
    begins after this returns. The same list may be put again.

    Raises:
        NotFoundError: no such agency.
        CredentialError: not signed by the agency's credential key, or malformed, or from before a restore
            that asks for a new list.
        ConflictError: not newer than the key's last list.
        UnavailableError, StorageFullError: the list is in effect, but not durable in the object store.
    """
    now = node.now()
    said = verify_revocation_list(text, instance=node.services.instance, now=now)
    number = get_agency(node, name).agency

    def work(connection: sa.Connection) -> Revocations:
        _verify_signer(connection, number, said)
        _verify_not_of_before_a_restore(connection, number, said)
        revocations.replace_list(connection, number, said, now)
        return _view(connection, number, said.key)

    view = node.services.journal.run(work)
    keep_list(node.services, number, said.key)
    return view


def own_revocations(node: NodeContext, session: Session, name: str) -> Revocations:
    """The list of the caller's own agency.

    Raises:
        NotFoundError: no such agency.
        DeniedError: another agency's.
    """
    agency = get_agency(node, name)
    if session.agency != agency.agency:
        raise denial(ROLE_NOT_HELD)
    with node.services.database.reading() as connection:
        return _view(connection, agency.agency, agency.credential_key_digest)


def _verify_signer(connection: sa.Connection, agency: AgencyId, said: RevocationList) -> None:
    found = index.find_agency(connection, agency)
    if found is None or found.status not in (AgencyStatus.ACTIVE, AgencyStatus.SUSPENDED):
        raise CredentialError("revocation list: not of a member agency")
    if found.code != said.issuer:
        raise CredentialError("revocation list: iss is not the code of the agency in the path")
    if not hmac.compare_digest(found.credential_key_digest, said.key):
        raise CredentialError("revocation list: not signed by the agency's key in the registry")
    if index.is_of_earlier_epoch(connection, found, said.key):
        raise CredentialError("revocation list: signed by a key from before a reported compromise; rotate it")


def _verify_not_of_before_a_restore(
    connection: sa.Connection, agency: AgencyId, said: RevocationList
) -> None:
    """Any client may put a list that the agency once signed: what a restore lacks must be signed after it."""
    since = revocations.awaited_since(connection, agency)
    if since is not None and said.issued_at < since - SKEW_SECONDS:
        raise CredentialError(
            "revocation list: signed before this node was restored without the agency's newest list; sign"
            " the whole list again"
        )


def _view(connection: sa.Connection, agency: AgencyId, key: bytes) -> Revocations:
    """``key`` is the registry's for the agency: a former key's thief may have used up that key's numbers."""
    newest = revocations.find_list(connection, agency, key)
    return Revocations(
        seq=0 if newest is None else newest.seq,
        revoked=[
            RevokedView(sub=one.officer, system=one.system or None)
            for one in revocations.list_revoked(connection, agency)
        ],
    )

"""Turns an accepted credential into an access token.

Single-use values are consumed in the transaction that stores the token: both happen, or neither.
"""

from __future__ import annotations

import base64
import hmac
from dataclasses import dataclass

import sqlalchemy as sa

from cityledger.api.context import NodeContext
from cityledger.api.signin.assertion import Assertion, verify_assertion
from cityledger.api.signin.dpop import DpopProof, verify_dpop
from cityledger.api.signin.nonces import make_nonce, verify_nonce
from cityledger.api.signin.siwe_message import SignedIn, SiweAudience, verify_siwe
from cityledger.api.signin.standing import find_live_role
from cityledger.errors import CredentialError
from cityledger.store.index import queries as index
from cityledger.store.sessions import revocations, tokens
from cityledger.store.sessions.standing import find_standing
from cityledger.store.sessions.tokens import Session
from cityledger.types import AgencyStatus

NONCE_SECONDS = 600
_DPOP, _NONCE = "dpop", "siwe"
_SIWE_SYSTEM = "siwe"


@dataclass(frozen=True, slots=True)
class Issued:
    """``secret`` is returned once; the node stores its digest. ``expires_in`` is in seconds."""

    secret: str
    expires_in: int


def new_nonce(node: NodeContext) -> str:
    """A nonce for one SIWE message within ten minutes. Nothing is stored before it is used."""
    return make_nonce(node.nonce_key, node.services.random_bytes, node.now() + NONCE_SECONDS)


def verify_proof(node: NodeContext, text: str, path: str) -> DpopProof:
    """The proof of possession of a token request at ``path``; its ``jti`` is not consumed yet.

    Raises:
        CredentialError: says which check failed.
    """
    return verify_dpop(text, method="POST", path=path, origins=node.origins, now=node.now())


def sign_in_by_assertion(node: NodeContext, assertion_text: str, proof: DpopProof) -> Issued:
    """A token for the officer or system that an agency vouches for and that made ``proof``.

    Raises:
        CredentialError: says which check failed; no token exists, and the proof's ``jti`` is not consumed.
    """
    now = node.now()
    assertion = verify_assertion(assertion_text, instance=node.services.instance, now=now)
    proved = base64.urlsafe_b64encode(proof.thumbprint).rstrip(b"=").decode()
    if not hmac.compare_digest(proved, assertion.proof_key.encode("ascii", "replace").decode()):
        raise CredentialError("DPoP proof: its key is not the one that cnf.jkt names")
    secret = _new_secret(node)

    def work(connection: sa.Connection) -> Session:
        session = _vouched_session(connection, node, assertion, now)
        _consume(connection, proof, proved, now)
        tokens.add_token(connection, secret, session, now)
        return session

    return Issued(secret, node.services.journal.run(work).expires_at - now)


def sign_in_by_siwe(node: NodeContext, message: str, signature: str) -> Issued:
    """A token for an on-chain officer; the role is read from the chain, not from the message.

    Raises:
        CredentialError: says which check failed; no token exists, and the nonce is not consumed.
    """
    now, settings = node.now(), node.settings
    signed_in = verify_siwe(
        message,
        signature,
        SiweAudience(settings.domain, node.origins, settings.chain_id, node.services.instance),
        now,
    )
    expires_at = verify_nonce(node.nonce_key, signed_in.nonce, now)
    secret = _new_secret(node)

    def work(connection: sa.Connection) -> Session:
        session = _officers_session(connection, node, signed_in, now)
        if not tokens.is_first_use(connection, _NONCE, signed_in.nonce, expires_at, now):
            raise CredentialError("SIWE: the nonce was used before")
        tokens.add_token(connection, secret, session, now)
        return session

    return Issued(secret, node.services.journal.run(work).expires_at - now)


def _vouched_session(connection: sa.Connection, node: NodeContext, said: Assertion, now: int) -> Session:
    agency = index.find_agency_by_code(connection, said.issuer)
    # A suspended agency may sign in: rule 1 then denies each of its reads, and the denial has a receipt. An
    # offboarded agency is no longer a member.
    if agency is None or agency.status not in (AgencyStatus.ACTIVE, AgencyStatus.SUSPENDED):
        raise CredentialError("assertion: iss is not the code of a member agency")
    if not hmac.compare_digest(agency.credential_key_digest, said.key):
        raise CredentialError("assertion: not signed by the agency's key in the registry")
    if index.is_of_earlier_epoch(connection, agency, said.key):
        raise CredentialError(
            "assertion: signed by a key from before a reported compromise of this agency; rotate it"
        )
    session = Session(
        agency=agency.agency,
        role=said.role,
        officer=said.officer,
        account=None,
        system=said.system,
        credential_until=said.until,
        expires_at=min(now + node.settings.token_seconds, said.until),
        epoch=agency.epoch,
        credential_key=said.key,
    )
    _verify_live(connection, session)
    return session


def _verify_live(connection: sa.Connection, session: Session) -> None:
    if find_standing(connection, session).is_live:
        return
    if revocations.awaited_since(connection, session.agency) is not None:
        raise CredentialError(
            "assertion: this node was restored without the agency's newest revocation list; the agency has to"
            " put it again first (`cityledger officer revoke --whole`)"
        )
    raise CredentialError("assertion: the agency has revoked this officer")


def _officers_session(connection: sa.Connection, node: NodeContext, who: SignedIn, now: int) -> Session:
    live = find_live_role(connection, who.agency, who.account, max(now, node.services.clock.at()))
    if live is None:
        raise CredentialError("SIWE: the account has no live role at this agency")
    role, until, epoch = live
    return Session(
        agency=who.agency,
        role=role,
        officer=who.account,
        account=who.account,
        system=_SIWE_SYSTEM,
        credential_until=until,
        expires_at=min(now + node.settings.token_seconds, until, who.until),
        epoch=epoch,
        credential_key=None,
    )


def _consume(connection: sa.Connection, proof: DpopProof, proved: str, now: int) -> None:
    if not tokens.is_first_use(connection, _DPOP, f"{proved}:{proof.jti}", proof.expires_at, now):
        raise CredentialError("DPoP proof: this jti was used before")


def _new_secret(node: NodeContext) -> str:
    return base64.urlsafe_b64encode(node.services.random_bytes(32)).rstrip(b"=").decode()

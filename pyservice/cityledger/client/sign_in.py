"""Credentials into access tokens, fetched when needed and renewed before they lapse."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric import ec
from eth_account.signers.local import LocalAccount

from cityledger.client.answers import NodeInfo
from cityledger.client.connection import Connection, Request
from cityledger.client.credentials import (
    SiweStatement,
    Vouched,
    make_assertion,
    make_dpop_proof,
    make_siwe_message,
    sign_siwe_message,
)
from cityledger.client.wire import read_answer
from cityledger.errors import CredentialError
from cityledger.types import AgencyId, Role

TOKEN_PATH = "/v1/token"  # noqa: S105 - a path
ASSERTION_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SIWE_GRANT = "urn:cityledger:params:oauth:grant-type:siwe"
SIWE_SECONDS = 600
ASSERTION_SECONDS = 900
"""An assertion made here is used at once, so it need not live longer than the token that it buys."""
RENEW_SECONDS = 30
"""A token with less time than this left is not used any more."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What signing in needs of the machine: Unix seconds, and *n* secret random bytes."""

    now: Callable[[], float]
    random: Callable[[int], bytes]

    def identifier(self) -> str:
        """A fresh ``jti``."""
        return self.random(16).hex()


@dataclass(frozen=True, slots=True)
class Grant:
    """The form of a token request, and its DPoP proof where one is due."""

    form: dict[str, str]
    proof: str | None = None


class Credentials(Protocol):
    """Something that buys a token at a node."""

    def grant(self, connection: Connection, node: NodeInfo, machine: Machine) -> Grant: ...


@dataclass(frozen=True, slots=True)
class AssertionCredentials:
    """An officer or system that the agency vouches for with its credential key (both keys on P-256).

    ``issuer`` is the agency's code, ``role`` READER or WRITER. Without ``proof_key`` a fresh one is made.
    """

    issuer: str
    officer: str
    role: Role
    system: str
    credential_key: ec.EllipticCurvePrivateKey = field(repr=False)
    proof_key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1()), repr=False
    )

    def grant(self, connection: Connection, node: NodeInfo, machine: Machine) -> Grant:
        now = int(machine.now())
        said = Vouched(
            self.issuer, self.officer, self.role, self.system, now, machine.identifier(), ASSERTION_SECONDS
        )
        assertion = make_assertion(
            said, instance=node.instance, credential_key=self.credential_key, proof_key=self.proof_key
        )
        url = connection.base_url + TOKEN_PATH
        proof = make_dpop_proof(self.proof_key, url=url, issued=now, identifier=machine.identifier())
        return Grant({"grant_type": ASSERTION_GRANT, "assertion": assertion}, proof)


@dataclass(frozen=True, slots=True)
class SiweCredentials:
    """An on-chain officer: an account that signs in for one agency (EIP-4361).

    ``domain`` is what the officer expects the node to be called; None expects the host of its URL. A node
    that names another is refused: it could pass the signed message on to the node of that name.
    """

    account: LocalAccount = field(repr=False)
    agency: AgencyId
    domain: str | None = None

    def grant(self, connection: Connection, node: NodeInfo, machine: Machine) -> Grant:
        self._verify_domain(connection, node)
        nonce = connection.send(Request("GET", "/v1/siwe/nonce")).json()["nonce"]
        now = int(machine.now())
        said = SiweStatement(
            domain=node.siwe_domain,
            url=connection.base_url,
            chain_id=node.chain_id,
            instance=node.instance,
            agency=self.agency,
            nonce=str(nonce),
            issued=now,
            expires=now + SIWE_SECONDS,
        )
        message = make_siwe_message(said, self.account.address)
        signature = sign_siwe_message(message, self.account)
        return Grant({"grant_type": SIWE_GRANT, "message": message, "signature": signature})

    def _verify_domain(self, connection: Connection, node: NodeInfo) -> None:
        expected = connection.host if self.domain is None else self.domain
        if node.siwe_domain == expected or (self.domain is None and connection.is_local):
            return
        raise CredentialError(
            f"the node calls itself {node.siwe_domain}, not {expected}; name the domain if that is right"
        )


@dataclass(frozen=True, slots=True)
class AccessToken:
    """``until`` is in the machine's Unix seconds."""

    secret: str = field(repr=False)
    until: float


class Access:
    """The token of one client: given once, or bought with credentials and renewed. Usable from threads."""

    def __init__(
        self,
        connection: Connection,
        about: Callable[[], NodeInfo],
        machine: Machine,
        credentials: Credentials | None,
        token: str | None,
    ) -> None:
        self._connection = connection
        self._about = about
        self._machine = machine
        self._credentials = credentials
        self._token = None if token is None else AccessToken(token, float("inf"))
        self._lock = threading.Lock()

    @property
    def is_renewable(self) -> bool:
        return self._credentials is not None

    def token(self) -> AccessToken:
        """A token with some time left.

        Raises:
            CredentialError: the credentials were refused, or there are none.
        """
        with self._lock:
            if self._token is None or self._token.until - RENEW_SECONDS <= self._machine.now():
                self._token = self._buy()
            return self._token

    def forget(self, refused: AccessToken) -> None:
        """Lets go of a token that the node refused, unless another thread has a new one already."""
        with self._lock:
            if self._token is refused:
                self._token = None

    def _buy(self) -> AccessToken:
        if self._credentials is None:
            raise CredentialError(
                "neither credentials nor a token were given: on the command line --credentials FILE (see"
                " `cityledger whoami --help`) or --token"
            )
        asked_at = self._machine.now()
        grant = self._credentials.grant(self._connection, self._about(), self._machine)
        headers = {} if grant.proof is None else {"DPoP": grant.proof}
        told = self._connection.send(Request("POST", TOKEN_PATH, headers=headers, form=grant.form)).json()
        answer = read_answer(_TokenAnswer, _camel(told), "a token request")
        return AccessToken(answer.access_token, asked_at + answer.expires_in)


@dataclass(frozen=True, slots=True)
class _TokenAnswer:
    access_token: str
    expires_in: int


def _camel(told: object) -> object:
    """RFC 6749 names its members with underscores; ours are in camel case."""
    names = {"access_token": "accessToken", "expires_in": "expiresIn"}
    return {names.get(name, name): value for name, value in told.items()} if isinstance(told, dict) else told

"""Token requests made from credentials. Nothing here sends a request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric import ec
from eth_account.signers.local import LocalAccount

from cityledger.client.answers import NodeInfo, WhoAmI
from cityledger.client.credentials.statements import (
    SiweStatement,
    Vouched,
    make_assertion,
    make_dpop_proof,
    make_siwe_message,
    sign_siwe_message,
)
from cityledger.client.http.address import NodeAddress
from cityledger.client.releases.checks import Caller
from cityledger.client.wire import read_answer
from cityledger.errors import CredentialError, VerificationError
from cityledger.types import AgencyId, Role

TOKEN_PATH = "/v1/token"  # noqa: S105 - a path
ASSERTION_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SIWE_GRANT = "urn:cityledger:params:oauth:grant-type:siwe"
SIWE_SECONDS = 600
ASSERTION_SECONDS = 900
"""An assertion made here is used at once, so it need not live longer than its token."""
RENEW_SECONDS = 30
"""A token that expires sooner than this is no longer used."""


@dataclass(frozen=True, slots=True)
class Machine:
    """The clock and randomness for sign-in: Unix seconds, and *n* secret random bytes."""

    now: Callable[[], float]
    random: Callable[[int], bytes]

    def identifier(self) -> str:
        """A fresh ``jti``."""
        return self.random(16).hex()


@dataclass(frozen=True, slots=True)
class Grant:
    """The form of a token request, and its DPoP proof if one is required."""

    form: dict[str, str]
    proof: str | None = None


class Credentials(Protocol):
    """Credentials from which token requests are made."""

    @property
    def needs_nonce(self) -> bool:
        """Whether a nonce must be requested from the node first."""
        ...

    def grant(self, address: NodeAddress, node: NodeInfo, nonce: str, machine: Machine) -> Grant:
        """The token request for ``node``, by its description of itself; ``nonce`` is "" if none is needed."""
        ...


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

    @property
    def needs_nonce(self) -> bool:
        return False

    def grant(self, address: NodeAddress, node: NodeInfo, nonce: str, machine: Machine) -> Grant:
        now = int(machine.now())
        said = Vouched(
            self.issuer, self.officer, self.role, self.system, now, machine.identifier(), ASSERTION_SECONDS
        )
        assertion = make_assertion(
            said, instance=node.instance, credential_key=self.credential_key, proof_key=self.proof_key
        )
        url = address.url + TOKEN_PATH
        proof = make_dpop_proof(self.proof_key, url=url, issued=now, identifier=machine.identifier())
        return Grant({"grant_type": ASSERTION_GRANT, "assertion": assertion}, proof)


@dataclass(frozen=True, slots=True)
class SiweCredentials:
    """An on-chain officer: an account that signs in for one agency (EIP-4361).

    ``domain`` is the domain that the officer expects the node to name; None expects the host of its URL. A
    node that names another is refused: it could pass the signed message on to the node of that name.
    """

    account: LocalAccount = field(repr=False)
    agency: AgencyId
    domain: str | None = None

    @property
    def needs_nonce(self) -> bool:
        return True

    def grant(self, address: NodeAddress, node: NodeInfo, nonce: str, machine: Machine) -> Grant:
        self._verify_domain(address, node)
        now = int(machine.now())
        said = SiweStatement(
            domain=node.siwe_domain,
            url=address.url,
            chain_id=node.chain_id,
            instance=node.instance,
            agency=self.agency,
            nonce=nonce,
            issued=now,
            expires=now + SIWE_SECONDS,
        )
        message = make_siwe_message(said, self.account.address)
        signature = sign_siwe_message(message, self.account)
        return Grant({"grant_type": SIWE_GRANT, "message": message, "signature": signature})

    def _verify_domain(self, address: NodeAddress, node: NodeInfo) -> None:
        expected = address.host if self.domain is None else self.domain
        if node.siwe_domain == expected or (self.domain is None and address.is_local):
            return
        raise CredentialError(
            f"the node calls itself {node.siwe_domain}, not {expected}; name the domain if that is right"
        )


@dataclass(frozen=True, slots=True)
class AccessToken:
    """``until`` is in the machine's Unix seconds."""

    secret: str = field(repr=False)
    until: float


def caller_of(credentials: Credentials | None, who: WhoAmI) -> Caller:
    """The caller for which credentials are valid; ``who``, by the node, supplies what they do not state.

    Raises:
        VerificationError: the node names another caller than the credentials.
    """
    caller = Caller(who.agency, who.officer, who.system)
    expected = caller
    if isinstance(credentials, AssertionCredentials):
        expected = Caller(who.agency, credentials.officer, credentials.system)
    elif isinstance(credentials, SiweCredentials):
        expected = Caller(credentials.agency, str(credentials.account.address), who.system)
    if caller != expected:
        raise VerificationError("the node names another caller than this client's credentials do")
    return expected


def read_token(value: object, requested_at: float) -> AccessToken:
    """The token in the answer to a request that was made at ``requested_at``, in the machine's Unix seconds.

    Raises:
        NodeError: the answer has another form.
    """
    answer = read_answer(_TokenAnswer, _camel(value), "a token request")
    return AccessToken(answer.access_token, requested_at + answer.expires_in)


@dataclass(frozen=True, slots=True)
class _TokenAnswer:
    access_token: str
    expires_in: int


def _camel(value: object) -> object:
    """The members of RFC 6749, which have underscores, in camel case."""
    names = {"access_token": "accessToken", "expires_in": "expiresIn"}
    return {names.get(name, name): one for name, one in value.items()} if isinstance(value, dict) else value

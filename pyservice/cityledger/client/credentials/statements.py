"""Statements that a caller signs to get a token: assertion, DPoP proof, SIWE message. Source: SPEC.md §6.

Pure: the clock and randomness are arguments, so that a test can make each text again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from eth_account.messages import encode_defunct
from eth_account.signers.local import LocalAccount
from joserfc import jws
from joserfc.jwk import ECKey

from cityledger.types import AgencyId, Role

MAX_LIFE_SECONDS = 12 * 3600
"""Longest life of an assertion."""
SIWE_VERSION = "1"
_ROLES = {Role.READER: "reader", Role.WRITER: "writer"}


@dataclass(frozen=True, slots=True)
class Vouched:
    """The claims of an agency's assertion: an officer, in a role, at a system, from ``issued`` (Unix seconds)
    for ``life_seconds``. ``identifier`` is the ``jti``."""

    issuer: str
    officer: str
    role: Role
    system: str
    issued: int
    identifier: str
    life_seconds: int = MAX_LIFE_SECONDS


def make_assertion(
    vouched: Vouched,
    *,
    instance: bytes,
    credential_key: ec.EllipticCurvePrivateKey,
    proof_key: ec.EllipticCurvePrivateKey,
) -> str:
    """The assertion (RFC 7523) signed by the agency's credential key (ES256) and bound to ``proof_key``.

    Raises:
        ValueError: the role is on chain and not an agency's to vouch for.
    """
    if vouched.role not in _ROLES:
        raise ValueError("an assertion's role is READER or WRITER; the others are on chain")
    claims = {
        "iss": vouched.issuer,
        "sub": vouched.officer,
        "role": _ROLES[vouched.role],
        "system": vouched.system,
        "aud": "0x" + instance.hex(),
        "iat": vouched.issued,
        "exp": vouched.issued + vouched.life_seconds,
        "jti": vouched.identifier,
        "cnf": {"jkt": _key(proof_key).thumbprint()},
    }
    return _signed({"typ": "JWT"}, claims, credential_key)


@dataclass(frozen=True, slots=True)
class Revoking:
    """An agency's list of the officers that it no longer vouches for, each in one system or, with None, in
    every one. ``issued`` is Unix seconds; ``seq`` is above that of the previous list."""

    issuer: str
    issued: int
    seq: int
    revoked: Sequence[tuple[str, str | None]]


def make_revocation_list(
    revoking: Revoking, *, instance: bytes, credential_key: ec.EllipticCurvePrivateKey
) -> str:
    """The list signed by the agency's credential key (ES256), as a compact JWS (SPEC.md §6)."""
    claims = {
        "iss": revoking.issuer,
        "aud": "0x" + instance.hex(),
        "iat": revoking.issued,
        "seq": revoking.seq,
        "revoked": [
            {"sub": officer} if system is None else {"sub": officer, "system": system}
            for officer, system in revoking.revoked
        ],
    }
    return _signed({"typ": "cityledger-revocations+jwt"}, claims, credential_key)


def make_dpop_proof(
    proof_key: ec.EllipticCurvePrivateKey, *, url: str, issued: int, identifier: str, method: str = "POST"
) -> str:
    """Proof of possession of ``proof_key`` for one request (RFC 9449); its ``jti`` is single-use."""
    claims = {"jti": identifier, "htm": method, "htu": url, "iat": issued}
    return _signed({"typ": "dpop+jwt"}, claims, proof_key)


@dataclass(frozen=True, slots=True)
class SiweStatement:
    """The contents of an on-chain officer's SIWE message. Times are Unix seconds; ``nonce`` is the node's;
    ``url`` is the node's address, for people to read."""

    domain: str
    url: str
    chain_id: int
    instance: bytes
    agency: AgencyId
    nonce: str
    issued: int
    expires: int


def make_siwe_message(statement: SiweStatement, address: str) -> str:
    """The EIP-4361 text for the account ``address`` (EIP-55)."""
    return "\n".join(
        [
            f"{statement.domain} wants you to sign in with your Ethereum account:",
            address,
            "",
            "",
            f"URI: {statement.url}",
            f"Version: {SIWE_VERSION}",
            f"Chain ID: {statement.chain_id}",
            f"Nonce: {statement.nonce}",
            f"Issued At: {_instant(statement.issued)}",
            f"Expiration Time: {_instant(statement.expires)}",
            "Resources:",
            f"- cityledger:instance:0x{statement.instance.hex()}",
            f"- cityledger:agency:{statement.agency}",
        ]
    )


def sign_siwe_message(message: str, account: LocalAccount) -> str:
    """The EIP-191 signature of the text, 0x and 65 bytes."""
    return "0x" + bytes(account.sign_message(encode_defunct(text=message)).signature).hex()


def _signed(header: Mapping[str, Any], claims: Mapping[str, Any], key: ec.EllipticCurvePrivateKey) -> str:
    jwk = _key(key)
    protected = {"alg": "ES256", **header, "jwk": jwk.as_dict(private=False)}
    return jws.serialize_compact(protected, json.dumps(dict(claims)), jwk, algorithms=["ES256"])


def _key(key: ec.EllipticCurvePrivateKey) -> ECKey:
    return ECKey.import_key(key)


def _instant(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

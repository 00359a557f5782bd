"""JSON of tokens, nonces and the signed-in caller."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict

from cityledger.api.http.shapes import AgencyNumber, ResponseModel, with_example
from cityledger.store.sessions.tokens import Session


class Nonce(ResponseModel):
    model_config = with_example(
        ResponseModel, {"nonce": "5f1f0c9e7b6a4d3c2b1a09f8e7d6c5b4", "expiresIn": 600}
    )

    nonce: str
    expires_in: int


class Token(ResponseModel):
    """The members have the names of RFC 6749 §5.1, hence not in camel case."""

    model_config = ConfigDict(
        alias_generator=None,
        json_schema_extra={
            "examples": [{"access_token": "kQ3w…", "token_type": "Bearer", "expires_in": 900}]
        },
    )

    access_token: str
    token_type: str
    expires_in: int


class WhoAmI(ResponseModel):
    """Times are Unix seconds."""

    model_config = with_example(
        ResponseModel,
        {
            "agency": 7,
            "role": "reader",
            "officer": "dr.chen",
            "account": None,
            "system": "ward-3",
            "credentialUntil": 1767225600,
            "expiresAt": 1767190500,
        },
    )

    agency: AgencyNumber
    role: str
    officer: str
    account: str | None
    system: str
    credential_until: int
    expires_at: int


TOKEN_FORM: dict[str, Any] = {
    "required": True,
    "content": {
        "application/x-www-form-urlencoded": {
            "schema": {
                "type": "object",
                "required": ["grant_type"],
                "properties": {
                    "grant_type": {
                        "enum": [
                            "urn:ietf:params:oauth:grant-type:jwt-bearer",
                            "urn:cityledger:params:oauth:grant-type:siwe",
                        ]
                    },
                    "assertion": {
                        "type": "string",
                        "description": "With jwt-bearer, in addition to a DPoP header (RFC 9449)",
                    },
                    "message": {"type": "string", "description": "With siwe: the EIP-4361 text"},
                    "signature": {"type": "string", "description": "With siwe: 0x and 65 bytes in hex"},
                },
            },
            "examples": {
                "agency": {
                    "value": {
                        "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
                        "assertion": "eyJhbGciOiJFUzI1NiIs…",
                    }
                },
                "officer on chain": {
                    "value": {
                        "grant_type": "urn:cityledger:params:oauth:grant-type:siwe",
                        "message": "city.example wants you to sign in with your Ethereum account:\n0x…",
                        "signature": "0x…",
                    }
                },
            },
        }
    },
}


def who_am_i(session: Session) -> WhoAmI:
    return WhoAmI(
        agency=session.agency,
        role=session.role.name.lower(),
        officer=session.officer,
        account=session.account,
        system=session.system,
        credential_until=session.credential_until,
        expires_at=session.expires_at,
    )

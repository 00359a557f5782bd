"""JSON of the officers that an agency no longer vouches for."""

from __future__ import annotations

from typing import Any

from cityledger.api.http.shapes import ResponseModel, with_example

JWT = "application/jwt"
LIST_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        JWT: {
            "schema": {
                "type": "string",
                "description": "A compact JWS (SPEC.md §6), at most 64 KiB",
            },
            "example": "eyJhbGciOiJFUzI1NiIsInR5cCI6ImNpdHlsZWRnZXItcmV2b2NhdGlvbnMrand0In0…",
        }
    },
}


class RevokedView(ResponseModel):
    """``system`` is null where the officer is revoked in every system."""

    model_config = with_example(ResponseModel, {"sub": "dr.chen", "system": None})

    sub: str
    system: str | None


class Revocations(ResponseModel):
    """``seq`` is that of the last list which the agency's registered key signed; 0 before its first."""

    model_config = with_example(ResponseModel, {"seq": 4, "revoked": [{"sub": "dr.chen", "system": None}]})

    seq: int
    revoked: list[RevokedView]

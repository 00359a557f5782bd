"""Routes of the officers that an agency no longer vouches for."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from cityledger.api.caller import Caller, Node
from cityledger.api.directory.routes import AgencyInPath
from cityledger.api.limits.admission import SIGN_IN_COST
from cityledger.api.revocations.lists import own_revocations, take_revocations
from cityledger.api.revocations.signed_list import MAX_CHARACTERS
from cityledger.api.revocations.wire import LIST_BODY, Revocations
from cityledger.api.strict_requests import StrictRoute, raw_body
from cityledger.errors import FieldError
from cityledger.settings import Settings

REVOCATIONS = "/v1/agencies/{agency}/revocations"


class SignedListRoute(StrictRoute):
    """The signature in the body identifies the sender, so no token is required and the body must be short."""

    def body_limit_bytes(self, settings: Settings) -> int:
        return MAX_CHARACTERS

    async def authenticate(self, request: Request) -> None:
        await super().authenticate(request)
        request.state.cost = SIGN_IN_COST


router = APIRouter(route_class=SignedListRoute, tags=["sign-in"])


async def signed_text(body: Annotated[bytes, Depends(raw_body)]) -> str:
    """The compact JWS.

    Raises:
        FieldError: not ASCII.
    """
    try:
        return body.decode("ascii")
    except UnicodeDecodeError as error:
        raise FieldError("", "must be a compact JWS in ASCII") from error


@router.get(REVOCATIONS)
def get_revocations(node: Node, session: Caller, name: AgencyInPath) -> Revocations:
    """The list in effect, for the agency's own officers."""
    return own_revocations(node, session, name)


@router.put(REVOCATIONS, openapi_extra={"requestBody": LIST_BODY})
def put_revocations(
    node: Node, name: AgencyInPath, text: Annotated[str, Depends(signed_text)]
) -> Revocations:
    """Puts a new list in effect at once; its signature identifies the sender, so no token is needed."""
    return take_revocations(node, name, text)

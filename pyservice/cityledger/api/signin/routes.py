"""Routes of sign-in and of the signed-in caller."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, Request, Response
from starlette.concurrency import run_in_threadpool

from cityledger.api.caller import Caller, Node
from cityledger.api.http.headers import find_header
from cityledger.api.limits.admission import SIGN_IN_COST
from cityledger.api.signin.dpop import DpopProof
from cityledger.api.signin.issuing import (
    NONCE_SECONDS,
    Issued,
    new_nonce,
    sign_in_by_assertion,
    sign_in_by_siwe,
    verify_proof,
)
from cityledger.api.signin.signed_claims import MAX_CHARACTERS
from cityledger.api.signin.wire import TOKEN_FORM, Nonce, Token, WhoAmI, who_am_i
from cityledger.api.strict_requests import StrictRoute, raw_body
from cityledger.errors import FieldError
from cityledger.settings import Settings

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SIWE = "urn:cityledger:params:oauth:grant-type:siwe"
TOKEN_PATH = "/v1/token"  # noqa: S105 - a path
_MAX_FIELDS = 16
_FIELDS = {JWT_BEARER: {"assertion"}, SIWE: {"message", "signature"}}


class SignInRoute(StrictRoute):
    """Accepts a short form; a proof of possession in the headers is checked before the form is read."""

    def body_limit_bytes(self, settings: Settings) -> int:
        return settings.sign_in_limit_bytes

    async def authenticate(self, request: Request) -> None:
        await super().authenticate(request)
        request.state.cost = SIGN_IN_COST
        proof = find_header(request, "DPoP", MAX_CHARACTERS)
        if proof is not None:
            node = request.app.state.node
            request.state.proof = await run_in_threadpool(verify_proof, node, proof, TOKEN_PATH)


router = APIRouter(route_class=StrictRoute, tags=["sign-in"])
tokens = APIRouter(route_class=SignInRoute, tags=["sign-in"])


def token_form(body: Annotated[bytes, Depends(raw_body)]) -> dict[str, str]:
    """The form, with exactly the fields of its grant type, each once.

    Raises:
        FieldError: names the field.
    """
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=_MAX_FIELDS,
        )
    except ValueError as error:
        raise FieldError("", "the body must be a form in ASCII, its values percent-encoded UTF-8") from error
    form = dict(pairs)
    if len(form) != len(pairs):
        raise FieldError("", "the form has a field more than once")
    fields = _FIELDS.get(form.get("grant_type", ""))
    if fields is None:
        raise FieldError("grant_type", f"must be {JWT_BEARER} or {SIWE}")
    for name in sorted(fields ^ (form.keys() - {"grant_type"})):
        raise FieldError(name[:64], "is required" if name in fields else "is not a field of this grant type")
    return form


Form = Annotated[dict[str, str], Depends(token_form)]


@router.get("/v1/siwe/nonce")
def siwe_nonce(node: Node, response: Response) -> Nonce:
    """A nonce for one SIWE message."""
    response.headers["Cache-Control"] = "no-store"
    return Nonce(nonce=new_nonce(node), expires_in=NONCE_SECONDS)


@tokens.post(TOKEN_PATH, openapi_extra={"requestBody": TOKEN_FORM})
def token(node: Node, form: Form, request: Request, response: Response) -> Token:
    """An access token for an agency's assertion with a DPoP proof, or for a SIWE message."""
    issued = _sign_in(node, form, request)
    response.headers["Cache-Control"] = "no-store"
    return Token(access_token=issued.secret, token_type="Bearer", expires_in=issued.expires_in)  # noqa: S106


@router.get("/v1/whoami")
def whoami(session: Caller) -> WhoAmI:
    """The officer or system to which the token was issued."""
    return who_am_i(session)


def _sign_in(node: Node, form: dict[str, str], request: Request) -> Issued:
    if form["grant_type"] == SIWE:
        return sign_in_by_siwe(node, form["message"], form["signature"])
    proof: DpopProof | None = getattr(request.state, "proof", None)
    if proof is None:
        raise FieldError("DPoP", "this header is required: prove the key of cnf.jkt (RFC 9449)")
    return sign_in_by_assertion(node, form["assertion"], proof)


router.include_router(tokens)

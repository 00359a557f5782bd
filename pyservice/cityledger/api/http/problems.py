"""Errors as HTTP answers: a table of the classes in ``errors.py``, and one JSON shape (RFC 9457)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from cityledger import errors

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:cityledger:problem:"
RETRY_AFTER_SECONDS = 5
_SHOWN_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Problem:
    """The answer to one class of errors. ``code`` is stable and for programs to compare; ``title`` is for
    people. ``detail`` is None where the error's own text is returned."""

    status: int
    code: str
    title: str
    detail: str | None = None


_ALTERED = Problem(
    500,
    "stored-bytes-altered",
    "Stored bytes are not those that were written",
    "the bytes that this node stores of the record contradict each other, so none of them were returned",
)
INTERNAL = Problem(500, "internal-error", "The node failed", "an unexpected error; see the node's log")

PROBLEMS: Mapping[type[errors.CityledgerError], Problem] = {
    errors.CityledgerError: INTERNAL,
    errors.InputError: Problem(400, "invalid-request", "The request is wrong"),
    errors.MalformedJsonError: Problem(400, "malformed-json", "The body is not strict JSON"),
    errors.FieldError: Problem(422, "invalid-field", "A field is wrong"),
    errors.PayloadError: Problem(422, "invalid-payload", "The payload does not fit the dataset"),
    errors.FormatError: Problem(422, "wrong-format", "The file is not of its declared format"),
    errors.TooLargeError: Problem(413, "too-large", "Over a published limit"),
    errors.StalledBodyError: Problem(408, "body-stalled", "The body came too slowly"),
    errors.MediaTypeError: Problem(415, "unsupported-media-type", "This media type is not accepted here"),
    errors.NotAcceptableError: Problem(406, "not-acceptable", "Not available in an accepted media type"),
    errors.AuthenticationError: Problem(401, "unauthenticated", "Sign in first"),
    errors.CredentialError: Problem(401, "credential-refused", "The credential was refused"),
    errors.TokenError: Problem(401, "token-refused", "The access token was refused"),
    errors.DeniedError: Problem(403, "denied", "The rules deny this"),
    errors.NotFoundError: Problem(404, "not-found", "Not found"),
    errors.MisdirectedError: Problem(421, "misdirected", "Another node is responsible"),
    errors.ContradictionError: Problem(
        409, "state-contradicted", "Another state of the same instant is stored"
    ),
    errors.ConflictError: Problem(409, "conflict", "The state has changed since then"),
    errors.StaleVersionError: Problem(412, "stale-version", "A newer version was written concurrently"),
    errors.VaultKeyRotatedError: Problem(
        409, "vault-key-rotated", "A key was changed concurrently; try again"
    ),
    errors.HeadMovedError: Problem(409, "head-moved", "Another version is the current head"),
    errors.IdempotencyError: Problem(422, "idempotency-key-reused", "The key was used with another request"),
    errors.UnavailableError: Problem(503, "unavailable", "Temporarily unavailable"),
    errors.TooManyRequestsError: Problem(429, "too-many-requests", "Too many requests"),
    errors.BusyError: Problem(503, "busy", "Other requests use the resources that this one needs"),
    errors.StaleIndexError: Problem(503, "index-stale", "The index is too old for decisions"),
    errors.OtherRulesError: Problem(503, "other-rules", "The city's rules differ from this node's"),
    errors.ChainUnavailableError: Problem(503, "chain-unavailable", "The chain does not answer"),
    errors.KeyUnavailableError: Problem(503, "key-unavailable", "A key of this node cannot be reached"),
    errors.NotAnchoredError: Problem(503, "not-anchored", "Durable, but not mined yet"),
    errors.NodeUnreachableError: Problem(502, "node-unreachable", "Another node does not answer"),
    errors.CheckFailedError: Problem(503, "check-failed", "A health check of this node fails"),
    errors.WriteConflictError: Problem(503, "write-conflict", "Too many concurrent writes; try again"),
    errors.UnknownOutcomeError: Problem(503, "outcome-unknown", "Check whether it was written, then repeat"),
    errors.StorageFullError: Problem(507, "storage-full", "Nothing was written: the storage is full"),
    errors.SealingError: _ALTERED,
    errors.VerificationError: _ALTERED,
    errors.KeyringError: Problem(500, "key-missing", "A key is missing", "a key of this node is missing"),
    errors.NodeError: Problem(502, "node-error", "Another node answered against the protocol"),
    errors.ChainError: Problem(502, "chain-error", "The chain answered against the protocol"),
    errors.RevertedError: Problem(409, "contract-refused", "The contract refused"),
    errors.WrongChainError: Problem(502, "wrong-chain", "The endpoint serves another chain"),
    errors.LogHaltedError: Problem(503, "log-halted", "The provider's log is halted"),
    errors.ConfigurationError: Problem(
        500, "misconfigured", "The node is configured wrongly", INTERNAL.detail
    ),
}

_HINTS = {
    404: "the path does not exist; GET /openapi.json lists all paths. An id is one segment, without /",
    405: "the path does not support this method; GET /openapi.json lists the methods of each path",
}
_HTTP_CODES = {404: "route-not-found", 405: "method-not-allowed"}


def problem_of(error: errors.CityledgerError) -> Problem:
    """The row of the error's class, or of the nearest class above it."""
    return next(PROBLEMS[kind] for kind in type(error).__mro__ if kind in PROBLEMS)


def answer(error: errors.CityledgerError) -> Response:
    """The HTTP answer to one of our errors."""
    problem = problem_of(error)
    code = f"{error.what}-not-found" if isinstance(error, errors.NotFoundError) else problem.code
    extra: dict[str, Any] = {}
    if isinstance(error, errors.InputError) and error.field:
        extra["field"] = error.field[:_SHOWN_CHARACTERS]
    if isinstance(error, errors.DeniedError):
        extra["ruleCode"] = error.code
    return _response(problem, code, problem.detail or str(error), extra, _headers(error, problem))


def answer_http_exception(error: HTTPException) -> Response:
    """The framework's own refusals (no such route, no such method) in the same shape."""
    code = _HTTP_CODES.get(error.status_code, "http-error")
    problem = Problem(error.status_code, code, str(error.detail))
    return _response(
        problem, code, _HINTS.get(error.status_code, str(error.detail)), {}, dict(error.headers or {})
    )


def answer_validation_error(error: RequestValidationError) -> Response:
    """The first field that is wrong; its value is not repeated, since it may be personal."""
    first = error.errors()[0]
    place, *path = first["loc"]
    field = ".".join(str(step) for step in path) if place in ("body", "query", "path") else str(path)
    return answer(errors.FieldError(field, str(first["msg"])))


def answer_unexpected() -> Response:
    """The answer to an error of another library: it discloses nothing about the node."""
    return _response(INTERNAL, INTERNAL.code, INTERNAL.detail or "", {}, {})


def _headers(error: errors.CityledgerError, problem: Problem) -> dict[str, str]:
    if isinstance(error, errors.AuthenticationError):
        cause = ', error="invalid_token"' if isinstance(error, errors.TokenError) else ""
        return {"WWW-Authenticate": f'Bearer realm="cityledger"{cause}'}
    if isinstance(error, errors.TooManyRequestsError):
        return {"Retry-After": str(math.ceil(error.retry_after_seconds))}
    return {"Retry-After": str(RETRY_AFTER_SECONDS)} if problem.status == 503 else {}


def _response(
    problem: Problem, code: str, detail: str, extra: Mapping[str, Any], headers: Mapping[str, str]
) -> Response:
    body = {
        "type": TYPE_PREFIX + code,
        "title": problem.title,
        "status": problem.status,
        "detail": detail,
        "code": code,
        **extra,
    }
    return Response(msgspec.json.encode(body), problem.status, dict(headers), MEDIA_TYPE)

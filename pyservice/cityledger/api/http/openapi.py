"""The OpenAPI document: what FastAPI derives from the routes, and the problems that each route can return."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from cityledger.api.http.problems import MEDIA_TYPE, PROBLEMS, TYPE_PREFIX

_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "description": "Stable; for programs to compare"},
        "field": {"type": "string", "description": "The field that is wrong, e.g. parts.summary.status"},
        "ruleCode": {"type": "integer", "description": "With 403: rule × 10 + cause (SPEC.md §2)"},
    },
}
_ALWAYS = (400, 404, 408, 413, 415, 422, 429, 500, 503)
_RECORD = "/v1/datasets/{dataset}/records/{id}"
"""The one path whose answers come in more than one media type."""
SUMMARIES = {
    "siwe_nonce": "Get a nonce to sign in with",
    "token": "Get an access token",
    "whoami": "Get the signed-in caller",
    "agencies": "List agencies",
    "agency": "Get an agency",
    "get_revocations": "List your agency's revoked officers",
    "put_revocations": "Put a signed list of revoked officers",
    "catalog": "Search datasets",
    "dataset": "Get a dataset with its terms",
    "schema": "Get a dataset's JSON Schema",
    "find": "Find records",
    "check": "Check whether a record exists",
    "resolve": "Get a subject's pseudonym",
    "record_history": "List a record's versions",
    "record_proof": "Get a version's proof file",
    "get_record": "Read a record",
    "put_record": "Write a record",
    "delete_record": "Erase a record",
    "withdraw_record": "Withdraw a record",
    "release_record": "Read a record sealed to your own key",
    "get_part": "Read one part of a record",
    "get_ciphertext": "Fetch the ciphertext of a long part",
    "tombstone_proof": "Get the proof file of an erasure",
    "move_head": "Move a record's head on chain",
    "start_import": "Import a file",
    "imports": "List imports",
    "one_import": "Get an import's progress",
    "import_rows": "List an import's rows with a verdict",
    "import_errors": "List an import's rejected rows",
    "restrict": "Restrict a record",
    "seal": "Seal a record by law",
    "grants": "List grants",
    "grant": "Make a grant",
    "revoke": "Revoke a grant",
    "decision": "Get a decision in advance",
    "reads": "List reads",
    "read_proof": "Get a receipt's proof file",
    "root": "Get the paths of the node's descriptions",
    "healthz": "Check that the process answers",
    "readyz": "Check that the node is ready",
    "about": "Get the deployment and the rules of sign-in",
}
"""The summary of each operation by its id, which is its function's name."""
_SIGNING_IN = (401,)
_REVOCATIONS = "/v1/agencies/{agency}/revocations"
_BY_CREDENTIAL = {("post", "/v1/token"), ("put", _REVOCATIONS)}
"""Operations whose body contains a signed credential in place of a token."""
_SIGNED_IN = (401, 403, 409, 412, 421, 502, 507)


def describe(app: FastAPI) -> dict[str, Any]:
    """The document; FastAPI keeps it after the first call."""
    document = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = _SCHEMA
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    document["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            _complete(operation, _statuses(method, path))
            _name(operation)
            if not _is_open(method, path):
                operation["security"] = [{"token": []}]
    return document


@dataclass(frozen=True, slots=True)
class EncodedDescription:
    """The document as bytes. ``etag`` changes with them."""

    body: bytes
    etag: str


def encoded_description(app: FastAPI) -> EncodedDescription:
    """The document, encoded once for each application; the first call takes some hundred milliseconds."""
    known: EncodedDescription | None = getattr(app.state, "description", None)
    if known is None:
        body = msgspec.json.encode(app.openapi())
        known = EncodedDescription(body, f'"{hashlib.sha256(body).hexdigest()[:32]}"')
        app.state.description = known
    return known


def _statuses(method: str, path: str) -> list[int]:
    """The status codes with which an operation can be refused."""
    if not _is_open(method, path):
        negotiated = (406,) if path == _RECORD else ()
        return sorted((*_ALWAYS, *_SIGNED_IN, *negotiated))
    return sorted((*_ALWAYS, *_SIGNING_IN)) if (method, path) in _BY_CREDENTIAL else list(_ALWAYS)


def _complete(operation: dict[str, Any], statuses: list[int]) -> None:
    for status in statuses:
        declared = operation["responses"].get(str(status), {})
        # FastAPI declares its own shape of 422, which this API never returns.
        if status == 422 or not declared:
            operation["responses"][str(status)] = _response(status)


def _name(operation: dict[str, Any]) -> None:
    """Sets the summary; an operation that is not in the table has the first sentence of its description."""
    description = operation.get("description", operation["operationId"])
    operation["summary"] = SUMMARIES.get(operation["operationId"]) or description.partition(".")[0]


def _response(status: int) -> dict[str, Any]:
    rows = {problem.code: problem for problem in PROBLEMS.values() if problem.status == status}
    examples = {
        code: {
            "value": {
                "type": TYPE_PREFIX + code,
                "title": problem.title,
                "status": status,
                "detail": problem.detail or problem.title,
                "code": code,
            }
        }
        for code, problem in rows.items()
    }
    content = {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": examples}
    return {"description": " · ".join(rows), "content": {MEDIA_TYPE: content}}


def _is_open(method: str, path: str) -> bool:
    """Whether an operation needs no token."""
    if (method, path) in _BY_CREDENTIAL:
        return True
    is_directory = path.startswith(("/v1/agencies", "/v1/catalog")) or path in (
        "/v1/datasets/{dataset}",
        "/v1/datasets/{dataset}/schema",
    )
    is_own = path == _REVOCATIONS
    return (is_directory and not is_own) or path == "/v1/siwe/nonce" or not path.startswith("/v1/")

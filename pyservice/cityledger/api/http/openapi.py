"""The OpenAPI document: what FastAPI derives from the routes, with the problems that each can answer."""

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
        "code": {"type": "string", "description": "Stable; compare this one"},
        "field": {"type": "string", "description": "What is wrong, e.g. parts.summary.status"},
        "ruleCode": {"type": "integer", "description": "With 403: rule × 10 + cause (SPEC.md §2)"},
    },
}
_ALWAYS = (400, 404, 408, 413, 415, 422, 429, 500, 503)
_RECORD = "/v1/datasets/{dataset}/records/{id}"
"""The one path whose answers come in more than one media type."""
SUMMARIES = {
    "siwe_nonce": "Get a nonce to sign in with",
    "token": "Get an access token",
    "whoami": "Tell who is signed in",
    "agencies": "List agencies",
    "agency": "Get an agency",
    "get_revocations": "List your agency's revoked officers",
    "put_revocations": "Put a signed list of revoked officers",
    "catalog": "Search datasets",
    "dataset": "Get a dataset with its terms",
    "schema": "Get a dataset's JSON Schema",
    "find": "Find records",
    "check": "Ask whether there is a record",
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
    "import_rows": "List an import's rows that need a look",
    "import_errors": "List an import's rejected rows",
    "restrict": "Restrict a record",
    "seal": "Seal a record by law",
    "grants": "List grants",
    "grant": "Give a grant",
    "revoke": "Revoke a grant",
    "decision": "Ask what the rules would say",
    "reads": "List who read what",
    "read_proof": "Get a receipt's proof file",
    "root": "Find the way",
    "healthz": "Ask whether the process answers",
    "readyz": "Ask whether the node is ready",
    "about": "Get deployment and rules of sign-in",
}
"""What an operation does in a few words, by its id, which is its function's name."""
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
    """The document as it is sent. ``etag`` changes with its bytes."""

    body: bytes
    etag: str


def encoded_description(app: FastAPI) -> EncodedDescription:
    """Encoded once for each application; the first call takes some hundred milliseconds."""
    known: EncodedDescription | None = getattr(app.state, "description", None)
    if known is None:
        body = msgspec.json.encode(app.openapi())
        known = EncodedDescription(body, f'"{hashlib.sha256(body).hexdigest()[:32]}"')
        app.state.description = known
    return known


def _statuses(method: str, path: str) -> list[int]:
    """The problems with which an operation can be refused."""
    if not _is_open(method, path):
        negotiated = (406,) if path == _RECORD else ()
        return sorted((*_ALWAYS, *_SIGNED_IN, *negotiated))
    return sorted((*_ALWAYS, *_SIGNING_IN)) if (method, path) in _BY_CREDENTIAL else list(_ALWAYS)


def _complete(operation: dict[str, Any], statuses: list[int]) -> None:
    for status in statuses:
        held = operation["responses"].get(str(status), {})
        # FastAPI puts its own shape of 422 there, which this API never answers with.
        if status == 422 or not held:
            operation["responses"][str(status)] = _response(status)


def _name(operation: dict[str, Any]) -> None:
    """One that is not in the table is called by the first sentence of what it says of itself."""
    said = operation.get("description", operation["operationId"])
    operation["summary"] = SUMMARIES.get(operation["operationId"]) or said.partition(".")[0]


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

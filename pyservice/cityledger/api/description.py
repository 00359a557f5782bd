"""The OpenAPI document: what FastAPI derives from the routes, with the problems that each can answer."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from cityledger.api.problems import MEDIA_TYPE, PROBLEMS, TYPE_PREFIX

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
_ALWAYS = (400, 404, 413, 415, 422, 500, 503)
_RECORD = "/v1/datasets/{dataset}/records/{id}"
"""The one path whose answers come in more than one media type."""
_SIGNING_IN = (401,)
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
        for operation in operations.values():
            _complete(operation, _statuses(path))
            if not _is_open(path):
                operation["security"] = [{"token": []}]
    return document


def _statuses(path: str) -> list[int]:
    """What the operations of a path can be refused with."""
    if not _is_open(path):
        negotiated = (406,) if path == _RECORD else ()
        return sorted((*_ALWAYS, *_SIGNED_IN, *negotiated))
    return sorted((*_ALWAYS, *_SIGNING_IN)) if path == "/v1/token" else list(_ALWAYS)


def _complete(operation: dict[str, Any], statuses: list[int]) -> None:
    for status in statuses:
        held = operation["responses"].get(str(status), {})
        # FastAPI puts its own shape of 422 there, which this API never answers with.
        if status == 422 or not held:
            operation["responses"][str(status)] = _response(status)


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


def _is_open(path: str) -> bool:
    """Whether a path needs no sign-in."""
    is_directory = path.startswith(("/v1/agencies", "/v1/catalog")) or path in (
        "/v1/datasets/{dataset}",
        "/v1/datasets/{dataset}/schema",
    )
    return is_directory or path in ("/v1/token", "/v1/siwe/nonce") or not path.startswith("/v1/")

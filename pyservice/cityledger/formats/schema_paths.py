"""The JSON types that a JSON Schema allows at a path, for the columns of a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_SCALARS = frozenset({"string", "number", "integer", "boolean"})
_UNIONS = ("anyOf", "oneOf", "allOf")
_KINDS = {str: "string", bool: "boolean", int: "integer", float: "number"}


def cell_kinds(schema: Mapping[str, Any], path: Sequence[str | int]) -> frozenset[str]:
    """The scalar JSON types that a document may have at a path; none if the schema lacks the member.

    An integer step is an index into an array. References and unions of the document are followed.
    """
    found = list(_plain(schema, schema))
    for step in path:
        found = [inner for node in found for below in _below(node, step) for inner in _plain(schema, below)]
    return frozenset(kind for node in found for kind in _scalars(node))


def _plain(schema: Mapping[str, Any], node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The node itself, and the nodes that it refers to or unites."""
    yield node
    reference = node.get("$ref")
    if isinstance(reference, str):
        yield from _plain(schema, schema["$defs"][reference.removeprefix("#/$defs/")])
    for union in _UNIONS:
        for alternative in node.get(union, ()):
            yield from _plain(schema, alternative)


def _below(node: Mapping[str, Any], step: str | int) -> Iterator[Mapping[str, Any]]:
    if isinstance(step, int):
        if isinstance(node.get("items"), dict):
            yield node["items"]
    elif step in node.get("properties", {}):
        yield node["properties"][step]
    elif isinstance(node.get("additionalProperties"), dict):
        yield node["additionalProperties"]


def _scalars(node: Mapping[str, Any]) -> Iterator[str]:
    kinds = node.get("type", ())
    yield from _SCALARS.intersection([kinds] if isinstance(kinds, str) else kinds)
    for value in (*node.get("enum", ()), *((node["const"],) if "const" in node else ())):
        if type(value) in _KINDS:
            yield _KINDS[type(value)]

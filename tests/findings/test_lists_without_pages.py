"""Lists whose length others choose were answered whole (issue 8, bullet 8). Walks the API's own description:
each array or map in an answer is a page, with ``limit`` and ``after`` in the query and ``next`` in the
answer, or is listed here with what bounds it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from support.node.node_fixture import TestNode

Place = tuple[str, str, str]
"""Method, path, and where in the answer."""

RECORD = "/v1/datasets/{dataset}/records/{id}"
_PARTS = "a dataset has at most 8 parts (a byte of part bits)"
_TERMS = "the contract accepts at most 16 purposes (MAX_PURPOSES)"
_FIELDS = "the fields of one signed structure"
_SCHEMA = "the schema of a profile of this program"
_PROOF = "one proof file: a leaf, a path of at most 16 digests and the parts of one dataset"
_REVOKED = "a revocation list has at most 1,000 entries (MAX_ENTRIES)"
_VERSIONS = "the versions of one record, which its provider wrote and erases in one request"
_SUBJECTS = "a record has at most 64 subjects (MAX_SUBJECTS)"
_IMPORT = {
    "options": "the options that one request gave, of a fixed set",
    "outcomes": "one number for each of the five outcomes",
    "reasons": "at most 200 reasons are counted separately (MAX_REASONS)",
    "flags": "the flags of one format of this program",
}


def _of_import(method: str, path: str, where: str = "") -> dict[Place, str]:
    return {(method, path, f"{where}.{name}"): reason for name, reason in _IMPORT.items()}


BOUNDED: dict[Place, str] = {
    ("GET", "/v1/agencies/{agency}/revocations", ".revoked"): _REVOKED,
    ("PUT", "/v1/agencies/{agency}/revocations", ".revoked"): _REVOKED,
    ("GET", "/v1/catalog", ".datasets[].parts"): _PARTS,
    ("GET", "/v1/catalog", ".datasets[].terms.purposes"): _TERMS,
    ("GET", "/v1/catalog", ".datasets[].pendingTerms.purposes"): _TERMS,
    ("GET", "/v1/datasets/{dataset}", ".parts"): _PARTS,
    ("GET", "/v1/datasets/{dataset}", ".terms.purposes"): _TERMS,
    ("GET", "/v1/datasets/{dataset}", ".pendingTerms.purposes"): _TERMS,
    ("GET", "/v1/datasets/{dataset}/schema", ""): _SCHEMA,
    ("GET", RECORD, ".subjects"): _SUBJECTS,
    ("GET", RECORD, ".parts"): _PARTS,
    ("GET", RECORD, ".attachments"): _PARTS,
    ("DELETE", RECORD, ".tombstones"): _VERSIONS,
    ("GET", RECORD + "/proof", ""): _PROOF,
    ("GET", RECORD + "/tombstone", ""): _PROOF,
    ("POST", RECORD + "/release", ".leaf"): _FIELDS,
    ("POST", RECORD + "/release", ".receipts"): _SUBJECTS,
    ("POST", RECORD + "/release", ".receipts[].receipt"): _FIELDS,
    ("POST", RECORD + "/release", ".receipts[].leaf"): _FIELDS,
    ("POST", RECORD + "/release", ".ciphertexts"): _PARTS,
    ("POST", RECORD + "/release", ".objects"): _PARTS,
    ("GET", "/v1/grants", ".grants[].parts"): _PARTS,
    ("GET", "/v1/reads", ".reads[].whole.receipt"): _FIELDS,
    ("GET", "/v1/reads", ".reads[].whole.leaf"): _FIELDS,
    ("GET", "/v1/reads/{digest}/proof", ""): _PROOF,
    ("GET", "/readyz", ".checks"): "the health checks of this program",
    ("GET", "/.well-known/cityledger", ".contracts"): "the contracts of one deployment",
    ("GET", "/.well-known/cityledger", ".agencies"): "the agencies whose keys the operator put on this node",
    **_of_import("GET", "/v1/imports", ".imports[]"),
    **_of_import("GET", "/v1/imports/{import}"),
    **_of_import("POST", "/v1/datasets/{dataset}/imports"),
}
PAGED = {
    ("GET", "/v1/agencies", ".agencies"),
    ("GET", "/v1/catalog", ".datasets"),
    ("GET", "/v1/grants", ".grants"),
    ("GET", "/v1/imports", ".imports"),
    ("GET", "/v1/imports/{import}/rows", ".rows"),
    ("GET", "/v1/imports/{import}/errors", ".rows"),
    ("GET", "/v1/reads", ".reads"),
    ("GET", RECORD + "/history", ".versions"),
    ("POST", "/v1/datasets/{dataset}/records/find", ".records"),
}


@pytest.fixture
def description(node: TestNode) -> dict[str, Any]:
    described: dict[str, Any] = node.client.get("/openapi.json").json()
    return described


def test_every_list_is_a_page_or_bounded_by_something_named(description: dict[str, Any]) -> None:
    lists = dict(_lists(description))

    assert {place for place, is_page in lists.items() if is_page} == PAGED
    assert {place for place, is_page in lists.items() if not is_page} == BOUNDED.keys()


@pytest.mark.parametrize("missing", ["after", "limit", "next"])
def test_a_list_that_lacks_one_of_the_three_is_no_page(description: dict[str, Any], missing: str) -> None:
    operation = description["paths"]["/v1/agencies"]["get"]
    operation["parameters"] = [one for one in operation["parameters"] if one["name"] != missing]
    description["components"]["schemas"]["Agencies"]["properties"].pop(missing, None)

    assert dict(_lists(description))["GET", "/v1/agencies", ".agencies"] is False


def test_pages_have_a_greatest_limit(description: dict[str, Any]) -> None:
    for method, path, _ in PAGED:
        operation = description["paths"][path][method.lower()]
        (limit,) = [one["schema"] for one in operation["parameters"] if one["name"] == "limit"]
        assert limit["minimum"] == 1, path
        assert limit["maximum"] <= 1_000, path


def _lists(description: dict[str, Any]) -> Iterator[tuple[Place, bool]]:
    """The arrays, maps and free forms of all good answers in JSON, and whether each is a page."""
    schemas = description["components"]["schemas"]
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            parameters = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"}
            for schema in _answers(operation):
                whole = _resolved(schema, schemas)
                pages = {"after", "limit"} <= parameters and "next" in whole.get("properties", {})
                for where in _places(schema, schemas):
                    is_page = pages and where.count(".") == 1 and "[" not in where
                    yield (method.upper(), path, where), is_page


def _answers(operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for status, response in operation["responses"].items():
        if status.startswith("2"):
            for kind, content in response.get("content", {}).items():
                if kind.endswith("json"):
                    yield content.get("schema", {})


def _resolved(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    return schema


def _places(schema: dict[str, Any], schemas: dict[str, Any], where: str = "") -> Iterator[str]:
    schema = _resolved(schema, schemas)
    others = schema.get("additionalProperties", False)
    if not schema or schema.get("type") == "array" or others is not False:
        yield where
    if schema.get("type") == "array":
        yield from _places(schema["items"], schemas, where + "[]")
    if isinstance(others, dict) and others:
        yield from _places(others, schemas, where + "{}")
    for name, member in schema.get("properties", {}).items():
        yield from _places(member, schemas, f"{where}.{name}")
    for choice in (*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())):
        yield from _places(choice, schemas, where)

"""The OpenAPI document says everything, and its examples fit its own models."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

import pytest

from cityledger import api
from cityledger.api.http.openapi import SUMMARIES
from cityledger.api.http.shapes import RequestModel, ResponseModel
from support.node.node_fixture import TestNode


def shapes() -> list[type[Any]]:
    for module in pkgutil.walk_packages(api.__path__, f"{api.__name__}."):
        importlib.import_module(module.name)
    return sorted(
        {one for base in (RequestModel, ResponseModel) for one in _below(base)},
        key=lambda one: str(one.__qualname__),
    )


def _below(kind: type[Any]) -> list[type[Any]]:
    return [one for inner in kind.__subclasses__() for one in (inner, *_below(inner))]


@pytest.mark.parametrize("shape", shapes(), ids=lambda shape: shape.__name__)
def test_every_shape_has_an_example_that_fits(shape: type[Any]) -> None:
    (example,) = shape.model_config["json_schema_extra"]["examples"]
    made = shape.model_validate(example)
    assert made.model_dump(by_alias=True, exclude_unset=True) == example


def test_document_is_openapi_3_1_with_problems_and_examples(node: TestNode) -> None:
    document = node.client.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    schemas = document["components"]["schemas"]
    assert "HTTPValidationError" not in schemas
    for path, operations in document["paths"].items():
        for operation in operations.values():
            responses = operation["responses"]
            assert {"400", "422", "500", "503"} <= responses.keys(), path
            for status, response in responses.items():
                if status >= "400" and not (path == "/readyz" and status == "503"):
                    assert response["content"].keys() == {"application/problem+json"}, (path, status)
            if not _is_open(path):
                assert {"401", "403", "404"} <= responses.keys(), path
                assert operation["security"] == [{"token": []}]
            body = operation.get("requestBody", {}).get("content", {})
            assert all(_has_example(one, schemas) for one in body.values()), path


def _is_open(path: str) -> bool:
    return (
        not path.startswith("/v1/")
        or path.startswith(("/v1/agencies", "/v1/catalog", "/v1/token", "/v1/siwe"))
        or path in ("/v1/datasets/{dataset}", "/v1/datasets/{dataset}/schema")
    )


def _has_example(content: dict[str, Any], schemas: dict[str, Any]) -> bool:
    name = content["schema"].get("$ref", "").rpartition("/")[2]
    return bool(content.keys() & {"example", "examples"}) or "examples" in schemas.get(name, {})


def test_operations_have_short_ids_and_say_what_they_do(node: TestNode) -> None:
    document = node.client.get("/openapi.json").json()
    operations = [one for path in document["paths"].values() for one in path.values()]
    ids = [one["operationId"] for one in operations]
    assert len(set(ids)) == len(ids)
    summaries = {one["operationId"]: one["summary"] for one in operations}
    assert summaries["put_record"] == "Write a record"
    assert set(SUMMARIES) <= set(ids)
    assert [
        name for name, summary in summaries.items() if not 3 < len(summary) < 60 or summary.endswith(".")
    ] == []
    assert len(set(summaries.values())) == len(summaries)

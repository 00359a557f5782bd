from __future__ import annotations

import pytest

from cityledger.api.http.shapes import hex_of
from cityledger.profiles import registry
from support.node.node_fixture import TestNode


def test_agencies_are_found_by_number_and_code(node: TestNode) -> None:
    agencies = node.client.get("/v1/agencies").json()["agencies"]
    assert [one["code"] for one in agencies] == ["HEALTH", "LAND", "PARKING"]
    assert node.client.get("/v1/agencies/2").json() == node.client.get("/v1/agencies/LAND").json()
    assert node.client.get("/v1/agencies/NOBODY").json()["code"] == "agency-not-found"
    assert node.client.get("/v1/agencies/99999999999999999999").status_code == 404


@pytest.mark.parametrize(
    ("query", "profiles"),
    [
        ("", ["property", "parking", "medical"]),
        ("?q=PARKING", ["parking"]),
        ("?q=estate+titles", ["property"]),
        ("?profile=medical", ["medical"]),
        ("?provider=3", ["parking"]),
        ("?q=visits&provider=3", []),
    ],
)
def test_catalog_is_searched(node: TestNode, query: str, profiles: list[str]) -> None:
    found = node.client.get("/v1/catalog" + query).json()["datasets"]
    assert [one["profile"] for one in found] == profiles


def test_dataset_and_its_schema(node: TestNode) -> None:
    body = node.client.get(f"/v1/datasets/{hex_of(node.health)}").json()
    assert body["terms"]["sharingClass"] == "conditional"
    assert body["schema"] == hex_of(registry.get("medical").schema_digest)
    schema = node.client.get(f"/v1/datasets/{hex_of(node.health)}/schema").json()
    assert schema == registry.get("medical").schema
    assert node.client.get(f"/v1/datasets/0x{'ab' * 32}").json()["code"] == "dataset-not-found"

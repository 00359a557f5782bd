"""NGSI-LD entities in their GeoJSON form were refused with "must be one of OffStreetParking …"."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from cityledger.formats import registry
from cityledger.formats.options import ImportOptions
from cityledger.formats.rows import RejectedRow, Row
from cityledger.profiles import registry as profiles

POINT = {"type": "Point", "coordinates": [116.41, 39.91]}
FEATURE: dict[str, Any] = {
    "id": "urn:ngsi-ld:OffStreetParking:a",
    "type": "Feature",
    "geometry": POINT,
    "properties": {
        "type": "OffStreetParking",
        "totalSpotNumber": {"type": "Property", "value": 9},
        "availableSpotNumber": {"type": "Property", "value": 5, "observedAt": "2026-03-01T00:15:00Z"},
        "location": {"type": "GeoProperty", "value": POINT},
    },
}
PLAIN: dict[str, Any] = {
    **FEATURE,
    "properties": {"type": "OffStreetParking", "totalSpotNumber": 9, "observedAt": "2026-03-01T00:15:00Z"},
}
COLLECTION = {
    "type": "FeatureCollection",
    "features": [FEATURE, {**PLAIN, "id": "urn:ngsi-ld:OffStreetParking:b"}],
}


def read(data: bytes) -> list[Row | RejectedRow]:
    return list(registry.get("ngsi-ld").read(io.BytesIO(data), ImportOptions()))


FILES = {
    "one": json.dumps(FEATURE, indent=1),
    "one, in key-values": json.dumps(PLAIN),
    "an array": json.dumps([FEATURE, PLAIN | {"id": "urn:ngsi-ld:OffStreetParking:b"}]),
    "a collection": json.dumps(COLLECTION, indent=1),
    "a collection on one line": json.dumps(COLLECTION),
    "lines": json.dumps(FEATURE) + "\n" + json.dumps(PLAIN),
}


@pytest.mark.parametrize("name", FILES)
def test_features_are_entities(name: str) -> None:
    for row in read(FILES[name].encode()):
        assert isinstance(row, Row), row
        assert list(row.parts) == ["state"]
        profiles.get("parking").validate(row.parts)
        assert b"116.41" in row.parts["state"]


@pytest.mark.parametrize(
    ("change", "field"),
    [({"properties": None}, "properties"), ({"id": ""}, "id"), ({"properties": {}}, "type")],
)
def test_a_feature_without_an_entity_is_refused(change: dict[str, Any], field: str) -> None:
    (row,) = read(json.dumps(FEATURE | change).encode())
    assert isinstance(row, RejectedRow)
    assert row.field == field

"""A small record of each profile, for newcomers to change and put."""

from __future__ import annotations

from typing import Any

_SAMPLES: dict[str, dict[str, Any]] = {
    "medical": {
        "subjects": [],
        "parts": {
            "summary": {
                "resourceType": "Encounter",
                "identifier": [{"system": "urn:example:visits", "value": "visit-12"}],
                "status": "finished",
                "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
                "period": {"start": "2026-03-01T08:15:00+08:00", "end": "2026-03-01T08:40:00+08:00"},
            },
        },
    },
    "property": {
        "subjects": [],
        "parts": {
            "title": {
                "uid": "110105001001GB00001F00010001",
                "type": "apartment",
                "address": {"district": "朝阳区", "street": "建国路88号", "unit": "1201"},
                "area": {"value": 89, "unit": "m2"},
            },
        },
    },
    "parking": {
        "subjects": [],
        "parts": {
            "state": {
                "id": "urn:ngsi-ld:OnStreetParking:main-street",
                "type": "OnStreetParking",
                "location": {"type": "Point", "coordinates": [116.41, 39.91]},
                "totalSpotNumber": 20,
                "availableSpotNumber": 7,
                "observedAt": "2026-03-01T08:15:00+08:00",
            },
        },
    },
}


def sample_of(profile: str) -> dict[str, Any]:
    """The body of a record, as `record put` accepts it.

    Raises:
        KeyError: the profile does not exist.
    """
    return _SAMPLES[profile]

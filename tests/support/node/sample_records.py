"""One record that is valid for each profile, as the body of a PUT."""

from __future__ import annotations

from typing import Any

TREATMENT_RECORD: dict[str, Any] = {
    "subjects": ["0x" + "5b" * 32],
    "parts": {
        "summary": {
            "resourceType": "Encounter",
            "id": "e1",
            "status": "finished",
            "class": {"code": "AMB"},
            "subject": {"reference": "Patient/1"},
        },
    },
}
TITLE_RECORD: dict[str, Any] = {
    "subjects": [],
    "parts": {
        "title": {
            "uid": "110101-001-0007",
            "type": "apartment",
            "address": {"district": "Xicheng", "street": "Xidan North Street"},
            "area": {"value": 61.50, "unit": "m2", "kind": "officialArea"},
        },
    },
}
PARKING_RECORD: dict[str, Any] = {
    "subjects": [],
    "parts": {
        "state": {
            "id": "urn:ngsi-ld:OnStreetParking:xidan-12",
            "type": "OnStreetParking",
            "location": {"type": "Point", "coordinates": [116.39, 39.90]},
            "totalSpotNumber": 24,
            "availableSpotNumber": 7,
            "observedAt": "2026-03-01T08:15:00+08:00",
        }
    },
}

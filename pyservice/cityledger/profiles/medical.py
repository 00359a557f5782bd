"""A treatment as FHIR R4 resources (HL7 FHIR 4.0.1), in parts by the needs of readers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cityledger.errors import PayloadError
from cityledger.profiles.fhir import check_collection
from cityledger.profiles.fhir_identifiers import identifiers_of
from cityledger.profiles.fhir_types import TYPES
from cityledger.profiles.profile import Profile, ProfilePart
from cityledger.strict_json import Json

MEDIA_TYPE = "application/fhir+json"
_PADDING = {"administration": 15}
"""Claims and benefits fill 32 KiB, other parts rarely 8 KiB: measured, see docs/disclosure.md."""


def _check_of(part: str) -> Callable[[Json, str], None]:
    return lambda value, path: check_collection(value, TYPES[part], path)


def _check_together(values: Mapping[str, Json]) -> None:
    """Requires one part at least. No part depends on another, since they are read under different grants."""
    if not values:
        raise PayloadError("parts", f"must hold at least one of {', '.join(TYPES)}, attachment")


MEDICAL = Profile(
    name="medical",
    title="Treatment (HL7 FHIR R4)",
    parts=(
        *(
            ProfilePart(
                name, MEDIA_TYPE, required=False, check=_check_of(name), padding=_PADDING.get(name, 13)
            )
            for name in TYPES
        ),
        ProfilePart("attachment", "application/octet-stream", required=False, check=None, padding=13),
    ),
    check_together=_check_together,
    identifiers_of=identifiers_of,
)

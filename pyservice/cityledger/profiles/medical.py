"""A treatment as FHIR R4 resources (HL7 FHIR 4.0.1), thinly checked: elements, JSON types, codes."""

from __future__ import annotations

from collections.abc import Mapping

from cityledger.profiles.fhir import check_resource, check_resources
from cityledger.profiles.profile import Profile, ProfilePart
from cityledger.strict_json import Json

RESOURCES: Mapping[str, tuple[str, ...]] = {
    "summary": ("Encounter", "Composition"),
    "medication": ("MedicationRequest", "MedicationStatement"),
    "observations": ("Observation",),
    "imaging_report": ("DiagnosticReport", "ImagingStudy"),
}
"""The resource types that each part may hold."""


def _check_summary(value: Json, path: str) -> None:
    check_resource(value, RESOURCES["summary"], path)


def _check_medication(value: Json, path: str) -> None:
    check_resources(value, RESOURCES["medication"], path)


def _check_observations(value: Json, path: str) -> None:
    check_resources(value, RESOURCES["observations"], path)


def _check_imaging_report(value: Json, path: str) -> None:
    check_resource(value, RESOURCES["imaging_report"], path)


def _check_together(values: Mapping[str, Json]) -> None:
    """Nothing: parts are read under different grants, so no part may depend on another."""


MEDICAL = Profile(
    name="medical",
    title="Treatment (HL7 FHIR R4)",
    parts=(
        ProfilePart("summary", "application/fhir+json", required=True, check=_check_summary),
        ProfilePart("medication", "application/json", required=False, check=_check_medication),
        ProfilePart("observations", "application/json", required=False, check=_check_observations),
        ProfilePart("imaging_report", "application/fhir+json", required=False, check=_check_imaging_report),
    ),
    check_together=_check_together,
)

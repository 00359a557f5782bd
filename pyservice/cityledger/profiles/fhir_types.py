"""The FHIR resource types of each part of a medical record.

The parts follow the needs of readers: a pharmacy reads the prescriptions, a laboratory the measurements, a
radiologist the reports, and an insurer or a registrar the visits and their cost, without a diagnosis.
"""

from __future__ import annotations

from collections.abc import Mapping

TYPES: Mapping[str, tuple[str, ...]] = {
    "summary": (
        "Encounter",
        "Composition",
        "DocumentReference",
        "Binary",
        "ClinicalImpression",
        "DocumentManifest",
        "EpisodeOfCare",
        "List",
    ),
    "medication": (
        "MedicationRequest",
        "MedicationStatement",
        "MedicationAdministration",
        "MedicationDispense",
        "Medication",
    ),
    "observations": ("Observation", "BodyStructure", "MolecularSequence", "Specimen"),
    "imaging_report": ("DiagnosticReport", "ImagingStudy", "Media"),
    "conditions": (
        "Condition",
        "AllergyIntolerance",
        "FamilyMemberHistory",
        "QuestionnaireResponse",
        "Flag",
        "AdverseEvent",
        "DetectedIssue",
        "RiskAssessment",
    ),
    "procedures": (
        "Procedure",
        "Immunization",
        "CarePlan",
        "CareTeam",
        "Goal",
        "ServiceRequest",
        "Device",
        "SupplyDelivery",
        "BiologicallyDerivedProduct",
        "Communication",
        "CommunicationRequest",
        "DeviceRequest",
        "DeviceUseStatement",
        "ImmunizationEvaluation",
        "ImmunizationRecommendation",
        "NutritionOrder",
        "RequestGroup",
        "Substance",
        "SupplyRequest",
        "Task",
        "VisionPrescription",
    ),
    "administration": (
        "Patient",
        "Practitioner",
        "PractitionerRole",
        "Organization",
        "Location",
        "Claim",
        "ExplanationOfBenefit",
        "Coverage",
        "Provenance",
        "AuditEvent",
        "Consent",
        "OperationOutcome",
        "Account",
        "Appointment",
        "AppointmentResponse",
        "ChargeItem",
        "ClaimResponse",
        "CoverageEligibilityRequest",
        "CoverageEligibilityResponse",
        "Endpoint",
        "Group",
        "HealthcareService",
        "Invoice",
        "MessageHeader",
        "OrganizationAffiliation",
        "PaymentNotice",
        "PaymentReconciliation",
        "Person",
        "RelatedPerson",
        "ResearchSubject",
        "Schedule",
        "Slot",
        "VerificationResult",
    ),
}
"""The resource types of R4 that each part may hold; no type is in two parts."""

PART_OF: Mapping[str, str] = {kind: part for part, kinds in TYPES.items() for kind in kinds}
"""The part of each resource type."""

INSIDE = frozenset(PART_OF) | {"Basic", "Parameters", "Questionnaire"}
"""The resource types that another resource may contain."""

"""The elements of each type of FHIR R4 (4.0.1), read from the models of ``fhir.resources``.

The library has R4B. For the types that a medical record may hold R4 differs slightly, all of it below: two
data types that R4 lacks, and code lists that the library cuts short with a ``+`` or omits. A test compares
the result with the official JSON schema of R4.
"""

from __future__ import annotations

import importlib
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

if typing.TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic.fields import FieldInfo

_LIBRARY = "fhir.resources.R4B"
_NOT_ELEMENTS = ("fhir_comments", "resource_type")
_NOT_IN_R4 = ("CodeableReference", "RatioRange")
_PRIMITIVES = {"EncodedBytes": "base64Binary", "UuidVersion": "uuid"}
"""Primitive types by the library's name, where it is not FHIR's own in upper camel case."""

_COMPARATORS = "< <= >= >"
_ENCOUNTER_STATES = "planned arrived triaged in-progress onleave finished cancelled entered-in-error unknown"
_OBSERVATION_STATES = "registered preliminary final amended corrected cancelled entered-in-error unknown"
_CODES: Mapping[str, str] = {
    "Age.comparator": _COMPARATORS,
    "AuditEventAgentNetwork.type": "1 2 3 4 5",
    "AuditEvent.action": "C R U D E",
    "AuditEvent.outcome": "0 4 8 12",
    "Count.comparator": _COMPARATORS,
    "DetectedIssue.status": _OBSERVATION_STATES,
    "DeviceUdiCarrier.entryType": "barcode rfid manual card self-reported unknown",
    "DeviceUseStatement.status": "active completed entered-in-error intended stopped on-hold",
    "DiagnosticReport.status": (
        "registered partial preliminary final amended corrected appended cancelled entered-in-error unknown"
    ),
    "Distance.comparator": _COMPARATORS,
    "Duration.comparator": _COMPARATORS,
    "Encounter.status": _ENCOUNTER_STATES,
    "EncounterStatusHistory.status": _ENCOUNTER_STATES,
    "Expression.language": "text/cql text/fhirpath application/x-fhir-query",
    "Observation.status": _OBSERVATION_STATES,
    "OperationOutcomeIssue.code": (
        "invalid structure required value invariant security login unknown expired forbidden suppressed"
        " processing not-supported duplicate multiple-matches not-found deleted too-long code-invalid"
        " extension too-costly business-rule conflict transient lock-error no-store exception timeout"
        " incomplete throttled informational"
    ),
    "Quantity.comparator": _COMPARATORS,
    "QuestionnaireItem.type": (
        "group display boolean decimal integer date dateTime time string text url choice open-choice"
        " attachment reference quantity"
    ),
    "RiskAssessment.status": _OBSERVATION_STATES,
    "SupplyRequest.status": "draft active suspended cancelled completed entered-in-error unknown",
    "Task.status": (
        "draft requested received accepted rejected ready cancelled in-progress on-hold failed completed"
        " entered-in-error"
    ),
    "TimingRepeat.when": (
        "MORN MORN.early MORN.late NOON AFT AFT.early AFT.late EVE EVE.early EVE.late NIGHT PHS HS WAKE C CM"
        " CD CV AC ACM ACD ACV PC PCM PCD PCV"
    ),
}
"""R4 value sets of required binding that the library lacks or cuts short, by model and element."""


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a type. ``kind`` is a primitive's name or, with ``is_complex``, a type's.

    ``codes`` is the whole of a required binding, empty if there is none. ``choice`` is ``value`` for each
    of ``valueString``, ``valueQuantity``, …, of which a resource has at most one.
    """

    kind: str
    is_complex: bool
    is_list: bool
    codes: frozenset[str]
    choice: str


@dataclass(frozen=True, slots=True)
class FhirType:
    """A data type or resource. ``choices`` are the names of the choices of which one is required."""

    name: str
    elements: Mapping[str, Element]
    required: tuple[str, ...]
    choices: tuple[str, ...]


@cache
def resource_type(name: str) -> FhirType:
    """A resource by its R4 name, which the library must know. Loaded on first use: 0.4 s for the first."""
    return type_at(f"{_LIBRARY}.{name.lower()}.{name}")


@cache
def type_at(place: str) -> FhirType:
    """The type that an element's ``kind`` names."""
    module, _, name = place.rpartition(".")
    model: type[BaseModel] = getattr(importlib.import_module(module), name)
    fields = {field.alias or attribute: field for attribute, field in _fields(model)}
    return FhirType(
        name=name,
        elements={alias: _element(name, alias, field) for alias, field in fields.items()},
        required=tuple(alias for alias, field in fields.items() if _is_required(field)),
        choices=tuple(dict.fromkeys(_required_choices(fields))),
    )


def _fields(model: type[BaseModel]) -> Iterator[tuple[str, FieldInfo]]:
    for attribute, field in model.model_fields.items():
        name = field.alias or attribute
        if not name.startswith("_") and name not in _NOT_ELEMENTS and not name.endswith(_NOT_IN_R4):
            yield attribute, field


def _element(model: str, name: str, field: FieldInfo) -> Element:
    annotation, is_list = _unwrapped(field.annotation)
    place: str = getattr(annotation, "_model_klass", "")
    extra = _extra(field)
    listed = _CODES.get(f"{model}.{name}", "").split() or extra.get("enum_values") or ()
    return Element(
        kind=place or _primitive(annotation),
        is_complex=bool(place),
        is_list=is_list,
        codes=frozenset(str(code) for code in listed),  # type: ignore[attr-defined]
        choice=str(extra.get("one_of_many") or ""),
    )


def _unwrapped(annotation: object) -> tuple[object, bool]:
    """The type inside ``Optional[List[Optional[…]]]``, and whether there was a list."""
    is_list = False
    while typing.get_origin(annotation) is not typing.Annotated and typing.get_args(annotation):
        is_list = is_list or typing.get_origin(annotation) is list
        annotation = next(inner for inner in typing.get_args(annotation) if inner is not type(None))
    return annotation, is_list


def _primitive(annotation: object) -> str:
    if annotation is bool:
        return "boolean"
    name = type(typing.get_args(annotation)[1]).__name__
    return _PRIMITIVES.get(name, name[0].lower() + name[1:])


def _extra(field: FieldInfo) -> Mapping[str, object]:
    return field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}


def _is_required(field: FieldInfo) -> bool:
    return field.is_required() or bool(_extra(field).get("element_required"))


def _required_choices(fields: Mapping[str, FieldInfo]) -> Iterator[str]:
    extras = map(_extra, fields.values())
    return (str(extra["one_of_many"]) for extra in extras if extra.get("one_of_many_required"))

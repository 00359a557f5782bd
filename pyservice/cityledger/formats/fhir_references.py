"""References of FHIR resources: to the encounter that they belong to, and to their patients."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import unquote

from cityledger.formats.fhir_entries import Entry
from cityledger.formats.rows import Identifier
from cityledger.strict_json import Json

REFERENCE_SYSTEM = "urn:cityledger:fhir:reference"
"""The system of a patient that only a reference names; the value is the reference as written."""

_MEDICAL_RECORD_NUMBER = "MR"
"""HL7 v2 table 0203, as FHIR's identifier types have it."""
_PATIENT = re.compile(r"((?:\S+/)?Patient/[A-Za-z0-9.-]{1,64})(?:/_history/\S+)?", re.ASCII)
_PATIENT_BY_IDENTIFIER = re.compile(r"Patient\?identifier=([^|&\s]+)\|([^|&\s]+)")
_VERSION = re.compile(r"/_history/[A-Za-z0-9.-]{1,64}\Z", re.ASCII)

_ABOUT = ("subject", "patient", "beneficiary", "candidate", "individual", "for", "target")
"""Elements of R4 resources that name their patients."""
_ABOUT_WITHIN = (("participant", "actor"), ("entity", "what"), ("link", "target"), ("member", "entity"))


class Bundled:
    """The resources of one Bundle, found by the references that others in it make.

    It is built from all entries; ``find`` resolves ``urn:uuid:…``, absolute and ``Type/id`` references.
    """

    def __init__(self, entries: Sequence[Entry], *, is_all: bool = True) -> None:
        """``is_all`` is false if other resources of the same patients are not available: then a Patient is
        named as they refer to it, or one person would be two."""
        self._is_all = is_all
        self._by_reference: dict[str, Entry] = {}
        for entry in entries:
            for name in _names_of(entry):
                self._by_reference.setdefault(name, entry)

    def find(self, reference: str) -> Entry | None:
        return self._by_reference.get(_VERSION.sub("", reference))

    def encounter_of(self, entry: Entry) -> Entry | None:
        """The one encounter in the Bundle that a resource was made in; None if none, or if several."""
        if entry.kind == "Encounter":
            return None
        found = [self.find(reference) for reference in _encounters(entry.resource)]
        encounters = {one.number: one for one in found if one is not None and one.kind == "Encounter"}
        return next(iter(encounters.values())) if len(encounters) == 1 else None

    def patients_of(self, entry: Entry) -> list[Identifier]:
        """The patients of a resource, each once, by their business identifier.

        For a Patient in the Bundle or inside the resource, that is the first medical record number (type MR),
        otherwise the first identifier with a system. For others, it is a logical reference's identifier, or
        the reference itself under ``REFERENCE_SYSTEM``.
        """
        found = [self._patient(one, entry.resource) for one in _subjects(entry.resource)]
        if entry.kind == "Patient":
            own = _own_reference(entry)
            by_reference = own and not self._is_all
            found = [Identifier(REFERENCE_SYSTEM, own) if by_reference else _identifier(entry.resource, own)]
        return list(dict.fromkeys(one for one in found if one is not None))

    def _patient(self, reference: Mapping[str, Json], resource: Mapping[str, Json]) -> Identifier | None:
        text = reference.get("reference")
        if not isinstance(text, str):
            return _logical(reference)
        if text.startswith("#"):
            inside = _contained(resource, text[1:])
            return None if inside is None else _identifier(inside, "")
        entry = self.find(text)
        if entry is not None:
            return _identifier(entry.resource, _own_reference(entry)) if entry.kind == "Patient" else None
        return _elsewhere(text, is_patient=reference.get("type") == "Patient")


def _names_of(entry: Entry) -> Iterator[str]:
    if entry.slice.full_url:
        yield entry.slice.full_url
    name = entry.resource.get("id")
    if entry.kind and isinstance(name, str):
        yield f"{entry.kind}/{name}"


def _own_reference(entry: Entry) -> str:
    name = entry.resource.get("id")
    return f"Patient/{name}" if isinstance(name, str) else entry.slice.full_url


def _identifier(patient: Mapping[str, Json], reference: str) -> Identifier | None:
    usable = [one for one in _objects(patient.get("identifier")) if _is_usable(one)]
    chosen = next((one for one in usable if _is_record_number(one)), usable[0] if usable else None)
    if chosen is not None:
        return Identifier(str(chosen["system"]), str(chosen["value"]))
    return Identifier(REFERENCE_SYSTEM, reference) if reference else None


def _is_usable(identifier: Mapping[str, Json]) -> bool:
    return all(isinstance(identifier.get(name), str) for name in ("system", "value"))


def _is_record_number(identifier: Mapping[str, Json]) -> bool:
    kind = identifier.get("type")
    codings = _objects(kind.get("coding")) if isinstance(kind, dict) else []
    return any(coding.get("code") == _MEDICAL_RECORD_NUMBER for coding in codings)


def _logical(reference: Mapping[str, Json]) -> Identifier | None:
    identifier = reference.get("identifier")
    if isinstance(identifier, dict) and _is_usable(identifier):
        return Identifier(str(identifier["system"]), str(identifier["value"]))
    return None


def _elsewhere(text: str, *, is_patient: bool) -> Identifier | None:
    match = _PATIENT_BY_IDENTIFIER.fullmatch(text)
    if match:
        return Identifier(unquote(match[1]), unquote(match[2]))
    named = _PATIENT.fullmatch(text)
    if named:
        return Identifier(REFERENCE_SYSTEM, named[1])
    return Identifier(REFERENCE_SYSTEM, text) if is_patient else None


def _contained(resource: Mapping[str, Json], name: str) -> Mapping[str, Json] | None:
    inside = _objects(resource.get("contained"))
    patients = (one for one in inside if one.get("resourceType") == "Patient" and one.get("id") == name)
    return next(patients, None)


def _subjects(resource: Mapping[str, Json]) -> Iterator[Mapping[str, Json]]:
    """The references of a resource to its patients. ``patient`` can only be a Patient."""
    for name in _ABOUT:
        for one in _objects(resource.get(name)):
            yield {**one, "type": "Patient"} if name == "patient" or _is_unknown(name, one) else one
    for outer, inner in _ABOUT_WITHIN:
        for one in _objects(resource.get(outer)):
            yield from _objects(one.get(inner))


def _is_unknown(name: str, reference: Mapping[str, Json]) -> bool:
    """Returns whether a subject may be a patient by its reference. Then it counts as one: a superfluous
    subject only adds a ledger entry that is never requested, a missing one hides a read from a citizen.
    """
    text = reference.get("reference")
    if name not in ("subject", "beneficiary") or "type" in reference or not isinstance(text, str):
        return False
    return text.startswith("urn:") or "Patient/" in text


def _encounters(resource: Mapping[str, Json]) -> Iterator[str]:
    """``encounter``; ``context``, itself or its ``encounter``; the items of a claim and theirs."""
    within = [resource, *_objects(resource.get("context")), *_objects(resource.get("item"))]
    references = [*_objects(resource.get("context"))]
    for one in within:
        references += _objects(one.get("encounter"))
    for reference in references:
        text = reference.get("reference")
        if isinstance(text, str):
            yield text


def _objects(value: Json) -> list[dict[str, Json]]:
    """The objects of an element that has one or several; invalid resources may hold any value there."""
    several = value if isinstance(value, list) else [value]
    return [one for one in several if isinstance(one, dict)]

"""Checks FHIR R4 (HL7 FHIR 4.0.1) resources against the definitions of R4, element by element.

Checked are elements, their JSON types and number, required ones, choices, codes of required bindings,
primitive values and their extensions, contained resources and references to them. Not checked are the
value sets of weaker bindings, most invariants of the specification, and what a reference elsewhere points to.

The JSON is walked once, as it was parsed, and nothing is converted: a payload is stored and shown as
written, so a payload that is not FHIR when written would not be FHIR when read.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from cityledger.errors import PayloadError
from cityledger.profiles.fhir_attachment import attachment_fault
from cityledger.profiles.fhir_elements import Element, FhirType, resource_type, type_at
from cityledger.profiles.fhir_primitives import check_primitive
from cityledger.profiles.fhir_types import INSIDE
from cityledger.strict_json import Json

VERSION = "4.0.1"

_SHOWN = 64
_MOST_LISTED = 40


def check_resource(value: Json, types: Collection[str], path: str) -> None:
    """One FHIR resource of one of ``types``.

    Raises:
        PayloadError: names the element, as in ``parts.summary.period.start``.
    """
    resource = _object(value, path)
    kind = resource.get("resourceType")
    if not isinstance(kind, str) or kind not in types:
        raise PayloadError(f"{path}.resourceType", _expected(types))
    _check_object(resource, resource_type(kind), path, _local_ids(resource), is_resource=True)


def check_collection(value: Json, types: Collection[str], path: str) -> None:
    """One resource of one of ``types``, a Bundle of type ``collection`` with them, or a JSON array of them.

    Raises:
        PayloadError: names the element, as in ``parts.medication.entry[0].resource.status``.
    """
    if isinstance(value, list):
        for index, item in enumerate(value):
            check_resource(item, types, f"{path}[{index}]")
    elif isinstance(value, dict) and value.get("resourceType") == "Bundle":
        _check_bundle(value, types, path)
    else:
        check_resource(value, types, path)


def check_bundle_frame(bundle: Mapping[str, Json], path: str) -> None:
    """A Bundle without its entries: id, type, links, signature.

    Raises:
        PayloadError: names the element.
    """
    frame = {name: member for name, member in bundle.items() if name != "entry"}
    _check_object(frame, resource_type("Bundle"), path, frozenset(), is_resource=True)


def check_entry_frame(entry: Json, path: str) -> dict[str, Json]:
    """One entry of a Bundle without its resource; returns the entry.

    Raises:
        PayloadError: names the element.
    """
    members = _object(entry, path)
    frame = {name: member for name, member in members.items() if name != "resource"}
    if frame:
        kind = resource_type("Bundle").elements["entry"].kind
        _check_object(frame, type_at(kind), path, frozenset())
    return members


def _check_bundle(bundle: Mapping[str, Json], types: Collection[str], path: str) -> None:
    entries = bundle.get("entry")
    if not isinstance(entries, list) or not entries:
        raise PayloadError(f"{path}.entry", "must be a JSON array with at least one entry")
    check_bundle_frame(bundle, path)
    if bundle["type"] != "collection":
        raise PayloadError(f"{path}.type", "must be collection: a part holds resources, and requests nothing")
    for index, entry in enumerate(entries):
        resource = check_entry_frame(entry, f"{path}.entry[{index}]").get("resource")
        check_resource(resource, types, f"{path}.entry[{index}].resource")


def _expected(types: Collection[str]) -> str:
    if len(types) > _MOST_LISTED:
        return "must be a FHIR R4 resource type that a medical record holds"
    return f"must be {' or '.join(sorted(types))}"


def _object(value: Json, path: str) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise PayloadError(path, "must be a JSON object")
    if not value:
        raise PayloadError(path, "must not be empty: omit the element, or give it a value")
    return value


def _array(value: Json, path: str) -> list[Json]:
    if not isinstance(value, list):
        raise PayloadError(path, "must be a JSON array")
    if not value:
        raise PayloadError(path, "must not be empty: omit the element, or give it a value")
    return value


def _local_ids(resource: Mapping[str, Json]) -> frozenset[str]:
    """The targets of ``#id`` inside a resource. ``#`` alone is the resource itself."""
    contained = resource.get("contained")
    items = contained if isinstance(contained, list) else []
    ids = (item.get("id") for item in items if isinstance(item, dict))
    return frozenset(f"#{one}" for one in ids if isinstance(one, str)) | {"#"}


def _check_object(
    members: Mapping[str, Json],
    known: FhirType,
    path: str,
    local: frozenset[str],
    *,
    is_resource: bool = False,
) -> None:
    for name, member in members.items():
        if name == "resourceType" and is_resource:
            continue
        element = known.elements.get(name.removeprefix("_"))
        if element is None or (name.startswith("_") and element.is_complex):
            raise PayloadError(f"{path}.{name[:_SHOWN]}", "no such field here")
        if name.startswith("_"):
            _check_extensions(member, element, members.get(name[1:]), f"{path}.{name}", local)
        else:
            _check_element(member, element, members.get(f"_{name}"), f"{path}.{name}", local)
    _check_presence(members, known, path)
    if known.name == "Reference":
        _check_local(members.get("reference"), f"{path}.reference", local)
    elif known.name == "Attachment":
        _check_local(members.get("url"), f"{path}.url", local)
        _check_attachment(members, path)
    elif known.name == "Extension" and ("extension" in members) == _has_value(members):
        raise PayloadError(path, "must have either a value or extensions")


def _check_element(value: Json, element: Element, companion: Json, path: str, local: frozenset[str]) -> None:
    if not element.is_list:
        _check_value(value, element, path, local)
        return
    companions = companion if isinstance(companion, list) else []
    for index, item in enumerate(_array(value, path)):
        # A null holds the place of a primitive value that has only an extension (json.html#primitive).
        if item is None and not element.is_complex and index < len(companions) and companions[index]:
            continue
        _check_value(item, element, f"{path}[{index}]", local)


def _check_value(value: Json, element: Element, path: str, local: frozenset[str]) -> None:
    if value is None:
        raise PayloadError(path, "FHIR has no null members; omit the element")
    if not element.is_complex:
        check_primitive(element.kind, value, path)
        if element.kind == "canonical":
            _check_local(value, path, local)
        if element.codes and value not in element.codes:
            raise PayloadError(path, f"must be one of {' '.join(sorted(element.codes))}")
    elif element.kind.endswith(".Resource"):
        _check_contained(value, path, local)
    else:
        _check_object(_object(value, path), type_at(element.kind), path, local)


def _check_contained(value: Json, path: str, local: frozenset[str]) -> None:
    """A resource inside another. Its local references are those of the outermost, and it contains none."""
    resource = _object(value, path)
    kind = resource.get("resourceType")
    if not isinstance(kind, str) or kind not in INSIDE:
        raise PayloadError(
            f"{path}.resourceType", "must be a FHIR R4 resource type that a medical record holds"
        )
    if "contained" in resource:
        raise PayloadError(f"{path}.contained", "a contained resource must not contain another")
    _check_object(resource, resource_type(kind), path, local, is_resource=True)


def _check_extensions(value: Json, element: Element, values: Json, path: str, local: frozenset[str]) -> None:
    """``_birthDate``: id and extensions of a primitive value, in an array as long as that of the values."""
    if not element.is_list:
        _check_companion(value, path, local)
        return
    items = _array(value, path)
    if isinstance(values, list) and len(values) != len(items):
        raise PayloadError(path, "must be as long as the array of the values")
    for index, item in enumerate(items):
        if item is not None:
            _check_companion(item, f"{path}[{index}]", local)
        elif not isinstance(values, list):
            raise PayloadError(f"{path}[{index}]", "must have a value or an extension")
    if all(item is None for item in items):
        raise PayloadError(path, "must not be of nulls alone: omit it")


def _check_companion(value: Json, path: str, local: frozenset[str]) -> None:
    _check_object(_object(value, path), type_at(_ELEMENT), path, local)


def _check_presence(members: Mapping[str, Json], known: FhirType, path: str) -> None:
    """Checks required elements and choices. A primitive of extensions alone counts: they state why it is
    absent.
    """
    for name in known.required:
        if name not in members and f"_{name}" not in members:
            raise PayloadError(f"{path}.{name}", "this field is required")
    chosen: dict[str, str] = {}
    for name in members:
        plain = name.removeprefix("_")
        choice = known.elements[plain].choice if plain in known.elements else ""
        if choice and chosen.setdefault(choice, plain) != plain:
            raise PayloadError(path, f"must have one {choice}[x], not several")
    for choice in known.choices:
        if choice not in chosen:
            raise PayloadError(f"{path}.{choice}[x]", "this field is required")


def _check_local(reference: Json, path: str, local: frozenset[str]) -> None:
    if isinstance(reference, str) and reference.startswith("#") and reference not in local:
        raise PayloadError(path, "must name a contained resource by its id")


def _check_attachment(members: Mapping[str, Json], path: str) -> None:
    member, reason = attachment_fault(members)
    if member:
        raise PayloadError(f"{path}.{member}", reason)


def _has_value(extension: Mapping[str, Json]) -> bool:
    return any(name.removeprefix("_").startswith("value") for name in extension)


_ELEMENT = "fhir.resources.R4B.element.Element"

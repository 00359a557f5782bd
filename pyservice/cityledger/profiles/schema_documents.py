"""Generates the published schema documents from the models, for ``scripts/make_profile_schemas.py`` and a
test.

A changed document has a new schema digest in every later leaf: give it the next version in ``VERSION``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from cityledger.profiles import fhir, fhir_types, registry
from cityledger.profiles.parking import MODELS as PARKING_MODELS
from cityledger.profiles.profile import Profile
from cityledger.profiles.property import MODELS as PROPERTY_MODELS

VERSION = 1

_MODELS: Mapping[str, Mapping[str, TypeAdapter[Any]]] = {
    "property": PROPERTY_MODELS,
    "parking": PARKING_MODELS,
}


def document(profile: Profile) -> dict[str, object]:
    """JSON Schema 2020-12 of a record's parts. ``x-parts`` is their order; binary ones have no schema."""
    parts, definitions = _fhir_parts() if profile.name == "medical" else _model_parts(_MODELS[profile.name])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:cityledger:profile:{profile.name}:{VERSION}",
        "title": profile.title,
        "type": "object",
        "additionalProperties": False,
        "required": [part.name for part in profile.parts if part.required],
        "x-parts": list(profile.part_names),
        "x-media-types": profile.media_types,
        "properties": parts,
        "$defs": definitions,
    }


def documents() -> dict[str, dict[str, object]]:
    return {name: document(registry.get(name)) for name in registry.names()}


def _model_parts(models: Mapping[str, TypeAdapter[Any]]) -> tuple[dict[str, object], dict[str, object]]:
    inputs = [(name, "validation", adapter) for name, adapter in models.items()]
    schemas, shared = TypeAdapter.json_schemas(inputs)  # type: ignore[arg-type]
    return _bare({name: schemas[name, "validation"] for name in models}), _bare(shared["$defs"])


def _bare(named: Mapping[str, Any]) -> dict[str, object]:
    """Schemas by name, without the models' docstrings: rewording one must not change the digest."""
    return {name: _bare_schema(schema) for name, schema in named.items()}


def _bare_schema(schema: object) -> object:
    if isinstance(schema, list):
        return [_bare_schema(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    members = {word: inner for word, inner in schema.items() if word not in ("title", "description")}
    return {
        word: _bare(inner) if word == "properties" else _bare_schema(inner) for word, inner in members.items()
    }


def _fhir_parts() -> tuple[dict[str, object], dict[str, object]]:
    """References to HL7's own definitions, which would be 3 MB to copy."""
    definitions: dict[str, object] = {kind: _fhir_resource(kind) for kind in fhir_types.PART_OF}
    parts: dict[str, object] = {name: _fhir_part(kinds) for name, kinds in fhir_types.TYPES.items()}
    return parts, definitions


def _fhir_resource(kind: str) -> dict[str, object]:
    return {
        "type": "object",
        "required": ["resourceType"],
        "properties": {"resourceType": {"const": kind}},
        "x-structure-definition": f"http://hl7.org/fhir/StructureDefinition/{kind}|{fhir.VERSION}",
    }


def _fhir_part(kinds: tuple[str, ...]) -> dict[str, object]:
    one: dict[str, object] = {"oneOf": [{"$ref": f"#/$defs/{kind}"} for kind in kinds]}
    array = {"type": "array", "minItems": 1, "items": one}
    entry = {"type": "object", "required": ["resource"], "properties": {"resource": one}}
    bundle = {
        "type": "object",
        "required": ["resourceType", "type", "entry"],
        "properties": {
            "resourceType": {"const": "Bundle"},
            "type": {"const": "collection"},
            "entry": {"type": "array", "minItems": 1, "items": entry},
        },
    }
    return {"oneOf": [one, bundle, array]}

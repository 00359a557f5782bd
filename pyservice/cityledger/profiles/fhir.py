"""Adapter to ``fhir.resources`` (R4B models; the resources used here are the same in R4), stricter than it.

The library takes ``"5"`` for 5, a number for a date and a string for an object if it holds JSON, and checks
no codes. A payload is stored and shown as written, so what was not FHIR when it came would not be FHIR when
it is read.
"""

from __future__ import annotations

import importlib
from collections.abc import Collection, Mapping
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING

from pydantic import BaseModel, ValidationError

from cityledger.errors import PayloadError
from cityledger.profiles.fields import reason, steps
from cityledger.strict_json import Json

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

VERSION = "4.0.1"

_OPEN_STATUS = {
    "Encounter": "planned arrived triaged in-progress onleave finished cancelled entered-in-error unknown",
    "Observation": "registered preliminary final amended corrected cancelled entered-in-error unknown",
    "DiagnosticReport": (
        "registered partial preliminary final amended corrected appended cancelled entered-in-error unknown"
    ),
}
"""R4 value sets of required binding that the library's models cut short with a ``+``."""


def check_resource(value: Json, types: Collection[str], path: str) -> None:
    """One FHIR resource of one of ``types``.

    Raises:
        PayloadError: names the element, as in ``parts.summary.period.start``.
    """
    resource = _object(value, path)
    kind = resource.get("resourceType")
    if not isinstance(kind, str) or kind not in types:
        raise PayloadError(f"{path}.resourceType", f"must be {' or '.join(sorted(types))}")
    model = _read(resource, kind, path)
    _refuse_coerced(resource, model, path)
    if kind in _OPEN_STATUS and resource.get("status") not in _OPEN_STATUS[kind].split():
        raise PayloadError(f"{path}.status", f"must be one of {_OPEN_STATUS[kind]}")


def check_resources(value: Json, types: Collection[str], path: str) -> None:
    """A JSON array of resources, or a Bundle whose entries hold them.

    Raises:
        PayloadError: names the element, as in ``parts.medication[0].status``.
    """
    items, item_path = (value, path) if isinstance(value, list) else (_entries(value, path), f"{path}.entry")
    for index, item in enumerate(items):
        if isinstance(value, list):
            check_resource(item, types, f"{item_path}[{index}]")
        else:
            entry = _object(item, f"{item_path}[{index}]")
            check_resource(entry.get("resource"), types, f"{item_path}[{index}].resource")


def _entries(value: Json, path: str) -> list[Json]:
    """The entries of a Bundle, whose frame is checked without their resources: those come one by one."""
    bundle = _object(value, path)
    if bundle.get("resourceType") != "Bundle":
        raise PayloadError(f"{path}.resourceType", "must be Bundle, or the part must be a JSON array")
    entries = bundle.get("entry")
    if not isinstance(entries, list) or not entries:
        raise PayloadError(f"{path}.entry", "must be a JSON array with at least one entry")
    frame: dict[str, Json] = {name: member for name, member in bundle.items() if name != "entry"}
    frame["entry"] = [_without_resource(entry) for entry in entries]
    _refuse_coerced(frame, _read(frame, "Bundle", path), path)
    return entries


def _without_resource(entry: Json) -> Json:
    return (
        {name: member for name, member in entry.items() if name != "resource"}
        if isinstance(entry, dict)
        else entry
    )


def _object(value: Json, path: str) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise PayloadError(path, "must be a JSON object")
    return value


@cache
def _model(kind: str) -> type[BaseModel]:
    """Loaded on first use: the models take 0.3 s to import, and not every node has medical datasets."""
    model: type[BaseModel] = getattr(importlib.import_module(f"fhir.resources.R4B.{kind.lower()}"), kind)
    return model


def _read(resource: Mapping[str, Json], kind: str, path: str) -> BaseModel:
    try:
        return _model(kind).model_validate(dict(resource))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        raise PayloadError(
            path + steps(first["loc"]).removesuffix(".root"), _reason(first["type"], first["msg"])
        ) from None
    except (LookupError, TypeError, AttributeError, ValueError):
        # The library fails this way on a resource inside whose type it does not know.
        raise PayloadError(path, f"holds something that FHIR {VERSION} does not know") from None


def _reason(kind: str, message: str) -> str:
    if kind == "json_invalid" or kind.startswith(("fhir", "model_validation")):
        return "is not the FHIR type that belongs here"
    return reason(kind, message)


def _refuse_coerced(value: Json, read: object, path: str) -> None:
    """Walk the JSON and what the library made of it side by side."""
    match value:
        case dict() if isinstance(read, BaseModel):
            for name, member in value.items():
                _refuse_coerced_member(name, member, read, f"{path}.{name}")
        case list() if isinstance(read, list):
            for index, (item, item_read) in enumerate(zip(value, read, strict=True)):
                _refuse_coerced(item, item_read, f"{path}[{index}]")
        case _ if not _same_type(value, read):
            raise PayloadError(path, "is not the JSON type that belongs here")


def _refuse_coerced_member(name: str, member: Json, read: BaseModel, path: str) -> None:
    if name == "resourceType":
        return
    if member is None:
        raise PayloadError(path, "FHIR has no null members; leave the element out")
    attribute, field = _fields(type(read))[name]
    _refuse_coerced(member, getattr(read, attribute), path)
    codes = _codes(field)
    if codes and isinstance(member, str) and member not in codes:
        raise PayloadError(path, f"must be one of {' '.join(codes)}")


def _same_type(value: Json, read: object) -> bool:
    match value:
        case bool():
            return isinstance(read, bool)
        case int():
            return isinstance(read, int | Decimal) and not isinstance(read, bool)
        case Decimal():
            return isinstance(read, Decimal)
        case str():
            return not isinstance(read, bool | int | float | Decimal | list | BaseModel)
        case _:
            return value is None and read is None


@cache
def _fields(model: type[BaseModel]) -> dict[str, tuple[str, FieldInfo]]:
    return {field.alias or attribute: (attribute, field) for attribute, field in model.model_fields.items()}


def _codes(field: FieldInfo) -> tuple[str, ...]:
    """The codes of a required binding; none where the library's list ends in ``+``: it is not the whole."""
    extra = field.json_schema_extra
    listed = extra.get("enum_values") if isinstance(extra, dict) else None
    codes = tuple(str(code) for code in listed) if isinstance(listed, list) else ()
    return () if "+" in codes else codes

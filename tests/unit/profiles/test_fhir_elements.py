"""Our tables of R4, made from an R4B library, against the official JSON schema of R4.

The schema marks few elements as required and knows no choices, so these stay with the library; and where it
says "code" without a list, the library may know the list of the required binding.
"""

import copy
import gzip
import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import jsonschema
import pytest

from cityledger.errors import PayloadError
from cityledger.profiles.fhir import check_resource
from cityledger.profiles.fhir_elements import Element, FhirType, resource_type, type_at
from cityledger.profiles.fhir_types import INSIDE, PART_OF
from cityledger.strict_json import parse
from support.imports.public_data import public_data

Schema = dict[str, Any]

NOT_IN_THE_SCHEMA = {
    "Parameters_Parameter.valueMeta",  # the specification lists Meta among the open choices
    "Task_Input.valueMeta",
    "Task_Output.valueMeta",
}


@cache
def definitions() -> Schema:
    packed = public_data("schemas/fhir-r4.schema.json.gz").read_bytes()
    found: Schema = json.loads(gzip.decompress(packed))["definitions"]
    return found


@pytest.mark.parametrize("name", ["Bundle", *sorted(INSIDE)])
def test_type_has_the_elements_of_r4(name: str) -> None:
    assert list(differences(name, resource_type(name), set())) == []


def differences(place: str, known: FhirType, seen: set[str]) -> Iterator[str]:
    """What our table of a type says otherwise than the schema's definition at ``place``, all the way down."""
    if place in seen:
        return
    seen.add(place)
    properties = definitions()[place]["properties"]
    wanted = {name for name in properties if not name.startswith("_")} - {"resourceType"}
    for name in wanted ^ known.elements.keys():
        # The schema gives parts of data types modifierExtension, which only parts of resources have.
        if name != "modifierExtension" and f"{place}.{name}" not in NOT_IN_THE_SCHEMA:
            yield f"{place}.{name} is not in both"
    for name in wanted & known.elements.keys():
        yield from element_differences(f"{place}.{name}", properties[name], known.elements[name], seen)


def element_differences(place: str, schema: Schema, element: Element, seen: set[str]) -> Iterator[str]:
    if (schema.get("type") == "array") != element.is_list:
        yield f"{place} is a list in one"
    one = schema["items"] if element.is_list else schema
    target = one.get("$ref", "").rpartition("/")[2]
    if "enum" in one:
        if set(one["enum"]) != element.codes:
            yield f"{place} has other codes"
    elif element.is_complex:
        if target != "ResourceList":
            yield from differences(target, type_at(element.kind), seen)
        elif not element.kind.endswith(".Resource"):
            yield f"{place} is a resource in one"
    elif element.kind != "xhtml" and not is_primitive(one, target, element.kind):
        yield f"{place} is another primitive"
    if "+" in element.codes:
        yield f"{place} has a list that is cut short"


def is_primitive(one: Schema, target: str, kind: str) -> bool:
    """The schema writes out the pattern of a primitive where it is one of a choice."""
    patterns = (one.get("pattern"), definitions()[kind].get("pattern"))
    return target == kind if target else patterns[0] == patterns[1] or kind == "base64Binary"


@cache
def validator(kind: str) -> jsonschema.Draft6Validator:
    return jsonschema.Draft6Validator({"$ref": f"#/definitions/{kind}", "definitions": definitions()})


def is_refused_by_schema(resource: dict[str, Any]) -> bool:
    return not validator(resource["resourceType"]).is_valid(resource)


def is_refused_by_us(resource: dict[str, Any]) -> bool:
    data = json.dumps(resource).encode()
    try:
        check_resource(parse(data, max_bytes=len(data)), PART_OF, "r")
    except PayloadError:
        return True
    return False


def samples() -> Iterator[dict[str, Any]]:
    """Each official example, and of each Synthea version one resource of each type."""
    for path in sorted(public_data("medical/hl7-r4-examples").glob("*.json")):
        yield from resources(json.loads(path.read_bytes()))
    for version in ("21", "24"):
        found: dict[str, Any] = {}
        for path in sorted(public_data("medical/synthea-bundles").glob(f"synthea{version}_*")):
            data = path.read_bytes()
            bundle = json.loads(gzip.decompress(data) if path.suffix == ".gz" else data)
            found |= {one["resourceType"]: one for one in resources(bundle)}
        yield from found.values()


def resources(resource: dict[str, Any]) -> list[dict[str, Any]]:
    if resource["resourceType"] != "Bundle":
        return [resource]
    entries = [entry["resource"] for entry in resource["entry"] if "resource" in entry]
    return [one for one in entries if one["resourceType"] in PART_OF]


def test_samples_are_taken_by_both() -> None:
    taken = list(samples())
    assert len(taken) == 69
    assert [one for one in taken if is_refused_by_us(one) or is_refused_by_schema(one)] == []


WRONG: tuple[object, ...] = ("no such code ", 17, True, {"no-such-element": 1}, [], {}, [["x"]])
STEP = 61
"""One change in 61 is tried: all of them take five minutes, most of which the schema needs."""


def test_whatever_the_schema_refuses_we_refuse() -> None:
    refused = 0
    for sample in samples():
        for number, changed in enumerate(mutations(sample)):
            if number % STEP == 0 and is_refused_by_schema(changed):
                refused += 1
                assert is_refused_by_us(changed), changed
    assert refused > 250


def mutations(sample: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The sample with one value of another type, one member too many or one too few, at each place."""
    for place in places(sample):
        if place[-1] == "resourceType":
            continue
        for wrong in WRONG:
            changed = copy.deepcopy(sample)
            holder(changed, place)[place[-1]] = wrong
            yield changed
        changed = copy.deepcopy(sample)
        del holder(changed, place)[place[-1]]
        yield changed
        if isinstance(place[-1], str):
            changed = copy.deepcopy(sample)
            holder(changed, place)[place[-1] + "x"] = holder(changed, place).pop(place[-1])
            yield changed


def places(value: Any, *above: int | str) -> Iterator[tuple[int | str, ...]]:
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in steps:
        yield (*above, step)
        yield from places(inner, *above, step)


def holder(value: Any, place: tuple[int | str, ...]) -> Any:
    for step in place[:-1]:
        value = value[step]
    return value

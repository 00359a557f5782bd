"""The official JSON schemas of Smart Data Models as an oracle: what they refuse is refused here."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from referencing import Registry, Resource

from cityledger.errors import PayloadError
from cityledger.profiles.ngsi import key_values
from cityledger.profiles.parking import PARKING
from cityledger.strict_json import parse
from support.imports.public_data import public_data

COMMON = "https://smart-data-models.github.io/data-models/common-schema.json"

PARTS = {
    "OffStreetParking.example-normalized.jsonld": "state",
    "OffStreetParking.example.json": "state",
    "OnStreetParking.example-normalized.jsonld": "state",
    "OnStreetParking.example.json": "state",
    "ParkingAccess.example-normalized.jsonld": "place",
    "ParkingAccess.example.json": "place",
    "ParkingGroup.example-normalized.jsonld": "state",
    "ParkingGroup.example.json": "place",
    "ParkingSpot.example.json": "place",
}
"""Where each official example belongs: those with a time are states."""

KEY_VALUES = [name for name in PARTS if name.endswith(".json")]

TAKEN_DESPITE_THE_SCHEMA = {
    "location": "most feeds know a place by its id only",
    "category": "a sensor's feed names neither the category of a spot",
    "refParkingSite": "nor its site",
}
"""Required fields of the official schemas that may be left out here (``refParkingSite`` of a spot only)."""


@pytest.mark.parametrize("name", PARTS)
def test_official_example_is_taken_in_its_part(name: str) -> None:
    PARKING.validate({PARTS[name]: example_bytes(name)})


def test_every_official_example_is_tried() -> None:
    assert {path.name for path in public_data("parking/ngsi-examples").iterdir()} == set(PARTS)


def test_the_schemas_take_their_own_key_values_but_not_the_normalized_group() -> None:
    """Its ``onstreet``, its ``permitActiveHours`` and its permit without brackets are against them."""
    refused = [name for name in PARTS if not oracle_takes(key_values(example(name)))]
    assert refused == ["ParkingGroup.example-normalized.jsonld"]


WRONG: tuple[Any, ...] = (
    None,
    "wrong word",
    "",
    7,
    -1,
    0,
    1.5,
    True,
    [],
    ["wrong word"],
    [7],
    {},
    {"a": [1]},
)


@pytest.mark.parametrize("name", KEY_VALUES)
def test_what_the_schema_refuses_is_refused(name: str) -> None:
    """Each field of each example, and each member of its objects, by each of several wrong values."""
    entity, refused = example(name), 0
    oracle = oracle_of(entity["type"])
    for field, mutant in mutants(entity):
        if not oracle.is_valid(mutant):
            refused += 1
            listed = {**mutant, field: [mutant[field]]}
            is_one_without_brackets = isinstance(mutant[field], str) and oracle.is_valid(listed)
            assert is_one_without_brackets or not takes(PARTS[name], mutant), (field, mutant[field])
    assert refused > 40


@pytest.mark.parametrize("name", KEY_VALUES)
def test_every_required_field_is_required_here_or_told(name: str) -> None:
    entity = example(name)
    for field in schema(entity["type"])["required"]:
        without = {member: value for member, value in entity.items() if member != field}
        if takes(PARTS[name], without):
            assert field in TAKEN_DESPITE_THE_SCHEMA
            assert (entity["type"], field) != ("ParkingGroup", "refParkingSite")


def mutants(entity: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for field, value in entity.items():
        for wrong in (*WRONG, *nested(value)):
            changed = copy.deepcopy(entity)
            changed[field] = wrong
            yield field, changed


def nested(value: object) -> Iterator[Any]:
    """The value with one of its own members wrong, and lists with an element too many."""
    if isinstance(value, dict):
        for name in value:
            for wrong in WRONG:
                yield {**value, name: wrong}
    elif isinstance(value, list):
        yield [*value, "wrong word"]
        yield [*value, *value]


def takes(part: str, entity: dict[str, Any]) -> bool:
    try:
        PARKING.validate({part: json.dumps(entity).encode()})
    except PayloadError:
        return False
    return True


def oracle_takes(entity: object) -> bool:
    plain = json.loads(json.dumps(entity, default=float))
    return bool(oracle_of(plain["type"]).is_valid(plain))


def oracle_of(kind: str) -> jsonschema.Draft202012Validator:
    common = json.loads(public_data("schemas/smart-data-models/common-schema.json").read_bytes())
    registry: Registry[Any] = Registry().with_resource(COMMON, Resource.from_contents(common))
    return jsonschema.Draft202012Validator(schema(kind), registry=registry)


def schema(kind: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(
        public_data(f"schemas/smart-data-models/{kind}.schema.json").read_bytes()
    )
    return read


def example(name: str) -> dict[str, Any]:
    read = parse(example_bytes(name), max_bytes=1 << 20)
    assert isinstance(read, dict)
    return json.loads(json.dumps(read, default=float)) if name.endswith(".json") else read


def example_bytes(name: str) -> bytes:
    return public_data(f"parking/ngsi-examples/{name}").read_bytes()

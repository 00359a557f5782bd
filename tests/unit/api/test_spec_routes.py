"""Chapter 9 of SPEC.md lists the routes, shapes and problems that the application has."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts
from httpx import Response

from cityledger.api.application import ROUTERS
from cityledger.api.caller import accepted_caller
from cityledger.api.http.headers import read_context
from cityledger.api.http.problems import PROBLEMS
from cityledger.api.records.releases import base64url
from cityledger.errors import NotFoundError
from cityledger.policy.roles import ROLES_OF
from cityledger.types import Action, Role
from support.node.node_fixture import TestNode
from support.node.sample_records import TREATMENT_RECORD

SPEC = Path(__file__).resolve().parents[3] / "contracts/SPEC.md"
CHAPTER = SPEC.read_text("utf-8").split("\n## 9. HTTP")[1].split("\n## ")[0]
CALLERS = {"none", "token", "reads"} | {one.name for one in Action} | {one.name.title() for one in Role}
FRAMEWORK_CODES = {(404, "route-not-found"), (405, "method-not-allowed")}


class Row(NamedTuple):
    route: str
    caller: str
    query: str
    body: str
    answer: str


ROUTES = {
    f"{method} {route.path}": route
    for router in ROUTERS
    for context in iter_route_contexts(router.routes)
    if isinstance(route := context.route, APIRoute)
    for method in route.methods or ()
}


def _section(number: str) -> str:
    return CHAPTER.split(f"### {number}")[1].split("\n### ")[0]


def _rows(text: str) -> Iterator[list[str]]:
    for line in text.splitlines():
        if line.startswith("|") and not line.startswith("|---"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


ROWS = {row[0].strip("`"): Row(*row) for row in _rows(_section("9.2")) if row[0].startswith("`")}
SHAPES = {
    name: dict(member.strip().split(" ") for member in members.split(","))
    for name, members in re.findall(
        r"^(\w+) +((?:.|\n(?= ))*)", _section("9.3").split("```")[1].strip(), re.MULTILINE
    )
}


def test_every_route_is_in_the_spec() -> None:
    assert ROWS.keys() == ROUTES.keys()


@pytest.mark.parametrize("route", sorted(ROUTES))
def test_row_says_what_the_route_reads(route: str) -> None:
    row, dependant = ROWS[route], ROUTES[route].dependant
    caller, _, purpose = row.caller.partition(" ")
    calls = {one.call for one in _dependants(dependant)}
    assert caller in CALLERS
    assert (caller != "none") == (accepted_caller in calls)
    assert (purpose == "+") == (read_context in calls)
    assert _names(row.query) == {
        f"{field.alias}!" if field.field_info.is_required() else field.alias
        for one in _dependants(dependant)
        for field in one.query_params
    }


def test_rows_say_what_the_routes_accept_and_answer(node: TestNode) -> None:
    document = node.client.get("/openapi.json").json()
    for route in sorted(ROUTES.keys() - {"GET /openapi.json"}):
        method, path = route.split(" ")
        operation = document["paths"][path][method.lower()]
        _verify_body(document, operation, ROWS[route].body)
        _verify_answers(document, operation["responses"], ROWS[route].answer)


def test_refusal_leaves_a_receipt_of_the_action_in_the_row(node: TestNode) -> None:
    node.put(node.health, "visit-1", TREATMENT_RECORD)
    document = node.client.get("/openapi.json").json()
    receipts = 0
    for route, row in ROWS.items():
        action, _, purpose = row.caller.partition(" ")
        if purpose == "+" and action in Action.__members__:
            answer = _send_in_another_role(node, document, route, Action[action])
            query = "/v1/reads?limit=1000"
            reads = node.client.get(query, headers=node.headers("HEALTH", "reader")).json()["reads"]
            assert len(reads) > receipts, (route, answer.text)
            assert reads[-1]["action"].upper() == action, (route, answer.text)
            receipts = len(reads)


def test_every_shape_is_used() -> None:
    used = " ".join([*(f"{row.body} {row.answer}" for row in ROWS.values()), *map(str, SHAPES.values())])
    assert [name for name in SHAPES if not re.search(rf"\b{name}\b", used)] == []


def test_problems_are_those_of_the_spec() -> None:
    listed = {
        (int(status), code)
        for status, codes, *_ in _rows(_section("9.8"))
        if status.isdigit()
        for code in re.findall(r"`([^`]+)`", codes)
    }
    ours = {(problem.status, problem.code) for kind, problem in PROBLEMS.items() if kind is not NotFoundError}
    assert listed == ours | FRAMEWORK_CODES | {(404, "<what>-not-found")}


def _send_in_another_role(
    node: TestNode, document: Mapping[str, Any], route: str, action: Action
) -> Response:
    """The answer to an example of a request, by a role that may not send it where one of the two may not."""
    role = "reader" if Role.WRITER in ROLES_OF[action] and action is not Action.LOOKUP else "writer"
    method, path = route.split(" ")
    for name, value in {"dataset": "0x" + node.health.hex(), "id": "visit-1", "part": "summary"}.items():
        path = path.replace("{" + name + "}", value)
    values = {"reason": "duty", "version": "1", "receipt": "0x" + "00" * 32, "format": "ndjson"}
    query = {name[:-1]: values[name[:-1]] for name in _names(ROWS[route].query) if name.endswith("!")}
    body = _example(node, document, route)
    headers = node.headers("HEALTH", role) | {"Content-Type": "application/json"}
    return node.client.request(method, path, params=query, content=json.dumps(body), headers=headers)


def _example(node: TestNode, document: Mapping[str, Any], route: str) -> Any:
    method, path = route.split(" ")
    if method == "PUT":
        return TREATMENT_RECORD
    content = document["paths"][path][method.lower()].get("requestBody", {}).get("content", {})
    schema = _resolved(document, content.get("application/json", {}).get("schema", {}))
    own = {"Resolve": {"dataset": "0x" + node.health.hex()}, "ReleaseRequest": _sealing_key(node)}
    return {**schema.get("examples", [{}])[0], **own.get(ROWS[route].body, {})}


def _sealing_key(node: TestNode) -> dict[str, Any]:
    key = node.context.services.keyring.agency(node.agency("HEALTH")).sealing_key
    return {"kem": int(key.kem), "sealingKey": base64url(key.public_bytes)}


def _dependants(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for inner in dependant.dependencies:
        yield from _dependants(inner)


def _names(cell: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", cell))


def _answers(cell: str) -> Iterator[tuple[str, str]]:
    for one in cell.split(";"):
        status, _, shape = one.strip().rpartition(" ") if re.match(r"\s*\d{3} ", one) else ("200", "", one)
        yield status.strip(), shape.strip()


def _verify_answers(document: Mapping[str, Any], responses: Mapping[str, Any], cell: str) -> None:
    answers = dict(_answers(cell))
    assert {one for one in responses if int(one) < 400} == {one for one in answers if int(one) < 400}
    for status, shape in answers.items():
        if shape in SHAPES:
            _verify_shape(document, responses[status]["content"]["application/json"]["schema"], shape)


def _verify_body(document: Mapping[str, Any], operation: Mapping[str, Any], cell: str) -> None:
    content = operation.get("requestBody", {}).get("content", {})
    if cell in SHAPES:
        assert content.keys() == {"application/json"}
        schema = _resolved(document, content["application/json"]["schema"])
        _verify_shape(document, schema, cell)
        required = {name for name, kind in SHAPES[cell].items() if not kind.endswith("?")}
        assert set(schema.get("required", [])) == required
    else:
        assert content.keys() == _names(cell)


def _verify_shape(document: Mapping[str, Any], schema: Mapping[str, Any], shape: str) -> None:
    properties = _resolved(document, schema)["properties"]
    assert properties.keys() == SHAPES[shape].keys(), shape
    for name, kind in SHAPES[shape].items():
        inner = kind.strip("[]{}?~")
        if inner in SHAPES:
            _verify_shape(document, properties[name], inner)


def _resolved(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The object's schema behind a reference, a list, a map or an alternative to null."""
    if "$ref" in schema:
        resolved: Mapping[str, Any] = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
        return resolved
    if "anyOf" in schema:
        return _resolved(document, next(one for one in schema["anyOf"] if one.get("type") != "null"))
    for container in ("items", "additionalProperties"):
        if isinstance(schema.get(container), dict):
            return _resolved(document, schema[container])
    return schema

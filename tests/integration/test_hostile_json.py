"""JSON that breaks parsers, and strings that break programs, through a real HTTP server.

Whatever comes: an answer, never a 5xx, always problem+json when it is refused, and what is stored reads back
exactly as it was sent.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from cityledger.errors import InputError
from cityledger.strict_json import parse, raw_members
from support.imports.public_data import public_data
from support.node.node_fixture import TestNode
from support.node.sample_records import PARKING_RECORD
from support.node.served_node import served_node

PROBLEM = "application/problem+json"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestNode, httpx.Client]]:
    with served_node(tmp_path_factory.mktemp("served")) as made:
        yield made


@pytest.fixture
def node(served: tuple[TestNode, httpx.Client]) -> TestNode:
    return served[0]


@pytest.fixture
def client(served: tuple[TestNode, httpx.Client]) -> httpx.Client:
    return served[1]


@pytest.fixture(scope="module")
def torture() -> list[Path]:
    found = sorted(public_data("vectors/json-torture").glob("*.json"))
    assert len(found) == 59
    return found


@pytest.fixture(scope="module")
def naughty() -> list[str]:
    loaded = json.loads(public_data("vectors/naughty-strings.sample.json").read_text("utf-8"))
    strings: list[str] = loaded if isinstance(loaded, list) else loaded["strings"]
    assert len(strings) == 65
    return strings


def _is_answered(answer: httpx.Response) -> bool:
    """Refused in the one form that refusals have, or taken."""
    assert answer.status_code < 500, (answer.status_code, answer.text[:300])
    if answer.is_success:
        return True
    assert answer.headers["content-type"] == PROBLEM, answer.text[:300]
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["code"]
    return False


def _json_posts(node: TestNode) -> list[str]:
    """Every route that takes a JSON body by POST."""
    place = f"/v1/datasets/0x{node.parking.hex()}"
    record = f"{place}/records/place-1"
    return [
        f"{place}/records/find",
        f"{place}/records/check",
        "/v1/subjects/resolve",
        "/v1/decisions",
        f"{record}/release",
        f"{record}/restrict",
        "/v1/grants",
    ]


def test_every_json_route_answers_every_torture_file(
    node: TestNode, client: httpx.Client, torture: list[Path]
) -> None:
    headers = node.headers("PARKING", "steward") | {"Content-Type": "application/json"}
    for path in torture:
        for url in _json_posts(node):
            taken = _is_answered(client.post(url, content=path.read_bytes(), headers=headers))
            assert not taken, (path.name, url)


def test_torture_files_as_a_record_are_refused_and_write_nothing(
    node: TestNode, client: httpx.Client, torture: list[Path]
) -> None:
    headers = node.headers("PARKING", "writer") | {"Content-Type": "application/json"}
    before = node.row_counts()

    for path in torture:
        answer = client.put(node.url(node.parking, "place-1"), content=path.read_bytes(), headers=headers)
        assert not _is_answered(answer), path.name

    assert node.row_counts() == before


def test_torture_files_as_a_part_are_stored_as_sent_or_not_at_all(
    node: TestNode, client: httpx.Client, torture: list[Path]
) -> None:
    """``n_`` files never, ``y_`` files where the profile takes them: here inside an open object."""
    writer = node.headers("PARKING", "writer") | {"Content-Type": "application/json"}
    reader = node.headers("PARKING", "reader")
    state = json.dumps(PARKING_RECORD["parts"]["state"]).encode()
    taken: list[str] = []
    for path in torture:
        payload = state[:-1] + b',"sourceFields":{"x":' + path.read_bytes() + b"}}"
        body = b'{"parts":{"state":' + payload + b"}}"
        url = node.url(node.parking, quote(path.name))
        if _is_answered(client.put(url, content=body, headers=writer)):
            taken.append(path.name)
            assert _part(client.get(url, headers=reader).content, "state") == payload
    assert [name for name in taken if name.startswith("n_")] == []
    assert len([name for name in taken if name.startswith("y_")]) > 15


def test_parser_takes_what_must_be_taken_and_refuses_what_must_be_refused(torture: list[Path]) -> None:
    """``i_`` may go either way: here numbers and text that no two programs read alike are refused."""
    wrong = [path.name for path in torture if not _judged_well(path)]
    assert wrong == []


def _judged_well(path: Path) -> bool:
    data = path.read_bytes()
    try:
        parse(data, max_bytes=1_000_000)
    except InputError as error:
        # One key twice is JSON by the grammar, and refused here on purpose: readers disagree on which counts.
        return not path.name.startswith("y_") or "duplicate" in path.name + error.reason
    return not path.name.startswith("n_")


def test_naughty_strings_as_record_ids_name_exactly_one_record_or_are_refused(
    node: TestNode, client: httpx.Client, naughty: list[str]
) -> None:
    writer, reader = node.headers("PARKING", "writer"), node.headers("PARKING", "reader")
    taken: set[str] = set()
    for name in naughty:
        url = node.url(node.parking, name)
        record = {**PARKING_RECORD, "parts": {"state": {**PARKING_RECORD["parts"]["state"], "name": "x" * 3}}}
        if _is_answered(client.put(url, json=record, headers=writer)):
            answer = client.get(url, headers=reader)
            assert answer.json()["version"] == (2 if name in taken else 1), "two ids became one record"
            taken.add(name)
    assert len(taken) > 20


def test_naughty_strings_in_payloads_read_back_as_written(
    node: TestNode, client: httpx.Client, naughty: list[str]
) -> None:
    writer, reader = node.headers("PARKING", "writer"), node.headers("PARKING", "reader")
    url = node.url(node.parking, "naughty-payload")
    stored = 0
    for text in naughty:
        state = {**PARKING_RECORD["parts"]["state"], "address": {"streetAddress": text}, "description": text}
        observed = f"2026-03-01T08:{stored // 60:02}:{stored % 60:02}+08:00"
        state["observedAt"] = observed
        if _is_answered(client.put(url, json={"parts": {"state": state}}, headers=writer)):
            stored += 1
            assert client.get(url, headers=reader).json()["parts"]["state"] == state
    assert stored > 60


@pytest.mark.parametrize(
    "header",
    ["Cityledger-Purpose", "Cityledger-Case", "Cityledger-Represents", "Idempotency-Key", "If-Match"],
)
def test_naughty_strings_in_headers_are_taken_or_refused(
    node: TestNode, client: httpx.Client, naughty: list[str], header: str
) -> None:
    reader = node.headers("PARKING", "writer", purpose=None) | {"Cityledger-Purpose": "OWN_DUTY"}
    for text in naughty:
        if any(character in text for character in "\r\n\0"):
            continue  # no HTTP client can send those
        said = [(name.encode(), value.encode()) for name, value in {**reader, header: text.strip()}.items()]
        try:
            answer = client.put(node.url(node.parking, "headers"), json=PARKING_RECORD, headers=said)
        except httpx.LocalProtocolError:
            continue  # nor these
        _is_answered(answer)


@pytest.mark.parametrize("parameter", ["version", "parts", "q", "after", "reason"])
def test_naughty_strings_in_queries_are_taken_or_refused(
    node: TestNode, client: httpx.Client, naughty: list[str], parameter: str
) -> None:
    reader = node.headers("PARKING", "reader")
    for text in naughty:
        for url in (node.url(node.parking, "place-1"), "/v1/catalog", "/v1/reads"):
            _is_answered(client.get(url, params={parameter: text}, headers=reader))


def test_naughty_strings_in_json_members_are_taken_or_refused(
    node: TestNode, client: httpx.Client, naughty: list[str]
) -> None:
    headers = node.headers("PARKING", "reader")
    for text in naughty:
        dataset = "0x" + node.parking.hex()
        bodies: dict[str, Any] = {
            "/v1/subjects/resolve": {"dataset": dataset, "system": text, "value": text},
            f"/v1/datasets/{dataset}/records/find": {"id": text},
            f"/v1/datasets/{dataset}/records/check": {"subject": text},
        }
        for url, body in bodies.items():
            _is_answered(client.post(url, json=body, headers=headers))


def _part(answer: bytes, name: str) -> bytes:
    return raw_members(raw_members(answer)["parts"])[name]

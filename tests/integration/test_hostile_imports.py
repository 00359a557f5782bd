"""Damaged files and bodies through a real HTTP server: an answer each time, and nothing half-taken."""

from __future__ import annotations

import gzip
import logging
import random
import socket
import zlib
from collections.abc import Callable, Iterator

import httpx
import pytest

from cityledger.formats import registry as formats
from support.imports.damaged_files import DAMAGE, MARKER, SEEDS, Seed, seed_bytes
from support.node.chain_facts import CODES
from support.node.node_fixture import TestNode
from support.node.served_node import served_node

WRITABLE = {"medical": "HEALTH", "property": "LAND", "parking": "PARKING", None: "PARKING"}
ROUNDS = 2


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestNode, httpx.Client]]:
    with served_node(tmp_path_factory.mktemp("served"), import_limit_bytes=50_000_000) as made:
        yield made


@pytest.fixture
def node(served: tuple[TestNode, httpx.Client]) -> TestNode:
    return served[0]


@pytest.fixture
def client(served: tuple[TestNode, httpx.Client]) -> httpx.Client:
    return served[1]


def _post(node: TestNode, client: httpx.Client, seed: Seed, body: bytes, **headers: str) -> httpx.Response:
    code = WRITABLE[formats.get(seed.format).profile]
    dataset = (node.health, node.land, node.parking)[CODES.index(code)]
    options = {
        "format": seed.format,
        "timezone": seed.options.timezone,
        "observedAt": seed.options.observed_at,
        "place": seed.options.place,
        "capacity": seed.options.capacity,
    }
    params = {name: str(value) for name, value in options.items() if value is not None}
    return client.post(
        f"/v1/datasets/0x{dataset.hex()}/imports",
        params=params,
        content=body,
        headers={**node.headers(code, "writer"), "Content-Type": "application/octet-stream", **headers},
    )


def _finished(node: TestNode, client: httpx.Client, seed: Seed, answer: httpx.Response) -> dict[str, object]:
    """The import once the node's loop is done with it."""
    assert answer.status_code in (200, 202), answer.text
    while node.context.imports.turn():
        pass
    code = WRITABLE[formats.get(seed.format).profile]
    headers = node.headers(code, "writer")
    job: dict[str, object] = client.get(answer.headers["Location"], headers=headers).json()
    assert job["state"] in ("done", "stopped"), job
    for verdict in ("rejected", "flagged", "duplicate"):
        rows = client.get(f"{answer.headers['Location']}/rows", params={"verdict": verdict}, headers=headers)
        assert not [row for row in rows.json()["rows"] if MARKER in row["reason"]]
    return job


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: f"{seed.format} {seed.file.rpartition('/')[2]}")
def test_damaged_file_is_imported_as_far_as_it_goes(
    node: TestNode, client: httpx.Client, seed: Seed, caplog: pytest.LogCaptureFixture
) -> None:
    sampler = random.Random(7)
    header, newline, rest = seed_bytes(seed).decode("utf-8-sig").partition("\n")
    text = (header + newline + rest.replace("e", f"e{MARKER}", 2_000)).encode()  # names may be disclosed
    caplog.set_level(logging.DEBUG)
    for _ in range(ROUNDS):
        for body in (
            sampler.choice(DAMAGE)(seed_bytes(seed), sampler),
            sampler.choice(DAMAGE)(text, sampler),
        ):
            job = _finished(node, client, seed, _post(node, client, seed, body))
            assert "the node failed" not in str(job.get("failure"))
    assert MARKER not in caplog.text


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-9],
        lambda data: data[:40],
        lambda data: data + b"more",
        lambda data: data[:20] + data[21:],
    ],
    ids=["no end", "cut off", "something behind", "a byte lost"],
)
def test_damaged_gzip_is_refused_or_told(
    node: TestNode, client: httpx.Client, damage: Callable[[bytes], bytes]
) -> None:
    seed = SEEDS[0]
    answer = _post(node, client, seed, damage(gzip.compress(seed_bytes(seed))))

    assert answer.status_code in (202, 400, 422), answer.text
    if answer.status_code == 202:
        assert _finished(node, client, seed, answer)["state"] == "stopped"


def test_gzip_bomb_is_refused_before_it_fills_anything(node: TestNode, client: httpx.Client) -> None:
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(bytes(1_000_000)) for _ in range(200)) + packer.flush()
    before = _objects(node)

    answer = _post(node, client, SEEDS[0], bomb)

    assert answer.status_code in (413, 422), answer.text
    assert _objects(node) == before


def _objects(node: TestNode) -> list[str]:
    objects = node.context.services.objects
    return sorted(one.key for prefix in ("imports/", "parts/") for one in objects.list(prefix))


def _address(client: httpx.Client) -> tuple[str, int]:
    assert client.base_url.port is not None
    return client.base_url.host, client.base_url.port


def test_sender_that_goes_away_leaves_no_import_and_no_file(node: TestNode, client: httpx.Client) -> None:
    before, rows = _objects(node), node.row_counts()
    path = f"/v1/datasets/0x{node.land.hex()}/imports?format=hmlr-price-paid"
    lines = [f"{name}: {value}" for name, value in node.headers("LAND", "writer").items()]
    head = "\r\n".join([f"POST {path} HTTP/1.1", "Host: x", "Content-Length: 900000", *lines, "", ""])

    with socket.create_connection(_address(client)) as wire:
        wire.sendall(head.encode() + b"Content-Type: text/csv" + bytes(50_000))
    client.get("/healthz").raise_for_status()

    assert _objects(node) == before
    assert node.row_counts()["import_job"] == rows["import_job"]


BOUNDARY = "frontier"
RECORD = b'{"parts": {"title": {"uid": "1"}}}'


def _form(*parts: tuple[str, str, bytes], end: str = "--") -> bytes:
    body = b"".join(
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n'.encode()
        + f"Content-Type: {kind}\r\n\r\n".encode()
        + payload
        + b"\r\n"
        for name, kind, payload in parts
    )
    return body + f"--{BOUNDARY}{end}\r\n".encode()


JSON, BINARY = "application/json", "application/octet-stream"
FORMS = {
    "empty": b"",
    "no boundary in it": b"hello",
    "no part": _form(),
    "no record": _form(("attachment", BINARY, b"x")),
    "attachment first": _form(("attachment", BINARY, b"x"), ("record", JSON, RECORD)),
    "two records": _form(("record", JSON, RECORD), ("record", JSON, RECORD)),
    "two attachments": _form(
        ("record", JSON, RECORD), ("attachment", BINARY, b"x"), ("attachment", BINARY, b"y")
    ),
    "unknown part": _form(("record", JSON, RECORD), ("other", BINARY, b"x")),
    "JSON part as a stream": _form(("record", JSON, RECORD), ("title", BINARY, b"{}")),
    "not closed": _form(("record", JSON, RECORD), ("attachment", BINARY, b"x" * 300_000), end=""),
    "record is no JSON": _form(("record", JSON, b"\xff")),
    "NUL name": _form(("rec\0ord", JSON, RECORD)),
    "endless header": b"--frontier\r\nX: " + b"a" * 1_000_000,
}


@pytest.mark.parametrize("kind", ["multipart/form-data", "multipart/related"])
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_malformed_form_is_refused_and_leaves_no_object(
    node: TestNode, client: httpx.Client, form: bytes, kind: str
) -> None:
    before, rows = _objects(node), node.row_counts()
    headers = {**node.headers("LAND", "writer"), "Content-Type": f"{kind}; boundary={BOUNDARY}"}

    answer = client.put(node.url(node.land, "form"), content=form, headers=headers)

    assert 400 <= answer.status_code < 500, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert _objects(node) == before
    assert node.row_counts()["record_version"] == rows["record_version"]

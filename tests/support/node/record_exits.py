"""A request at each exit of a node, and the records that they are about."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from httpx import Response
from starlette.testclient import TestClient

from cityledger.api.http.shapes import hex_of
from cityledger.store import tables as t
from cityledger.types import AgencyId, purpose_from_name
from support.node.node_fixture import TestNode
from support.node.sample_records import TREATMENT_RECORD

RECORDS = "/v1/datasets/{dataset}/records"
SCAN = b"scan of a page " * 30_000
"""A payload that is kept as an object."""
VISIT_NUMBER = {"system": "urn:example:visits", "value": "V-2041"}
Ask = Callable[[TestNode, TestClient], Response]
READS: dict[str, tuple[tuple[str, str], Ask]] = {
    "read": (
        ("GET", RECORDS + "/{id}"),
        lambda node, client: client.get(node.url(node.health, "visit"), headers=asking(node)),
    ),
    "read as FHIR": (
        ("GET", RECORDS + "/{id}"),
        lambda node, client: client.get(
            node.url(node.health, "visit"), headers=asking(node) | {"Accept": "application/fhir+json"}
        ),
    ),
    "release": (
        ("POST", RECORDS + "/{id}/release"),
        lambda node, client: client.post(
            node.url(node.health, "visit", "/release"), headers=asking(node), json=presented(node)
        ),
    ),
    "part": (
        ("GET", RECORDS + "/{id}/parts/{part}"),
        lambda node, client: client.get(
            node.url(node.health, "visit", "/parts/summary"), headers=asking(node)
        ),
    ),
    "long part": (
        ("GET", RECORDS + "/{id}/parts/{part}"),
        lambda node, client: client.get(
            node.url(node.health, "scan", "/parts/attachment"), headers=asking(node)
        ),
    ),
    "ciphertext of a long part": (
        ("GET", RECORDS + "/{id}/parts/{part}/ciphertext"),
        lambda node, client: fetch_ciphertext(node, client),
    ),
    "history": (
        ("GET", RECORDS + "/{id}/history"),
        lambda node, client: client.get(node.url(node.health, "visit", "/history"), headers=asking(node)),
    ),
    "proof": (
        ("GET", RECORDS + "/{id}/proof"),
        lambda node, client: client.get(node.url(node.health, "visit", "/proof"), headers=asking(node)),
    ),
    "proof with openings": (
        ("GET", RECORDS + "/{id}/proof"),
        lambda node, client: client.get(
            node.url(node.health, "visit", "/proof?openings=true"), headers=asking(node)
        ),
    ),
    "tombstone": (
        ("GET", RECORDS + "/{id}/tombstone"),
        lambda node, client: client.get(
            node.url(node.health, "erased", "/tombstone"), headers=node.headers("HEALTH", "reader")
        ),
    ),
    "find by id": (
        ("POST", RECORDS + "/find"),
        lambda node, client: client.post(
            node.url(node.health, "find"), headers=asking(node), json={"id": "visit"}
        ),
    ),
    "find by subject": (
        ("POST", RECORDS + "/find"),
        lambda node, client: client.post(
            node.url(node.health, "find"), headers=asking(node), json={"subject": subject()}
        ),
    ),
    "find by identifier": (
        ("POST", RECORDS + "/find"),
        lambda node, client: client.post(
            node.url(node.health, "find"), headers=asking(node), json={"identifier": VISIT_NUMBER}
        ),
    ),
    "check": (
        ("POST", RECORDS + "/check"),
        lambda node, client: client.post(
            node.url(node.health, "check"), headers=asking(node), json={"id": "visit"}
        ),
    ),
    "resolve": (
        ("POST", "/v1/subjects/resolve"),
        lambda node, client: client.post(
            "/v1/subjects/resolve",
            headers=node.headers("HEALTH", "reader"),
            json={"dataset": hex_of(node.health), "system": "urn:x", "value": "P-1"},
        ),
    ),
}
"""Every exit that gives something of a record, as a caller who is permitted."""


@dataclass
class Prepared:
    """A node whose caller has signed in already."""

    node: TestNode
    signed_in: dict[str, str]

    def headers(self, *_: str) -> dict[str, str]:
        return self.signed_in

    def __getattr__(self, name: str) -> Any:
        return getattr(self.node, name)


def prepare(node: TestNode) -> list[bytes]:
    """Anchored records, one of them erased; returns what must not leave."""
    summary = {**TREATMENT_RECORD["parts"]["summary"], "identifier": [VISIT_NUMBER]}
    node.put(node.health, "visit", {**TREATMENT_RECORD, "parts": {"summary": summary}})
    put_scan(node)
    node.put(node.health, "erased", TREATMENT_RECORD)
    erased = node.client.delete(
        node.url(node.health, "erased", "?reason=duty"), headers=node.headers("HEALTH", "writer")
    )
    assert erased.status_code == 200, erased.text
    node.anchor_all()
    with node.context.services.database.reading() as connection:
        ciphertexts = connection.execute(sa.select(t.record_part.c.ciphertext)).scalars().all()
        wrapped = connection.execute(sa.select(t.record_version.c.wrapped)).scalars().all()
    objects = node.context.services.objects
    stored = [b"".join(objects.get(one.key)) for one in objects.list("parts/")]
    assert len(stored) == 1
    sealed = [*filter(None, ciphertexts), *filter(None, wrapped), *stored]
    forms = [form for one in sealed for form in (one[:24], base64.urlsafe_b64encode(one)[:24])]
    return [b"Patient/", b"Encounter", b"leafHash", b"Q0xFMg", SCAN[:24], *forms]


def put_scan(node: TestNode) -> None:
    """A record with a part that is kept as an object, granted to the one who asks."""
    head = 'Content-Disposition: form-data; name="'
    record = json.dumps(TREATMENT_RECORD)
    body = f'--b0\r\n{head}record"\r\n\r\n{record}\r\n--b0\r\n{head}attachment"\r\n\r\n'.encode()
    answer = node.client.put(
        node.url(node.health, "scan"),
        content=body + SCAN + b"\r\n--b0--",
        headers=node.headers("HEALTH", "writer") | {"Content-Type": "multipart/form-data; boundary=b0"},
    )
    assert answer.status_code == 201, answer.text
    node.grant(node.health, AgencyId(2), purpose_from_name("TREATMENT"), 0xFF)


def fetch_ciphertext(node: TestNode, client: TestClient) -> Response:
    """The ciphertext that a release refers to, or the refusal of that release."""
    url = node.url(node.health, "scan", "/release")
    released: Response = client.post(url, headers=asking(node), json=presented(node))
    if released.status_code != 200:
        return released
    (part,) = released.json()["objects"].values()
    answer: Response = client.get(part["href"], headers=asking(node))
    return answer


def asking(node: TestNode) -> dict[str, str]:
    return node.headers("LAND", "reader", "TREATMENT")


def presented(node: TestNode) -> dict[str, object]:
    key = node.context.services.keyring.agency(AgencyId(2)).sealing_key
    encoded = base64.urlsafe_b64encode(key.public_bytes).decode().rstrip("=")
    return {"kem": int(key.kem), "sealingKey": encoded}


def subject() -> str:
    return str(TREATMENT_RECORD["subjects"][0])

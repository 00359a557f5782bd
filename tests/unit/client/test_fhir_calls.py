"""FHIR by both clients: a record's resources in and out, byte for byte."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cityledger.client import AccessContext, Client
from cityledger.client.forms.records import read_fhir
from cityledger.client.http.messages import Answer
from cityledger.errors import MediaTypeError, NodeError, NotAcceptableError, PayloadError, StaleVersionError
from support.node.node_fixture import TestNode

Connect = Callable[[str, str], Client]
OWN = AccessContext("OWN_DUTY")
ENCOUNTER = '{"resourceType": "Encounter", "status": "finished",  "class": {"display": "门诊"}}'.encode()


def test_put_and_get_keep_the_bytes(connect: Connect, node: TestNode) -> None:
    written = connect("HEALTH", "writer").put_fhir(node.health, "visit", ENCOUNTER, expected_version=0)
    found = connect("HEALTH", "reader").get_fhir(node.health, "visit", OWN)
    assert (found.data, found.version) == (ENCOUNTER, written.version)
    assert len(found.receipts) == 1
    assert found.decision.startswith("permit")


def test_put_accepts_an_object_and_get_a_version_and_parts(connect: Connect, node: TestNode) -> None:
    writer, reader = connect("HEALTH", "writer"), connect("HEALTH", "reader")
    writer.put_fhir(node.health, "visit", {"resourceType": "Patient", "active": True})
    writer.put_fhir(node.health, "visit", ENCOUNTER, expected_version=1)
    first = reader.get_fhir(node.health, "visit", OWN, version=1)
    assert first.data == b'{"resourceType":"Patient","active":true}'
    assert b"entry" not in reader.get_fhir(node.health, "visit", OWN, parts=["medication"]).data
    with pytest.raises(StaleVersionError):
        writer.put_fhir(node.health, "visit", ENCOUNTER, expected_version=1)


def test_put_names_the_element(connect: Connect, node: TestNode) -> None:
    with pytest.raises(PayloadError) as caught:
        connect("HEALTH", "writer").put_fhir(node.health, "visit", ENCOUNTER.replace(b"finished", b"over"))
    assert caught.value.field == "resource.status"


def test_other_datasets_have_no_fhir(connect: Connect, node: TestNode) -> None:
    with pytest.raises(MediaTypeError):
        connect("LAND", "writer").put_fhir(node.land, "title", ENCOUNTER)
    with pytest.raises(NotAcceptableError):
        connect("LAND", "reader").get_fhir(node.land, "title", OWN)


@pytest.mark.parametrize(
    ("etag", "body"),
    [("", ENCOUNTER), ("v1", ENCOUNTER), ('"v1"', b"{}"), ('"v1"', b"[]"), ('"v1"', b"<Encounter/>")],
)
def test_read_fhir_refuses_what_is_none(etag: str, body: bytes) -> None:
    with pytest.raises(NodeError):
        read_fhir(Answer(200, {"ETag": etag}, body))

"""FHIR files through the whole import: rows judged, stored, found, and read back as FHIR."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cityledger.profiles.fhir_slices import slices_of
from cityledger.strict_json import raw_items, raw_members
from cityledger.types import DatasetId
from support.imports.import_fixture import ImportDesk, outcomes
from support.imports.public_data import public_data
from support.node.node_fixture import TestNode, make_node

NAME = "synthea24_Clemente_Kreiger_1484a42d.json"
PATIENT = {"system": "http://hospital.smarthealthit.org", "value": "1484a42d-0eaf-4654-9cbf-6b050a5cd73b"}


@pytest.fixture
def node(tmp_path: Path) -> Iterator[TestNode]:
    made = make_node(tmp_path)
    yield made
    made.close()


def bundle() -> bytes:
    return public_data(f"medical/synthea-bundles/{NAME}").read_bytes()


def get(node: TestNode, dataset: DatasetId, name: str) -> Any:
    headers = node.headers("HEALTH", "reader") | {"Accept": "application/fhir+json"}
    return node.client.get(node.url(dataset, name), headers=headers)


def test_a_public_bundle_comes_back_resource_by_resource(node: TestNode) -> None:
    data = bundle()
    desk = ImportDesk.of(node, node.health)
    assert outcomes(desk.import_(data, "fhir")) == {"accepted": 6}

    entries = [raw_members(one)["resource"] for one in raw_items(raw_members(data)["entry"])]
    encounters = [json.loads(one)["id"] for one in entries if json.loads(one)["resourceType"] == "Encounter"]
    returned = Counter[bytes]()
    for name in [f"Encounter-{one}" for one in encounters]:
        answer = get(node, node.health, name)
        assert answer.status_code == 200, name
        returned.update(one.data for one in slices_of(answer.content))
    assert returned <= Counter(entries)
    assert sum(returned.values()) > 50


def test_the_patient_of_a_bundle_is_found_by_record_number_and_by_subject(node: TestNode) -> None:
    desk = ImportDesk.of(node, node.health)
    job = desk.import_(bundle(), "fhir")
    reader = node.headers("HEALTH", "reader")
    find = node.url(node.health, "find")

    found = node.client.post(find, json={"identifier": PATIENT}, headers=reader).json()["records"]
    assert len(found) == 1
    query = {"dataset": "0x" + node.health.hex(), **PATIENT}
    subject = node.client.post("/v1/subjects/resolve", json=query, headers=reader).json()["subject"]
    about = node.client.post(find, json={"subject": subject}, headers=reader).json()["records"]
    assert found[0] in about
    # All but the practitioner and the organisation are about the patient.
    assert outcomes(job)["accepted"] - len(about) == 2


def test_the_same_bundle_in_other_bytes_adds_nothing(node: TestNode) -> None:
    desk = ImportDesk.of(node, node.health)
    desk.import_(bundle(), "fhir")
    assert outcomes(desk.import_(bundle() + b"\n", "fhir")) == {"unchanged": 6}


def test_a_refused_resource_is_listed_with_its_element(node: TestNode) -> None:
    broken = bundle().replace(b'"status": "finished"', b'"status": "over"', 1)
    assert broken != bundle()
    desk = ImportDesk.of(node, node.health)
    job = desk.import_(broken, "fhir")
    (row,) = desk.rows(job)
    assert row.field.endswith(".resource.status")
    assert outcomes(job) == {"accepted": 5, "rejected": 1}


def test_a_delete_withdraws_and_the_record_may_return(node: TestNode) -> None:
    patient = {"resourceType": "Patient", "id": "7", "active": True}
    request = {"method": "DELETE", "url": "Patient/7"}
    deletion = {"resourceType": "Bundle", "type": "transaction", "entry": [{"request": request}]}
    desk = ImportDesk.of(node, node.health)
    assert outcomes(desk.import_(json.dumps(deletion).encode(), "fhir")) == {"rejected": 1}
    desk.import_(json.dumps(patient).encode(), "fhir")
    assert outcomes(desk.import_(json.dumps(deletion).encode() + b" ", "fhir")) == {"withdrawn": 1}
    assert get(node, node.health, "Patient-7").status_code == 404
    desk.import_(json.dumps(patient).encode() + b" ", "fhir")
    assert get(node, node.health, "Patient-7").json() == patient

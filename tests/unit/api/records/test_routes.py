from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from cityledger.api.http.shapes import hex_of
from cityledger.opening import SealedRelease, open_release_of
from cityledger.proofs.leaf_json import leaf_from_json, receipt_from_json
from cityledger.proofs.leaves import RecordLeaf, recover_receipt_signer
from cityledger.proofs.proof_file import parse_proof
from cityledger.types import AgencyId, Kem, RecordId
from support.node.node_fixture import TestNode
from support.node.sample_records import PARKING_RECORD, TREATMENT_RECORD


def read(node: TestNode, name: str, query: str = "", code: str = "LAND", purpose: str = "TREATMENT") -> Any:
    return node.client.get(node.url(node.health, name) + query, headers=node.headers(code, "reader", purpose))


def test_put_returns_the_place_of_the_version(node: TestNode) -> None:
    headers = node.headers("HEALTH", "writer")
    url = node.url(node.health, "门诊 7")
    first = node.client.put(url, json=TREATMENT_RECORD, headers=headers)
    second = node.client.put(url, json=TREATMENT_RECORD, headers=headers)

    assert (first.status_code, first.headers["etag"]) == (201, '"v1"')
    assert (second.status_code, second.headers["etag"]) == (200, '"v2"')
    assert first.json().keys() == {"dataset", "record", "version", "log", "seq", "leafHash"}
    assert (second.json()["version"], second.json()["seq"]) == (2, "1")


def test_record_has_one_id_by_either_name(node: TestNode) -> None:
    record = node.put(node.health, "visit", TREATMENT_RECORD)["record"]
    assert read(node, record).json()["record"] == record
    assert read(node, "visit").json()["record"] == record


def test_get_gives_back_the_bytes_that_were_written(node: TestNode) -> None:
    summary = json.dumps(TREATMENT_RECORD["parts"]["summary"])[:-1] + ', "length": {"value": 6.10} }'
    body = f'{{"parts": {{"summary": {summary}}}}}'.encode()
    headers = {**node.headers("HEALTH", "writer"), "Content-Type": "application/json"}
    assert node.client.put(node.url(node.health, "visit"), content=body, headers=headers).is_success

    answer = read(node, "visit")

    assert f'"summary":{summary}' in answer.text
    assert answer.headers["etag"] == '"v1"'
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["cityledger-decision"].startswith("permit;code=120;rule=12;basis=")
    assert answer.json().keys() == {"dataset", "record", "version", "subjects", "parts"}


def test_get_leaves_one_receipt_per_subject(node: TestNode) -> None:
    subjects = ["0x" + "01" * 32, "0x" + "02" * 32]
    node.put(node.health, "visit", {**TREATMENT_RECORD, "subjects": subjects})
    answer = read(node, "visit")
    assert answer.json()["subjects"] == subjects
    assert len(answer.headers["cityledger-read-receipt"].split(", ")) == 2


def test_get_returns_the_requested_version_and_parts(node: TestNode) -> None:
    node.put(node.health, "visit", TREATMENT_RECORD)
    node.put(node.health, "visit", TREATMENT_RECORD)
    assert read(node, "visit", "?version=1").json()["version"] == 1
    assert read(node, "visit", "?parts=summary").json()["parts"].keys() == {"summary"}
    assert read(node, "visit", "?parts=medication").json()["parts"] == {}
    denied = read(node, "visit", "?parts=summary,observations")
    assert (denied.status_code, denied.json()["ruleCode"]) == (403, 81)


def test_provider_reads_its_own_record_and_names_it(node: TestNode) -> None:
    node.put(node.parking, "spot", PARKING_RECORD)
    headers = node.headers("PARKING", "reader", "OWN_DUTY")
    answer = node.client.get(node.url(node.parking, "spot"), headers=headers)
    assert answer.headers["cityledger-decision"] == "permit;code=40;rule=4;block=1"


def test_hidden_and_absent_records_answer_alike(node: TestNode) -> None:
    hidden = RecordId(bytes.fromhex(node.put(node.health, "hidden", TREATMENT_RECORD)["record"][2:]))
    sealed = RecordId(bytes.fromhex(node.put(node.health, "sealed", TREATMENT_RECORD)["record"][2:]))
    node.put(node.health, "erased", TREATMENT_RECORD)
    node.restrict(node.health, hidden, AgencyId(0))
    node.seal(node.health, sealed)
    node.client.delete(
        node.url(node.health, "erased") + "?reason=law", headers=node.headers("HEALTH", "writer")
    )
    before = node.row_counts()["receipt"]

    answers = [read(node, name) for name in ("absent", "hidden", "sealed", "erased")]

    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1
    assert len({tuple(answer.headers.items()) for answer in answers}) == 1
    assert node.row_counts()["receipt"] == before + 4


@pytest.mark.parametrize("tail", ["/history", "/proof"])
def test_hidden_records_show_in_no_other_answer(node: TestNode, tail: str) -> None:
    record = RecordId(bytes.fromhex(node.put(node.health, "hidden", TREATMENT_RECORD)["record"][2:]))
    node.anchor_all()
    node.restrict(node.health, record, AgencyId(2))
    headers = node.headers("LAND", "reader", "TREATMENT")
    answers = [
        node.client.get(node.url(node.health, name, tail), headers=headers) for name in ("hidden", "absent")
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert answers[0].content == answers[1].content


def test_delete_destroys_every_version(node: TestNode) -> None:
    node.put(node.health, "visit", TREATMENT_RECORD)
    node.put(node.health, "visit", TREATMENT_RECORD)
    headers = node.headers("HEALTH", "writer")
    url = node.url(node.health, "visit")

    assert node.client.delete(url, headers=headers).json()["field"] == "reason"
    erased = node.client.delete(url + "?reason=subject-request", headers=headers)

    assert [place["seq"] for place in erased.json()["tombstones"]] == ["2", "3"]
    assert read(node, "visit").status_code == 404
    assert node.client.delete(url + "?reason=duty", headers=headers).status_code == 404
    history = node.client.get(
        node.url(node.health, "visit", "/history"), headers=node.headers("HEALTH", "reader")
    )
    assert [one["erased"] for one in history.json()["versions"]] == [True, True]


def test_withdraw_ends_the_record_and_a_write_brings_it_back_with_its_history(node: TestNode) -> None:
    node.put(node.health, "visit", TREATMENT_RECORD)
    writer, reader = node.headers("HEALTH", "writer"), node.headers("HEALTH", "reader")
    url = node.url(node.health, "visit")

    ended = node.client.post(url + "/withdraw", headers=writer | {"If-Match": '"v1"'})

    assert (ended.status_code, ended.json()["version"], ended.headers["etag"]) == (200, 2, '"v2"')
    assert node.client.get(url, headers=reader).status_code == 404
    assert node.client.get(url + "?version=2", headers=reader).status_code == 404
    assert node.client.get(url + "?version=1", headers=reader).json()["parts"] == TREATMENT_RECORD["parts"]
    back = node.client.put(url, json=TREATMENT_RECORD, headers=writer | {"If-None-Match": "*"})
    assert back.json()["version"] == 3
    history = node.client.get(url + "/history", headers=reader).json()["versions"]
    assert [one["withdrawn"] for one in history] == [False, True, False]
    assert [one["erased"] for one in history] == [False, False, False]


def test_withdraw_refuses_another_version_and_what_is_not_there(node: TestNode) -> None:
    node.put(node.health, "visit", TREATMENT_RECORD)
    writer, url = node.headers("HEALTH", "writer"), node.url(node.health, "visit", "/withdraw")

    stale = node.client.post(url, headers=writer | {"If-Match": '"v2"'})
    absent = node.client.post(node.url(node.health, "absent", "/withdraw"), headers=writer)
    first, second = node.client.post(url, headers=writer), node.client.post(url, headers=writer)

    assert [one.status_code for one in (stale, absent, first, second)] == [412, 404, 200, 404]
    assert second.json() == absent.json()


def test_withdraw_is_for_the_provider_only_and_discloses_nothing_to_others(node: TestNode) -> None:
    node.put(node.health, "visit", TREATMENT_RECORD)
    headers = node.headers("LAND", "writer", "TREATMENT")

    answers = [
        node.client.post(node.url(node.health, name, "/withdraw"), headers=headers)
        for name in ("visit", "absent")
    ]

    assert {answer.status_code for answer in answers} == {403}
    assert answers[0].json() == answers[1].json()
    assert read(node, "visit").status_code == 200


@pytest.mark.parametrize("code", ["LAND", "PARKING"])
def test_release_opens_on_the_consumers_side(node: TestNode, code: str) -> None:
    """With both kems: LAND's sealing key is X-Wing, PARKING's X25519."""
    agency = node.agency(code)
    node.put(node.health, "visit", TREATMENT_RECORD)
    node.grant(node.health, agency, b"TREATMENT".ljust(32, b"\0"), 0b1)  # type: ignore[arg-type]
    key = node.context.services.keyring.agency(agency).sealing_key

    body = release(node, code, key.kem, key.public_bytes).json()

    leaf = leaf_from_json(body["leaf"])
    assert isinstance(leaf, RecordLeaf)
    sealed = SealedRelease(
        leaf=leaf,
        kem=Kem(body["kem"]),
        message=unbase64(body["message"]),
        receipt_digests=tuple(bytes.fromhex(one["digest"][2:]) for one in body["receipts"]),
        ciphertexts={int(bit): unbase64(text) for bit, text in body["ciphertexts"].items()},
    )
    payloads = open_release_of(sealed, key).payloads
    assert json.loads(payloads["summary"]) == TREATMENT_RECORD["parts"]["summary"]
    for one in body["receipts"]:
        receipt = receipt_from_json(one["receipt"])
        assert hex_of(receipt.struct_hash()) == one["digest"]
        signer = recover_receipt_signer(
            receipt, node.context.services.domain, bytes.fromhex(one["signature"][2:])
        )
        assert signer == node.context.services.operator.address


def test_release_refuses_a_key_that_is_not_the_registrys(node: TestNode) -> None:
    node.put(node.health, "visit", TREATMENT_RECORD)
    before = node.row_counts()
    other = node.context.services.keyring.agency(AgencyId(1)).sealing_key
    assert release(node, "LAND", other.kem, other.public_bytes).status_code == 409
    assert node.row_counts() == before


@pytest.mark.parametrize(("kem", "key"), [(1, b"short"), (2, bytes(32)), (1, bytes(33)), (2, b"\xff" * 1216)])
def test_release_refuses_an_invalid_key(node: TestNode, kem: int, key: bytes) -> None:
    answer = release(node, "LAND", kem, key)
    assert (answer.status_code, answer.json()["field"]) == (422, "sealingKey")


def test_proof_says_when_it_must_wait_and_then_holds(node: TestNode) -> None:
    node.put(node.health, "visit", TREATMENT_RECORD)
    headers = node.headers("LAND", "reader", "TREATMENT")
    url = node.url(node.health, "visit", "/proof")
    waiting = node.client.get(url, headers=headers)
    assert (waiting.status_code, waiting.json()["code"]) == (503, "not-anchored")
    assert "retry-after" in waiting.headers

    node.anchor_all()

    proof = parse_proof(node.client.get(url, headers=headers).content)
    assert isinstance(proof.leaf, RecordLeaf)
    assert proof.anchor.block_number == node.block


def release(node: TestNode, code: str, kem: int, key: bytes) -> Any:
    body = {"kem": int(kem), "sealingKey": base64.urlsafe_b64encode(key).decode().rstrip("=")}
    return node.client.post(
        node.url(node.health, "visit", "/release"),
        json=body,
        headers=node.headers(code, "reader", "TREATMENT"),
    )


def unbase64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))

"""On a shared database a node answered, signed and erased for agencies that it does not host: by a record's
0x id it needed none of their keys, and receipts in their logs were signed by another operator.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from eth_account import Account
from starlette.testclient import TestClient

from cityledger.api.http.shapes import hex_of
from cityledger.keccak import keccak
from cityledger.sealing.keyring import Keyring
from cityledger.sealing.keyring_lock import DEVNET_KDF_COST, UnlockSecret
from cityledger.types import AgencyId, Kem
from integration.test_invariant_no_log_no_key import EXITS
from support.node.node_fixture import TestNode
from support.node.record_exits import RECORDS, presented
from support.node.sample_records import TREATMENT_RECORD

MISDIRECTED = 421


@pytest.fixture
def other(node: TestNode, tmp_path: Path) -> TestClient:
    """A second node of the database, with LAND's keys only and an operator of its own."""
    secret = UnlockSecret.from_passphrase("other")
    keyring = Keyring.create(tmp_path / "other", secret, random=os.urandom, kdf_cost=DEVNET_KDF_COST)
    keyring.add_agency(AgencyId(2), random=os.urandom, kem=Kem.X_WING, credential_key=None)
    operator = Account.from_key(keccak(b"the other operator"))
    return node.client_with(keyring=keyring, operator=operator)


def _requests(node: TestNode, record: str, digest: str) -> dict[tuple[str, str], list[tuple[str, dict]]]:  # type: ignore[type-arg]
    """The requests to each route about HEALTH's record, by name and by 0x id: the URL, and the rest."""
    own = node.headers("HEALTH", "writer")
    reading, steward = node.headers("HEALTH", "reader"), node.headers("HEALTH", "steward")

    def of(tail: str = "", headers: dict[str, str] = reading, **more: object) -> list[tuple[str, dict]]:  # type: ignore[type-arg]
        names = ("visit", record)
        return [(node.url(node.health, name, tail), {"headers": headers, **more}) for name in names]

    def to(url: str, headers: dict[str, str] = reading, **more: object) -> list[tuple[str, dict]]:  # type: ignore[type-arg]
        return [(url, {"headers": headers, **more})]

    searches = [{"id": "visit"}, {"id": record}, {"subject": TREATMENT_RECORD["subjects"][0]}]
    searches.append({"identifier": {"system": "urn:x", "value": "V-1"}})
    find, check = (node.url(node.health, word) for word in ("find", "check"))
    named = {"dataset": hex_of(node.health), "system": "urn:x", "value": "P-1"}
    imports = f"/v1/datasets/{hex_of(node.health)}/imports?format=ndjson"
    ndjson = {**own, "Content-Type": "application/x-ndjson"}
    grant = {"dataset": hex_of(node.health), "consumer": 2, "purpose": "TREATMENT"}
    until = node.time.now + 1_000
    return {
        ("PUT", RECORDS + "/{id}"): of("", own, json=TREATMENT_RECORD),
        ("GET", RECORDS + "/{id}"): of(),
        ("DELETE", RECORDS + "/{id}"): of("?reason=subject-request", own),
        ("POST", RECORDS + "/{id}/withdraw"): of("/withdraw", own),
        ("POST", RECORDS + "/{id}/release"): of("/release", json=presented(node)),
        ("GET", RECORDS + "/{id}/parts/{part}"): of("/parts/summary"),
        ("GET", RECORDS + "/{id}/parts/{part}/ciphertext"): of(
            f"/parts/summary/ciphertext?version=1&receipt={digest}"
        ),
        ("GET", RECORDS + "/{id}/history"): of("/history"),
        ("GET", RECORDS + "/{id}/proof"): of("/proof"),
        ("GET", RECORDS + "/{id}/tombstone"): of("/tombstone"),
        ("POST", RECORDS + "/find"): [one for body in searches for one in to(find, json=body)],
        ("POST", RECORDS + "/check"): [one for body in searches for one in to(check, json=body)],
        ("POST", RECORDS + "/{id}/head"): of("/head", own, json={}),
        ("POST", RECORDS + "/{id}/restrict"): of("/restrict", steward, json={"restricted": True}),
        ("POST", RECORDS + "/{id}/seal"): of("/seal", steward),
        ("POST", "/v1/datasets/{dataset}/imports"): to(
            imports, ndjson, content=json.dumps({"id": "new", **TREATMENT_RECORD})
        ),
        ("POST", "/v1/subjects/resolve"): to("/v1/subjects/resolve", json=named),
        ("GET", "/v1/reads/{digest}/proof"): to(f"/v1/reads/{digest}/proof"),
        ("GET", "/v1/imports"): to("/v1/imports", own),
        ("GET", "/v1/imports/{import}"): to("/v1/imports/" + "5b" * 16, own),
        ("GET", "/v1/imports/{import}/rows"): to("/v1/imports/" + "5b" * 16 + "/rows?verdict=rejected", own),
        ("GET", "/v1/imports/{import}/errors"): to("/v1/imports/" + "5b" * 16 + "/errors", own),
        ("POST", "/v1/decisions"): to(
            "/v1/decisions", json={"dataset": hex_of(node.health), "action": "read"}
        ),
        ("POST", "/v1/grants"): to(
            "/v1/grants", steward, json={**grant, "parts": ["summary"], "until": until}
        ),
        ("POST", "/v1/grants/revoke"): to("/v1/grants/revoke", steward, json=grant),
    }


def test_a_node_keeps_to_its_agencies_on_every_route(node: TestNode, other: TestClient) -> None:
    record = node.put(node.health, "visit", TREATMENT_RECORD)["record"]
    node.client.get(node.url(node.health, "visit"), headers=node.headers("HEALTH", "reader"))
    node.anchor_all()
    digest = _own_reads(node, node.client)[0]["whole"]["digest"]
    requests = _requests(node, record, digest)
    before = node.row_counts()

    answers = {
        (method, path, url): other.request(method, url, **more).status_code
        for (method, path), calls in requests.items()
        for url, more in calls
    }

    assert {key: status for key, status in answers.items() if status != MISDIRECTED} == {}
    assert node.row_counts() == before
    assert not node.steward.calls
    # The list of reads is of the logs that the node writes, and so of no log here.
    assert requests.keys() >= EXITS.keys() - {("GET", "/v1/reads")}
    assert _own_reads(node, other) == []


def test_a_consumer_finds_its_reads_at_the_node_that_logged_them(node: TestNode, other: TestClient) -> None:
    node.put(node.health, "visit", TREATMENT_RECORD)
    asking = node.headers("LAND", "reader", "TREATMENT")
    assert node.client.get(node.url(node.health, "visit"), headers=asking).status_code == 200

    assert len(node.client.get("/v1/reads", headers=asking).json()["reads"]) == 1
    assert other.get("/v1/reads", headers=asking).json()["reads"] == []


def _own_reads(node: TestNode, client: TestClient) -> list[dict]:  # type: ignore[type-arg]
    answer = client.get("/v1/reads", headers=node.headers("HEALTH", "reader"))
    assert answer.status_code == 200, answer.text
    reads: list[dict] = answer.json()["reads"]  # type: ignore[type-arg]
    return reads

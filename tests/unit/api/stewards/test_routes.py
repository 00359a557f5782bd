from __future__ import annotations

from typing import Any

import pytest

from cityledger.api.http.shapes import hex_of
from cityledger.api.stewards.transactions import ChainStewardTransactions
from cityledger.errors import DeniedError, MisdirectedError
from cityledger.exchange.stewardship import Place, Slot
from cityledger.types import AgencyId, purpose_from_name
from support.node.chain_facts import START
from support.node.node_fixture import TestNode
from support.node.sample_records import TREATMENT_RECORD

TREATMENT = purpose_from_name("TREATMENT")


def slot(node: TestNode) -> dict[str, Any]:
    return {"dataset": hex_of(node.health), "consumer": 3, "purpose": "TREATMENT"}


def post(node: TestNode, path: str, body: object, role: str = "steward") -> Any:
    return node.client.post(path, json=body, headers=node.headers("HEALTH", role, None))


def test_grant_fills_the_slot_and_revoke_empties_it(node: TestNode) -> None:
    granted = post(node, "/v1/grants", {**slot(node), "parts": ["summary", "observations"]})
    assert granted.json().keys() == {"transaction", "block"}
    assert node.steward.calls == [
        ("grant", Slot(node.health, AgencyId(3), TREATMENT), 0b101, START, 2**40 - 1)
    ]
    mine = node.client.get("/v1/grants", headers=node.headers("PARKING", "reader", None)).json()["grants"]
    assert [(one["consumer"], one["parts"], one["until"], one["live"]) for one in mine] == [
        (3, ["summary", "observations"], None, True)
    ]

    assert post(node, "/v1/grants/revoke", slot(node)).is_success
    assert node.client.get("/v1/grants", headers=node.headers("PARKING", "reader", None)).json() == {
        "grants": [],
        "next": None,
    }


def test_grant_ends_with_an_agencys_epoch(node: TestNode) -> None:
    node.set_agency("LAND", epoch=2)
    answer = node.client.get(
        f"/v1/grants?dataset={hex_of(node.health)}", headers=node.headers("LAND", "reader", None)
    )
    assert [one["live"] for one in answer.json()["grants"]] == [False]


@pytest.mark.parametrize("changes", [{"parts": ["diary"]}, {"parts": []}, {"purpose": "treatment"}])
def test_grant_refuses(node: TestNode, changes: dict[str, Any]) -> None:
    body = {**slot(node), "parts": ["summary"], **changes}
    assert post(node, "/v1/grants", body).status_code == 422
    assert node.steward.calls == []


@pytest.mark.parametrize("role", ["reader", "writer", "auditor", "registrar"])
def test_only_stewards_may(node: TestNode, role: str) -> None:
    record = node.put(node.health, "visit", TREATMENT_RECORD)["record"]
    base = f"/v1/datasets/{hex_of(node.health)}/records/{record}"
    answers = [
        post(node, "/v1/grants", {**slot(node), "parts": ["summary"]}, role),
        post(node, "/v1/grants/revoke", slot(node), role),
        post(node, base + "/restrict", {"restricted": True}, role),
        node.client.post(base + "/seal", headers=node.headers("HEALTH", role, None)),
    ]
    assert {(answer.status_code, answer.json()["ruleCode"]) for answer in answers} == {(403, 21)}


def test_steward_of_another_agency_may_not(node: TestNode) -> None:
    headers = node.headers("LAND", "steward", None)
    url = node.url(node.health, "visit")
    answers = [
        node.client.post("/v1/grants", json={**slot(node), "parts": ["summary"]}, headers=headers),
        node.client.post("/v1/grants/revoke", json=slot(node), headers=headers),
        node.client.post(url + "/restrict", json={"restricted": True}, headers=headers),
        node.client.post(url + "/seal", headers=headers),
    ]
    assert {(answer.status_code, answer.json()["ruleCode"]) for answer in answers} == {(403, 21)}
    assert node.steward.calls == []


def test_restriction_hides_a_record_and_comes_off(node: TestNode) -> None:
    record = bytes.fromhex(node.put(node.health, "visit", TREATMENT_RECORD)["record"][2:])
    url = node.url(node.health, "visit")
    asking = node.headers("LAND", "reader", "TREATMENT")

    assert post(node, url + "/restrict", {"restricted": True, "consumer": 2}).is_success
    assert node.client.get(url, headers=asking).status_code == 404
    assert post(node, url + "/restrict", {"restricted": False, "consumer": 2}).is_success
    assert node.client.get(url, headers=asking).status_code == 200
    assert node.steward.calls[0] == ("restrict", Place(node.health, record, AgencyId(2)), True)  # type: ignore[arg-type]


def test_seal_hides_a_record(node: TestNode) -> None:
    node.put(node.health, "visit", TREATMENT_RECORD)
    url = node.url(node.health, "visit")
    assert node.client.post(url + "/seal", headers=node.headers("HEALTH", "steward", None)).is_success
    assert node.client.get(url, headers=node.headers("LAND", "reader", "TREATMENT")).status_code == 404


# --- the desk that goes to the chain -----------------------------------------------------------------------


class NoteSender:
    """Takes a call as mined in block 9."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Any]] = []

    def transact(self, account: Any, call: Any) -> Any:
        from types import SimpleNamespace

        self.sent.append((account.address, call))
        return SimpleNamespace(transaction=bytes(32), block_number=9)


class NoteCatalog:
    def revoke(self, *arguments: Any) -> Any:
        return ("revoke", *arguments)


def desk(node: TestNode, blocks: list[int]) -> tuple[ChainStewardTransactions, NoteSender, list[float]]:
    sender, slept = NoteSender(), list[float]()
    made = ChainStewardTransactions(
        sender,  # type: ignore[arg-type]
        NoteCatalog(),  # type: ignore[arg-type]
        node.context.services.keyring,
        lambda: blocks.pop(0) if len(blocks) > 1 else blocks[0],
        monotonic=lambda: sum(slept),
        sleep=slept.append,
    )
    return made, sender, slept


def test_desk_sends_as_the_steward_and_waits_for_the_index(node: TestNode) -> None:
    account = node.account("HEALTH", "steward")
    node.context.services.keyring.add_account(bytes(account.key))
    made, sender, slept = desk(node, [7, 8, 9])
    place = Slot(node.health, AgencyId(2), TREATMENT)

    assert made.revoke(node.session("HEALTH", "steward"), place).block == 9

    assert sender.sent == [(account.address, ("revoke", node.health, 2, TREATMENT))]
    assert len(slept) == 2


def test_desk_does_not_wait_for_ever(node: TestNode) -> None:
    node.context.services.keyring.add_account(bytes(node.account("HEALTH", "steward").key))
    made, _, slept = desk(node, [7])
    made.revoke(node.session("HEALTH", "steward"), Slot(node.health, AgencyId(2), TREATMENT))
    assert 4.9 < sum(slept) < 5.2


def test_desk_refuses_an_account_that_is_not_here(node: TestNode) -> None:
    made, sender, _ = desk(node, [9])
    with pytest.raises(MisdirectedError):
        made.revoke(node.session("HEALTH", "steward"), Slot(node.health, AgencyId(2), TREATMENT))
    with pytest.raises(DeniedError):
        made.revoke(node.session("HEALTH", "writer"), Slot(node.health, AgencyId(2), TREATMENT))
    assert sender.sent == []

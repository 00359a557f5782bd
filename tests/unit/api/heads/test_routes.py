from __future__ import annotations

import copy
from typing import Any

import pytest

from cityledger.errors import ChainUnavailableError, RevertedError
from cityledger.types import ErasureReason, LeafHash, RecordId
from support.node.node_fixture import TestNode
from support.node.sample_records import TITLE_RECORD

OTHER = LeafHash(b"\xee" * 32)


def title(street: str) -> dict[str, Any]:
    record: dict[str, Any] = copy.deepcopy(TITLE_RECORD)
    record["parts"]["title"]["address"]["street"] = street
    return record


def write(node: TestNode, street: str = "Xidan", *, is_anchored: bool = True) -> dict[str, Any]:
    written = node.put(node.land, "title-7", title(street))
    if is_anchored:
        node.anchor_all()
    return written


def land(node: TestNode, body: object = None, role: str = "writer", agency: str = "LAND") -> Any:
    headers = node.headers(agency, role)
    return node.client.post(node.url(node.land, "title-7", "/head"), json=body or {}, headers=headers)


def history(node: TestNode) -> dict[str, Any]:
    headers = node.headers("LAND", "reader")
    held: dict[str, Any] = node.client.get(node.url(node.land, "title-7", "/history"), headers=headers).json()
    return held


def record_of(written: dict[str, Any]) -> RecordId:
    return RecordId(bytes.fromhex(written["record"][2:]))


def refused(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_land_moves_the_head_to_the_newest_version(node: TestNode) -> None:
    write(node)
    written = write(node, "Xisi")

    answer = land(node)

    assert answer.status_code == 200, answer.text
    assert (answer.json()["version"], answer.json()["leafHash"]) == (2, written["leafHash"])
    assert [(leaf.version, expected) for leaf, expected in node.heads.moves] == [(2, None)]
    told = history(node)
    assert [(one["version"], one["landed"]) for one in told["versions"]] == [(1, False), (2, True)]
    assert told["head"]["version"] == 2
    assert told["head"]["leafHash"] == written["leafHash"]


def test_land_follows_the_version_that_landed_before(node: TestNode) -> None:
    first = write(node)
    land(node)
    write(node, "Xisi")
    write(node, "Xinjiekou")

    assert land(node, {"expectedVersion": 1}).json()["version"] == 3

    assert node.heads.moves[1][1] == bytes.fromhex(first["leafHash"][2:])


def test_land_again_only_says_where_it_landed(node: TestNode) -> None:
    write(node)
    first = land(node).json()
    again = land(node, {"expectedVersion": 0}).json()
    assert again == {**first, "transaction": again["transaction"]}
    assert len(node.heads.moves) == 1


def test_land_waits_for_the_anchor(node: TestNode) -> None:
    write(node, is_anchored=False)
    answer = land(node)
    assert refused(answer) == (503, "not-anchored")
    assert "retry-after" in answer.headers
    assert node.heads.moves == []


def test_land_refuses_when_another_node_has_landed(node: TestNode) -> None:
    written = write(node)
    node.heads.put(node.land, record_of(written), OTHER, 1)
    assert refused(land(node)) == (409, "head-moved")
    write(node, "Xisi")
    assert refused(land(node)) == (409, "head-moved"), "it would undo what it has never seen"
    assert node.heads.moves == []
    told = history(node)
    assert [one["landed"] for one in told["versions"]] == [False, False]
    assert told["head"]["leafHash"] == "0x" + OTHER.hex()


def test_land_over_another_nodes_version_must_name_it(node: TestNode) -> None:
    written = write(node)
    node.heads.put(node.land, record_of(written), OTHER, 1)
    write(node, "Xisi")
    assert refused(land(node, {"expectedVersion": 0})) == (409, "head-moved")
    assert land(node, {"expectedVersion": 1}).json()["version"] == 2
    assert node.heads.moves[0][1] == OTHER


def test_land_refuses_a_version_that_is_not_above_the_head(node: TestNode) -> None:
    written = write(node)
    node.heads.put(node.land, record_of(written), OTHER, 5)
    assert refused(land(node, {"expectedVersion": 5})) == (409, "head-moved")


def test_land_tells_who_lost_the_race(node: TestNode) -> None:
    written = write(node)
    node.heads.others = [(node.land, record_of(written), OTHER, 1)]
    assert refused(land(node)) == (409, "head-moved")
    assert len(node.heads.moves) == 1


def test_land_answers_where_its_own_earlier_move_was_mined_meanwhile(node: TestNode) -> None:
    """After a reorg the index knows nothing of a move that the pool still holds."""
    written = write(node)
    own = LeafHash(bytes.fromhex(written["leafHash"][2:]))
    node.heads.others = [(node.land, record_of(written), own, 1)]

    answer = land(node)

    assert answer.status_code == 200, answer.text
    assert (answer.json()["version"], answer.json()["leafHash"]) == (1, written["leafHash"])
    assert history(node)["head"]["transaction"] == answer.json()["transaction"]


def test_land_passes_other_refusals_of_the_contract_on(node: TestNode) -> None:
    write(node)
    node.heads.refusal = RevertedError("RecordLedgerLogNotOpen", {"log": 3})
    assert refused(land(node)) == (409, "contract-refused")


def test_land_says_when_the_chain_does_not_answer(node: TestNode, monkeypatch: pytest.MonkeyPatch) -> None:
    write(node)

    def fail(*_: object) -> None:
        raise ChainUnavailableError("not mined in time")

    monkeypatch.setattr(node.heads, "move", fail)
    assert refused(land(node)) == (503, "chain-unavailable")


def test_land_needs_a_record(node: TestNode) -> None:
    assert refused(land(node)) == (404, "record-not-found")


def test_land_refuses_an_erased_record(node: TestNode) -> None:
    write(node)
    headers = node.headers("LAND", "writer")
    assert node.client.delete(node.url(node.land, "title-7") + "?reason=law", headers=headers).is_success, (
        ErasureReason.LAW
    )
    assert refused(land(node)) == (404, "record-not-found")


def test_land_takes_the_version_that_withdraws(node: TestNode) -> None:
    write(node)
    land(node)
    headers = node.headers("LAND", "writer")
    assert node.client.post(node.url(node.land, "title-7", "/withdraw"), headers=headers).is_success
    node.anchor_all()
    assert land(node).json()["version"] == 2


@pytest.mark.parametrize(("agency", "role"), [("LAND", "reader"), ("LAND", "steward"), ("HEALTH", "writer")])
def test_land_is_for_the_providers_writers(node: TestNode, agency: str, role: str) -> None:
    write(node)
    before = node.row_counts()["receipt"]
    assert land(node, role=role, agency=agency).status_code == 403
    assert node.row_counts()["receipt"] == before + 1, "the denial leaves a receipt"
    assert node.heads.moves == []


@pytest.mark.parametrize("body", [{"expectedVersion": -1}, {"expectedVersion": "1"}, {"version": 1}, []])
def test_land_refuses_another_body(node: TestNode, body: object) -> None:
    headers = node.headers("LAND", "writer")
    answer = node.client.post(node.url(node.land, "title-7", "/head"), json=body, headers=headers)
    assert answer.status_code == 422

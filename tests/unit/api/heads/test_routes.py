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


def move_head(node: TestNode, body: object = None, role: str = "writer", agency: str = "LAND") -> Any:
    headers = node.headers(agency, role)
    return node.client.post(node.url(node.land, "title-7", "/head"), json=body or {}, headers=headers)


def history(node: TestNode) -> dict[str, Any]:
    headers = node.headers("LAND", "reader")
    body: dict[str, Any] = node.client.get(node.url(node.land, "title-7", "/history"), headers=headers).json()
    return body


def record_of(written: dict[str, Any]) -> RecordId:
    return RecordId(bytes.fromhex(written["record"][2:]))


def refused(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_move_head_moves_it_to_the_newest_version(node: TestNode) -> None:
    write(node)
    written = write(node, "Xisi")

    answer = move_head(node)

    assert answer.status_code == 200, answer.text
    assert (answer.json()["version"], answer.json()["leafHash"]) == (2, written["leafHash"])
    assert [(leaf.version, expected) for leaf, expected in node.heads.moves] == [(2, None)]
    shown = history(node)
    assert [(one["version"], one["isHead"]) for one in shown["versions"]] == [(1, False), (2, True)]
    assert shown["head"]["version"] == 2
    assert shown["head"]["leafHash"] == written["leafHash"]


def test_move_head_follows_the_previous_head(node: TestNode) -> None:
    first = write(node)
    move_head(node)
    write(node, "Xisi")
    write(node, "Xinjiekou")

    assert move_head(node, {"expectedVersion": 1}).json()["version"] == 3

    assert node.heads.moves[1][1] == bytes.fromhex(first["leafHash"][2:])


def test_move_head_again_only_returns_the_head(node: TestNode) -> None:
    write(node)
    first = move_head(node).json()
    again = move_head(node, {"expectedVersion": 0}).json()
    assert again == {**first, "transaction": again["transaction"]}
    assert len(node.heads.moves) == 1


def test_move_head_waits_for_the_anchor(node: TestNode) -> None:
    write(node, is_anchored=False)
    answer = move_head(node)
    assert refused(answer) == (503, "not-anchored")
    assert "retry-after" in answer.headers
    assert node.heads.moves == []


def test_move_head_refuses_when_another_node_has_moved_it(node: TestNode) -> None:
    written = write(node)
    node.heads.put(node.land, record_of(written), OTHER, 1)
    assert refused(move_head(node)) == (409, "head-moved")
    write(node, "Xisi")
    assert refused(move_head(node)) == (409, "head-moved"), "it would undo what it has never seen"
    assert node.heads.moves == []
    shown = history(node)
    assert [one["isHead"] for one in shown["versions"]] == [False, False]
    assert shown["head"]["leafHash"] == "0x" + OTHER.hex()


def test_move_head_over_another_nodes_version_must_name_it(node: TestNode) -> None:
    written = write(node)
    node.heads.put(node.land, record_of(written), OTHER, 1)
    write(node, "Xisi")
    assert refused(move_head(node, {"expectedVersion": 0})) == (409, "head-moved")
    assert move_head(node, {"expectedVersion": 1}).json()["version"] == 2
    assert node.heads.moves[0][1] == OTHER


def test_move_head_refuses_a_version_that_is_not_above_it(node: TestNode) -> None:
    written = write(node)
    node.heads.put(node.land, record_of(written), OTHER, 5)
    assert refused(move_head(node, {"expectedVersion": 5})) == (409, "head-moved")


def test_move_head_refuses_the_later_of_two_concurrent_moves(node: TestNode) -> None:
    written = write(node)
    node.heads.others = [(node.land, record_of(written), OTHER, 1)]
    assert refused(move_head(node)) == (409, "head-moved")
    assert len(node.heads.moves) == 1


def test_move_head_returns_the_head_that_its_own_earlier_move_set_concurrently(node: TestNode) -> None:
    """After a reorg the index knows nothing of a move that the pool still holds."""
    written = write(node)
    own = LeafHash(bytes.fromhex(written["leafHash"][2:]))
    node.heads.others = [(node.land, record_of(written), own, 1)]

    answer = move_head(node)

    assert answer.status_code == 200, answer.text
    assert (answer.json()["version"], answer.json()["leafHash"]) == (1, written["leafHash"])
    assert history(node)["head"]["transaction"] == answer.json()["transaction"]


def test_move_head_reports_other_refusals_of_the_contract(node: TestNode) -> None:
    write(node)
    node.heads.refusal = RevertedError("RecordLedgerLogNotOpen", {"log": 3})
    assert refused(move_head(node)) == (409, "contract-refused")


def test_move_head_says_when_the_chain_does_not_answer(
    node: TestNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(node)

    def fail(*_: object) -> None:
        raise ChainUnavailableError("not mined in time")

    monkeypatch.setattr(node.heads, "move", fail)
    assert refused(move_head(node)) == (503, "chain-unavailable")


def test_move_head_needs_a_record(node: TestNode) -> None:
    assert refused(move_head(node)) == (404, "record-not-found")


def test_move_head_refuses_an_erased_record(node: TestNode) -> None:
    write(node)
    headers = node.headers("LAND", "writer")
    assert node.client.delete(node.url(node.land, "title-7") + "?reason=law", headers=headers).is_success, (
        ErasureReason.LAW
    )
    assert refused(move_head(node)) == (404, "record-not-found")


def test_move_head_accepts_the_version_that_withdraws(node: TestNode) -> None:
    write(node)
    move_head(node)
    headers = node.headers("LAND", "writer")
    assert node.client.post(node.url(node.land, "title-7", "/withdraw"), headers=headers).is_success
    node.anchor_all()
    assert move_head(node).json()["version"] == 2


@pytest.mark.parametrize(("agency", "role"), [("LAND", "reader"), ("LAND", "steward"), ("HEALTH", "writer")])
def test_move_head_is_for_the_providers_writers(node: TestNode, agency: str, role: str) -> None:
    write(node)
    before = node.row_counts()["receipt"]
    assert move_head(node, role=role, agency=agency).status_code == 403
    assert node.row_counts()["receipt"] == before + 1, "the denial leaves a receipt"
    assert node.heads.moves == []


@pytest.mark.parametrize("body", [{"expectedVersion": -1}, {"expectedVersion": "1"}, {"version": 1}, []])
def test_move_head_refuses_another_body(node: TestNode, body: object) -> None:
    headers = node.headers("LAND", "writer")
    answer = node.client.post(node.url(node.land, "title-7", "/head"), json=body, headers=headers)
    assert answer.status_code == 422

from __future__ import annotations

from typing import Any

import pytest

from cityledger.api.http.shapes import hex_of
from cityledger.proofs.leaves import ReceiptLeaf
from cityledger.proofs.proof_file import parse_proof
from cityledger.types import AgencyId, AgencyStatus, RecordId, Role
from support.node.node_fixture import TestNode
from support.node.sample_records import TREATMENT_RECORD


def ask(node: TestNode, code: str, role: str = "reader", query: str = "") -> Any:
    return node.client.get("/v1/reads" + query, headers=node.headers(code, role, None))


def read(node: TestNode, name: str, purpose: str = "TREATMENT") -> Any:
    return node.client.get(node.url(node.health, name), headers=node.headers("LAND", "reader", purpose))


def test_only_both_sides_see_a_read(node: TestNode) -> None:
    node.put(node.health, "visit", TREATMENT_RECORD)
    digest = read(node, "visit").headers["cityledger-read-receipt"]
    for code in ("HEALTH", "LAND"):
        (seen,) = ask(node, code).json()["reads"]
        assert (seen["permit"], seen["code"], seen["whole"]["digest"]) == (True, 120, digest)
    assert ask(node, "PARKING").json() == {"reads": [], "next": None}


def test_list_of_reads_discloses_nothing_that_an_answer_hid(node: TestNode) -> None:
    """Hidden, sealed and absent: of each the list says what the caller sent, that it was refused, no more."""
    several = {**TREATMENT_RECORD, "subjects": ["0x" + "01" * 32, "0x" + "02" * 32, "0x" + "03" * 32]}
    hidden = RecordId(bytes.fromhex(node.put(node.health, "hidden", several)["record"][2:]))
    sealed = RecordId(bytes.fromhex(node.put(node.health, "sealed", TREATMENT_RECORD)["record"][2:]))
    node.restrict(node.health, hidden, AgencyId(2))
    node.seal(node.health, sealed)
    for name in ("hidden", "sealed", "absent"):
        assert read(node, name).status_code == 404
        assert read(node, name, "CREDIT").status_code == 403

    seen = ask(node, "LAND").json()["reads"]
    records = [one.pop("record") for one in seen]

    assert [seen.count(one) for one in seen] == [3] * 6
    assert {(one["permit"], one["code"], one["whole"]) for one in seen} == {
        (False, None, None),
        (False, 32, None),
    }
    assert len(set(records)) == 3
    provider = ask(node, "HEALTH").json()["reads"]
    assert [one["code"] for one in provider] == [102, 32, 51, 32, 120, 32]


def test_hidden_read_leaves_one_receipt_however_many_subjects_the_record_has(node: TestNode) -> None:
    several = {**TREATMENT_RECORD, "subjects": ["0x" + "01" * 32, "0x" + "02" * 32, "0x" + "03" * 32]}
    hidden = RecordId(bytes.fromhex(node.put(node.health, "hidden", several)["record"][2:]))
    node.restrict(node.health, hidden, AgencyId(2))
    read(node, "hidden")
    read(node, "hidden")
    assert len(everything(node, "LAND", 1)) == 2
    assert len(everything(node, "HEALTH", 4)) == 2


def everything(node: TestNode, code: str, limit: int) -> list[Any]:
    found: list[Any] = []
    query = f"?limit={limit}"
    while True:
        page = ask(node, code, query=query).json()
        found += page["reads"]
        if page["next"] is None:
            return found
        query = f"?limit={limit}&after={page['next']}"


def test_pages_hold_every_read_once(node: TestNode) -> None:
    node.put(node.health, "visit", TREATMENT_RECORD)
    for _ in range(5):
        read(node, "visit")
    digests = [one["whole"]["digest"] for one in everything(node, "LAND", 2)]
    assert len(set(digests)) == len(digests) == 5


@pytest.mark.parametrize(
    "query", ["?after=x", "?after=MTIz", "?after=OTk5OTk5OTk5OTk5OTk5OTk5OS4w", "?limit=0"]
)
def test_cursor_and_limit_are_checked(node: TestNode, query: str) -> None:
    assert ask(node, "LAND", query=query).status_code == 422


@pytest.mark.parametrize(
    ("role", "status"), [("steward", 200), ("auditor", 200), ("writer", 403), ("registrar", 403)]
)
def test_roles(node: TestNode, role: str, status: int) -> None:
    assert ask(node, "LAND", role).status_code == status


def test_standing_is_checked_again(node: TestNode) -> None:
    """A suspended agency's auditor still sees the evidence; whom its credential key vouches for does not."""
    node.set_agency("LAND", status=int(AgencyStatus.SUSPENDED))
    assert ask(node, "LAND", "auditor").status_code == 200
    assert ask(node, "LAND", "reader").status_code == 403
    node.set_agency("LAND", epoch=2)
    assert ask(node, "LAND", "auditor").status_code == 403
    assert node.session("LAND", "auditor").role == Role.AUDITOR


def test_receipt_is_proven_to_both_sides_only(node: TestNode) -> None:
    node.put(node.health, "visit", TREATMENT_RECORD)
    digest = read(node, "visit").headers["cityledger-read-receipt"]

    def proof(code: str) -> Any:
        return node.client.get(f"/v1/reads/{digest}/proof", headers=node.headers(code, "auditor", None))

    assert proof("LAND").json()["code"] == "not-anchored"
    node.anchor_all()
    for code in ("LAND", "HEALTH"):
        parsed = parse_proof(proof(code).content)
        assert isinstance(parsed.leaf, ReceiptLeaf)
        assert hex_of(parsed.leaf.receipt) == digest
    assert proof("PARKING").json()["code"] == "read-not-found"

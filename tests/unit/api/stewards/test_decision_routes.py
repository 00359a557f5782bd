from __future__ import annotations

from typing import Any

import pytest

from cityledger.api.http.shapes import hex_of
from support.node.node_fixture import TestNode


def ask(node: TestNode, code: str, purpose: str, role: str = "reader", **body: Any) -> Any:
    request = {"dataset": hex_of(node.health), "action": "read", **body}
    return node.client.post("/v1/decisions", json=request, headers=node.headers(code, role, purpose))


CASES: dict[str, tuple[tuple[str, str, str], dict[str, Any], bool, int]] = {
    "granted": (("LAND", "TREATMENT", "reader"), {"parts": ["summary"]}, True, 120),
    "part not granted": (("LAND", "TREATMENT", "reader"), {"parts": ["observations"]}, False, 81),
    "no grant": (("PARKING", "TREATMENT", "reader"), {}, False, 81),
    "purpose not the dataset's": (("LAND", "CREDIT", "reader"), {}, False, 32),
    "purpose unknown": (("LAND", "GOSSIP", "reader"), {}, False, 31),
    "role": (("LAND", "TREATMENT", "writer"), {}, False, 21),
    "own": (("HEALTH", "OWN_DUTY", "writer"), {"action": "write"}, True, 40),
    "emergency": (("LAND", "EMERGENCY", "reader"), {}, False, 32),
}


@pytest.mark.parametrize(("who", "body", "permit", "code"), CASES.values(), ids=CASES)
def test_decision(
    node: TestNode, who: tuple[str, str, str], body: dict[str, Any], permit: bool, code: int
) -> None:
    before = node.row_counts()
    agency, purpose, role = who
    document = ask(node, agency, purpose, role, **body).json()
    assert (document["permit"], document["code"], document["rule"]) == (permit, code, code // 10)
    assert document["reason"]
    assert node.row_counts() == before


def test_decision_is_never_about_a_record(node: TestNode) -> None:
    answer = ask(node, "LAND", "TREATMENT", record="0x" + "00" * 32)
    assert (answer.status_code, answer.json()["field"]) == (422, "record")

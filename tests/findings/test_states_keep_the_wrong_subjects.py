"""A state that was put again for other subjects was taken for a repeat, and the old subjects stayed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from httpx import Response

from cityledger.profiles.samples import sample_of
from support.node.node_fixture import TestNode, make_node


def _put(node: TestNode, subjects: list[str]) -> Response:
    body: dict[str, Any] = {**sample_of("parking"), "subjects": subjects}
    answer: Response = node.client.put(
        node.url(node.parking, "bay"), json=body, headers=node.headers("PARKING", "writer")
    )
    return answer


def test_same_state_of_another_subject_is_a_new_version(tmp_path: Path) -> None:
    node = make_node(tmp_path)

    first = _put(node, ["0x" + "11" * 32])
    repeated = _put(node, ["0x" + "11" * 32])
    other = _put(node, ["0x" + "22" * 32])
    node.close()

    assert first.status_code == 201
    assert repeated.json()["version"] == 1
    assert other.json()["version"] == 2

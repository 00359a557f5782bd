"""One receipt per subject, also for denials, disclosed by the log's numbers that a hidden record exists."""

from __future__ import annotations

import pytest

from cityledger.types import AgencyId, RecordId
from support.node.node_fixture import TestNode
from support.node.sample_records import TREATMENT_RECORD

SEVERAL = {**TREATMENT_RECORD, "subjects": [f"0x{number:02x}" + "ab" * 31 for number in (1, 2, 3)]}


@pytest.fixture
def hidden(node: TestNode) -> str:
    record = node.put(node.health, "hidden", SEVERAL)["record"]
    node.restrict(node.health, RecordId(bytes.fromhex(record[2:])), AgencyId(2))
    return "hidden"


def _next_number(node: TestNode) -> int:
    with node.context.services.database.reading() as connection:
        return int(
            connection.exec_driver_sql(
                "SELECT next_seq FROM log_head WHERE kind = 2 ORDER BY log LIMIT 1"
            ).scalar_one()
        )


@pytest.mark.parametrize("purpose", ["TREATMENT", "CREDIT"])
def test_a_hidden_record_takes_as_many_numbers_as_an_absent_one(
    node: TestNode, hidden: str, purpose: str
) -> None:
    taken = []
    for name in (hidden, "absent"):
        before = _next_number(node)
        node.client.get(node.url(node.health, name), headers=node.headers("LAND", "reader", purpose))
        taken.append(_next_number(node) - before)

    assert taken == [1, 1]


@pytest.mark.parametrize("kem", [1, 2])
def test_a_wrong_sealing_key_is_refused_alike_for_a_record_and_for_none(
    node: TestNode, hidden: str, kem: int
) -> None:
    node.put(node.health, "shown", TREATMENT_RECORD)
    body = {"kem": kem, "sealingKey": "A" * (43 if kem == 1 else 1622)}
    answers = [
        node.client.post(
            node.url(node.health, name, "/release"),
            json=body,
            headers=node.headers("LAND", "reader", "TREATMENT"),
        )
        for name in ("shown", hidden, "absent")
    ]

    assert len({(answer.status_code, answer.text) for answer in answers}) == 1


@pytest.mark.parametrize("question", ["find", "check"])
def test_asking_by_id_names_the_record_in_the_receipt_and_hides_it_from_the_caller(
    node: TestNode, hidden: str, question: str
) -> None:
    answers = [
        node.client.post(
            node.url(node.health, question),
            json={"id": name},
            headers=node.headers("LAND", "reader", "TREATMENT"),
        )
        for name in (hidden, "absent")
    ]

    assert len({(answer.status_code, answer.text) for answer in answers}) == 1
    reads = node.client.get("/v1/reads", headers=node.headers("HEALTH", "reader")).json()["reads"]
    assert [read["record"] != "0x" + "00" * 32 for read in reads] == [True, True]

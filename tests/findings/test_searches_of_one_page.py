"""A search answered with every record of a subject or identifier at once, and one by identifier committed
receipts for each of them first; a list of imports ended at its limit (issue 8, bullet 8).
"""

from __future__ import annotations

from typing import Any

import pytest

from cityledger.api.http.paging import write_key_cursor
from cityledger.exchange import lookup
from cityledger.types import AgencyId, RecordId
from support.imports.import_fixture import ndjson
from support.node.node_fixture import TestNode
from support.node.sample_records import TITLE_RECORD, TREATMENT_RECORD

VISIT = {"system": "urn:example:visits", "value": "V-1"}
SUMMARY = {**TREATMENT_RECORD["parts"]["summary"], "identifier": [VISIT]}
SUBJECT = "0x" + "5b" * 32
BY = {"subject": {"subject": SUBJECT}, "identifier": {"identifier": VISIT}}
MANY = 7


def put(node: TestNode, name: str) -> str:
    body = {"subjects": [SUBJECT], "parts": {"summary": SUMMARY}}
    record: str = node.put(node.health, name, body)["record"]
    return record


@pytest.fixture
def records(node: TestNode) -> list[str]:
    """Ids of records that both searches find, in order."""
    return sorted(put(node, f"visit-{number}") for number in range(MANY))


def hide(node: TestNode, record: str) -> None:
    node.restrict(node.health, RecordId(bytes.fromhex(record[2:])), AgencyId(2))


def ask(node: TestNode, tail: str, body: Any) -> Any:
    headers = node.headers("LAND", "reader", "TREATMENT")
    word, mark, query = tail.partition("?")
    return node.client.post(node.url(node.health, word, mark + query), json=body, headers=headers)


def pages(node: TestNode, body: Any, limit: int) -> list[list[str]]:
    found: list[list[str]] = []
    after: str | None = ""
    while True:
        answer = ask(node, f"find?limit={limit}{after}", body)
        assert answer.status_code == 200, answer.text
        found.append([one["record"] for one in answer.json()["records"]])
        if answer.json()["next"] is None:
            return found
        after = "&after=" + answer.json()["next"]


def receipts(node: TestNode) -> list[dict[str, Any]]:
    """Those of LAND's searches so far, as HEALTH sees them, oldest first."""
    headers = node.headers("HEALTH", "auditor")
    reads: list[dict[str, Any]] = node.client.get("/v1/reads?limit=1000", headers=headers).json()["reads"]
    return [read for read in reads if read["action"] in ("lookup", "check")]


@pytest.mark.parametrize("body", BY.values(), ids=BY)
@pytest.mark.parametrize(("limit", "sizes"), [(3, [3, 3, 1]), (7, [7]), (200, [7])])
def test_a_search_comes_in_pages_each_record_once(
    node: TestNode, records: list[str], body: Any, limit: int, sizes: list[int]
) -> None:
    found = pages(node, body, limit)

    assert [len(page) for page in found] == sizes
    assert [record for page in found for record in page] == records


@pytest.mark.parametrize("body", BY.values(), ids=BY)
def test_hidden_records_take_no_place_on_a_page(node: TestNode, records: list[str], body: Any) -> None:
    for place in (0, 1, 2, 4, 6):
        hide(node, records[place])

    assert pages(node, body, 1) == [[records[3]], [records[5]]]
    assert pages(node, body, 2) == [[records[3], records[5]]]


@pytest.mark.parametrize("body", BY.values(), ids=BY)
def test_a_cursor_may_name_any_record_and_says_nothing_of_it(
    node: TestNode, records: list[str], body: Any
) -> None:
    hide(node, records[3])
    hidden = bytes.fromhex(records[3][2:])
    absent = (int.from_bytes(hidden) + 1).to_bytes(32)
    paths = [f"find?after={write_key_cursor(record)}" for record in (hidden, absent)]

    assert ask(node, paths[0], body).content == ask(node, paths[1], body).content


def test_a_page_by_identifier_leaves_the_receipt_of_its_question_and_those_of_its_records(
    node: TestNode, records: list[str]
) -> None:
    pages(node, BY["identifier"], 4)
    none = "0x" + "00" * 32
    named = [read["record"] for read in receipts(node)]

    assert named == [none, *records[:4], none, *records[4:]]


def test_a_page_by_subject_leaves_the_receipt_of_its_question(node: TestNode, records: list[str]) -> None:
    pages(node, BY["subject"], 4)
    left = receipts(node)

    assert [read["whole"]["receipt"]["subject"] for read in left] == [SUBJECT, SUBJECT]
    assert {read["record"] for read in left} == {"0x" + "00" * 32}
    assert records


@pytest.mark.parametrize(("kind", "left"), [("subject", 1), ("identifier", 2)])
def test_a_check_looks_for_one_record(node: TestNode, records: list[str], kind: str, left: int) -> None:
    assert ask(node, "check", BY[kind]).json()["found"] is True
    assert len(receipts(node)) == left
    for record in records[:-1]:
        hide(node, record)
    assert ask(node, "check", BY[kind]).json()["found"] is True
    hide(node, records[-1])
    assert ask(node, "check", BY[kind]).json()["found"] is False


def test_a_check_goes_on_where_its_record_was_hidden_since_it_was_listed(
    node: TestNode, records: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = lookup.find_by_key
    seen: list[Any] = []

    def hidden_since(services: Any, access: Any) -> Any:
        record = access.target.record
        if not seen:
            hide(node, "0x" + record.hex())
        seen.append(record)
        return real(services, access)

    monkeypatch.setattr(lookup, "find_by_key", hidden_since)

    assert ask(node, "check", BY["identifier"]).json()["found"] is True
    assert ["0x" + record.hex() for record in seen] == records[:2]


REFUSED = {
    "no cursor": ("find?after=x", BY["subject"], "after"),
    "short cursor": ("find?after=AAAA", BY["identifier"], "after"),
    "page of one record": (f"find?after={'A' * 43}", {"id": "visit-1"}, "after"),
    "limit of nothing": ("find?limit=0", BY["subject"], "limit"),
    "limit over a page": ("find?limit=201", BY["subject"], "limit"),
    "page of a check": ("check?limit=5", BY["subject"], "limit"),
}


@pytest.mark.parametrize(("tail", "body", "field"), REFUSED.values(), ids=REFUSED)
def test_another_page_is_refused_before_anything_is_decided(
    node: TestNode, tail: str, body: Any, field: str
) -> None:
    before = node.row_counts()
    answer = ask(node, tail, body)

    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert node.row_counts() == before


# --- imports --------------------------------------------------------------------------------------------


def send(node: TestNode, code: str, *ids: str) -> list[str]:
    """Sends a file for each id; the ids of the imports."""
    dataset, record = {"LAND": (node.land, TITLE_RECORD), "HEALTH": (node.health, TREATMENT_RECORD)}[code]
    headers = {**node.headers(code, "writer"), "Content-Type": "application/x-ndjson"}
    url = f"/v1/datasets/0x{dataset.hex()}/imports?format=ndjson"
    files = [ndjson([{"id": id_, "parts": record["parts"]}]) for id_ in ids]
    return [node.client.post(url, content=data, headers=headers).json()["id"] for data in files]


def test_imports_come_in_pages_newest_first(node: TestNode) -> None:
    sent = send(node, "LAND", "a", "b", "c")
    send(node, "HEALTH", "d", "e")
    sent += send(node, "LAND", "f")
    headers = node.headers("LAND", "writer", purpose=None)
    found: list[list[str]] = []
    after: str | None = ""
    while after is not None:
        query = "limit=2" + (after and f"&after={after}")
        answer = node.client.get(f"/v1/imports?{query}", headers=headers).json()
        found.append([one["id"] for one in answer["imports"]])
        after = answer["next"]

    assert found == [sent[:1:-1], sent[1::-1]]


def test_a_cursor_of_another_agencys_import_is_refused_as_one_of_none(node: TestNode) -> None:
    (other,) = send(node, "HEALTH", "a")
    headers = node.headers("LAND", "writer", purpose=None)
    cursors = [write_key_cursor(bytes.fromhex(other)), write_key_cursor(bytes(16)), "x", "AAAA"]
    answers = [node.client.get(f"/v1/imports?after={one}", headers=headers) for one in cursors]

    assert {(one.status_code, one.json()["field"]) for one in answers} == {(422, "after")}
    assert len({one.json()["detail"] for one in answers}) == 1

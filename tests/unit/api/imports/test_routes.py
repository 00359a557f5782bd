"""Imports over HTTP: permissions, accepted files, what is reported."""

from __future__ import annotations

import gzip
from typing import Any

import pytest
from httpx import Response

from support.imports.import_fixture import ndjson
from support.node.node_fixture import TestNode, make_node
from support.node.sample_records import PARKING_RECORD, TITLE_RECORD

NDJSON = {"Content-Type": "application/x-ndjson"}
TITLE = TITLE_RECORD["parts"]
FILE = ndjson(
    [
        {"id": "a", "parts": TITLE},
        {"id": "b", "act": "delete"},
        {"id": "c", "parts": {"title": {"uid": 7}}},
        {"id": "d", "parts": {}},
    ]
)


def url(node: TestNode, query: str = "format=ndjson") -> str:
    return f"/v1/datasets/0x{node.land.hex()}/imports?{query}"


def send(node: TestNode, data: Any = FILE, query: str = "format=ndjson", **headers: str) -> Response:
    given = {**node.headers("LAND", "writer"), **NDJSON, **headers}
    return node.client.post(url(node, query), content=data, headers=given)


def run(node: TestNode) -> None:
    while node.context.imports.turn():
        pass


def fetch(node: TestNode, path: str, code: str = "LAND", role: str = "writer") -> Response:
    return node.client.get(path, headers=node.headers(code, role, purpose=None))


def test_file_becomes_a_job_that_reports_each_row(node: TestNode) -> None:
    answer = send(node)

    assert (answer.status_code, answer.json()["state"]) == (202, "waiting")
    where = answer.headers["location"]
    assert where == f"/v1/imports/{answer.json()['id']}"
    run(node)
    found = fetch(node, where).json()
    assert found["state"] == "done"
    assert found["bytesDone"] == found["bytesTotal"] == "65536"  # as padded, which is all that is stored
    assert found["rowsDone"] == sum(found["outcomes"].values()) == 4
    assert found["outcomes"] == {
        "accepted": 1,
        "unchanged": 0,
        "duplicate": 0,
        "withdrawn": 0,
        "rejected": 3,
    }
    errors = fetch(node, f"{where}/errors").json()
    assert [(row["row"], row["field"]) for row in errors["rows"]] == [
        (2, ""),
        (3, "parts.title.uid"),
        (4, "parts"),
    ]
    assert fetch(node, "/v1/imports").json()["imports"] == [found]


def test_rows_come_in_pages(node: TestNode) -> None:
    where = send(node).headers["location"]
    run(node)
    rows: list[dict[str, Any]] = []
    after: str | None = ""
    while after is not None:
        page = fetch(node, f"{where}/rows?verdict=rejected&limit=1{after and '&after=' + after}").json()
        rows += page["rows"]
        after = page["next"]
    assert [row["row"] for row in rows] == [2, 3, 4]
    assert fetch(node, f"{where}/rows?verdict=rejected&after=nonsense").status_code == 422
    assert fetch(node, f"{where}/rows?verdict=odd").status_code == 422


def test_the_same_file_is_the_same_import_packed_or_not(node: TestNode) -> None:
    first = send(node)
    again = send(node, gzip.compress(FILE), **{"Content-Encoding": "gzip"})
    run(node)
    later = send(node, gzip.compress(FILE, 1))

    assert (again.status_code, later.status_code) == (200, 200)
    assert first.json()["id"] == again.json()["id"] == later.json()["repeatOf"]
    assert (later.json()["state"], later.json()["rowsDone"]) == ("done", 0)


def test_a_dry_run_says_so_and_writes_nothing(node: TestNode) -> None:
    where = send(node, query="format=ndjson&dryRun=true&upsert=true").headers["location"]
    run(node)
    found = fetch(node, where).json()
    assert (found["dryRun"], found["options"]) == (True, {"upsert": True})
    assert found["outcomes"]["accepted"] == 1
    assert node.row_counts()["record_version"] == 0


@pytest.mark.parametrize(("code", "role"), [("LAND", "reader"), ("PARKING", "writer"), ("LAND", "steward")])
def test_caller_who_may_not_write_is_denied_with_a_receipt_and_nothing_is_stored(
    node: TestNode, code: str, role: str
) -> None:
    before = node.row_counts()
    answer = node.client.post(url(node), content=FILE, headers={**node.headers(code, role), **NDJSON})
    after = node.row_counts()

    assert answer.status_code == 403
    assert {name for name, count in after.items() if count != before[name]} == {"receipt", "leaf"}


def test_imports_are_seen_by_writers_of_that_agency_only(node: TestNode) -> None:
    where = send(node).headers["location"]
    for path in (where, f"{where}/errors", f"{where}/rows?verdict=flagged"):
        assert fetch(node, path).status_code == 200
        assert fetch(node, path, "PARKING").json()["code"] == "import-not-found"
        assert fetch(node, path, "LAND", "reader").json()["code"] == "denied"
    assert fetch(node, "/v1/imports", "PARKING").json() == {"imports": [], "next": None}
    assert fetch(node, "/v1/imports", "LAND", "auditor").status_code == 403
    assert fetch(node, "/v1/imports/" + "0" * 32).json()["code"] == "import-not-found"
    node.set_agency("LAND", status=2)
    assert fetch(node, where).status_code == 403


REFUSED = {
    "no format": ("", NDJSON, 422, "format"),
    "unknown format": ("format=xml", NDJSON, 422, "format"),
    "another profile's": ("format=fhir", NDJSON, 422, "format"),
    "an option it does not take": ("format=ndjson&timezone=Asia/Shanghai", NDJSON, 422, "timezone"),
    "an option in two words": ("format=ndjson&observedAt=2026-01-01T00:00Z", NDJSON, 422, "observedAt"),
    "columns that are no object": ("format=csv&columns=[]", NDJSON, 422, "columns"),
    "columns that are no JSON": ("format=csv&columns=a=b", NDJSON, 422, "columns"),
    "skipped columns that are no array": ("format=csv&skipColumns={}", NDJSON, 422, "skipColumns"),
    "skipped columns that are no texts": ("format=csv&skipColumns=[1]", NDJSON, 422, "skipColumns"),
    "skipped columns that are no JSON": ("format=csv&skipColumns=x", NDJSON, 422, "skipColumns"),
    "skipped columns of no table": ('format=ndjson&skipColumns=["x"]', NDJSON, 422, "skipColumns"),
    "a number that is none": ("format=ndjson&capacity=many", NDJSON, 422, "capacity"),
    "an unknown parameter": ("format=ndjson&fast=true", NDJSON, 422, "fast"),
    "another media type": ("format=ndjson", {"Content-Type": "text/html"}, 415, "Content-Type"),
    "another encoding": ("format=ndjson", {**NDJSON, "Content-Encoding": "br"}, 415, "Content-Encoding"),
}


@pytest.mark.parametrize(("query", "headers", "status", "field"), REFUSED.values(), ids=REFUSED)
def test_what_is_said_wrongly_is_refused_with_its_name(
    node: TestNode, query: str, headers: dict[str, str], status: int, field: str
) -> None:
    answer = send(node, query=query, **headers)
    assert (answer.status_code, answer.json().get("field")) == (status, field), answer.text
    assert node.row_counts()["import_job"] == 0


FILES = {
    "cut off": (gzip.compress(FILE)[:-5], 422, "wrong-format"),
    "a bomb": (gzip.compress(bytes(20_000_000)), 413, "too-large"),
    "too long": (b" " * 1_001, 413, "too-large"),
    "too long unpacked": (gzip.compress(b" " * 1_001), 413, "too-large"),
}


@pytest.mark.parametrize(("data", "status", "code"), FILES.values(), ids=FILES)
def test_a_file_that_cannot_be_taken_leaves_nothing(
    tmp_path: Any, data: bytes, status: int, code: str
) -> None:
    limit = 30_000_000 if len(data) > 10_000 else 1_000
    node = make_node(tmp_path, import_limit_bytes=limit)
    try:
        answer = send(node, data)
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
        assert node.row_counts()["import_job"] == 0
        assert [path for path in (tmp_path / "objects").rglob("*") if path.is_file()] == []
    finally:
        node.close()


def test_a_long_file_sent_in_pieces_is_taken(node: TestNode) -> None:
    lines = (ndjson([{"id": f"r{n}", "parts": TITLE}]) + b"\n" for n in range(300))
    answer = send(node, lines)
    assert answer.status_code == 202
    run(node)
    assert fetch(node, answer.headers["location"]).json()["outcomes"]["accepted"] == 300


def test_reasons_repeat_nothing_of_a_row(node: TestNode) -> None:
    secret = "Zhang San 110101199003070011"
    file = ndjson(
        [{"id": "a", "parts": {"title": {"uid": secret, secret: 1}}}, {"id": secret, "parts": TITLE}]
    )
    where = send(node, file).headers["location"]
    run(node)
    assert fetch(node, where).json()["outcomes"]["rejected"] == 2
    for path in (where, f"{where}/errors"):
        assert "Zhang" not in fetch(node, path).text


def test_parking_duplicates_and_flags_are_listed(node: TestNode) -> None:
    record = {"id": "p", **PARKING_RECORD}
    file = ndjson([record, record])
    headers = {**node.headers("PARKING", "writer"), **NDJSON}
    answer = node.client.post(
        f"/v1/datasets/0x{node.parking.hex()}/imports?format=ndjson", content=file, headers=headers
    )
    run(node)
    rows = fetch(node, answer.headers["location"] + "/rows?verdict=duplicate", "PARKING").json()["rows"]
    assert [row["row"] for row in rows] == [2]

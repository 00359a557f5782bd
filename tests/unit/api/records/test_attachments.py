"""Binary parts over HTTP: in as multipart, out as streams, and what must not come of it."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from httpx import Response

from cityledger.errors import StorageFullError
from cityledger.exchange.parts import storage
from cityledger.store import tables as t
from support.node.node_fixture import TestNode, make_node
from support.node.sample_records import TREATMENT_RECORD

LONG = bytes(range(256)) * 2_000
"""512,000 bytes: more than fits a row."""
SHORT = b"\x00\xff scan"


@pytest.fixture
def node(tmp_path: Path) -> Iterator[TestNode]:
    made = make_node(tmp_path)
    yield made
    made.close()


def _form(record: object, *parts: tuple[str, bytes], boundary: str = "b0", end: bool = True) -> bytes:
    """A multipart body as a plain client would write it."""
    said = [("record", json.dumps(record).encode(), "application/json")] if record is not None else []
    said += [(name, payload, "application/octet-stream") for name, payload in parts]
    body = b""
    for name, payload, kind in said:
        head = f'Content-Disposition: form-data; name="{name}"\r\nContent-Type: {kind}'
        body += f"--{boundary}\r\n{head}\r\n\r\n".encode() + payload + b"\r\n"
    return body + (f"--{boundary}--\r\n".encode() if end else b"")


def _put(node: TestNode, body: bytes, name: str = "visit", **headers: str) -> Response:
    said = {**node.headers("HEALTH", "writer"), "Content-Type": "multipart/form-data; boundary=b0", **headers}
    answer: Response = node.client.put(node.url(node.health, name), content=body, headers=said)
    return answer


def _get(
    node: TestNode, tail: str = "", name: str = "visit", who: str = "HEALTH", **headers: str
) -> Response:
    purpose = "OWN_DUTY" if who == "HEALTH" else "TREATMENT"
    said = {**node.headers(who, "reader", purpose), **headers}
    answer: Response = node.client.get(node.url(node.health, name, tail), headers=said)
    return answer


def _objects(node: TestNode) -> list[str]:
    return [one.key for one in node.context.services.objects.list("parts/")]


@pytest.mark.parametrize(
    ("payload", "object_count"), [(LONG, 1), (SHORT, 0)], ids=["in an object", "in the row"]
)
def test_put_of_an_attachment_comes_back_byte_for_byte(
    node: TestNode, payload: bytes, object_count: int
) -> None:
    answer = _put(node, _form(TREATMENT_RECORD, ("attachment", payload)))
    assert answer.status_code == 201, answer.text

    record = _get(node)
    stream = _get(node, "/parts/attachment")

    length = None if object_count else len(payload)  # a long one is padded, and not opened for this
    listed = {"attachment": {"bytes": length, "mediaType": "application/octet-stream"}}
    assert (record.status_code, record.json()["attachments"]) == (200, listed)
    assert record.json()["parts"].keys() == {"summary"}
    assert (stream.status_code, stream.content) == (200, payload)
    assert stream.headers["content-length"] == str(len(payload))
    assert stream.headers["etag"] == '"v1"'
    assert stream.headers["content-type"] == "application/octet-stream"
    assert len(_objects(node)) == object_count


def test_put_accepts_multipart_related_by_content_id(node: TestNode) -> None:
    record = json.dumps(TREATMENT_RECORD).encode()
    body = b"--b0\r\nContent-ID: <record>\r\n\r\n" + record
    body += b"\r\n--b0\r\nContent-ID: <attachment>\r\n\r\n" + SHORT + b"\r\n--b0--"

    answer = _put(node, body, **{"Content-Type": 'multipart/related; boundary="b0"'})

    assert answer.status_code == 201, answer.text
    assert _get(node, "/parts/attachment").content == SHORT


def test_json_part_above_the_limit_is_an_object_and_reads_as_ever(tmp_path: Path) -> None:
    node = make_node(tmp_path, record_limit_bytes=1_000_000)
    narrative = f'<div xmlns="http://www.w3.org/1999/xhtml">{"x" * 400_000}</div>'
    encounter = {**TREATMENT_RECORD["parts"]["summary"], "text": {"status": "generated", "div": narrative}}
    try:
        node.put(node.health, "visit", {"subjects": [], "parts": {"summary": encounter}})
        assert _get(node).json()["parts"]["summary"] == encounter
        assert _release(node)["objects"] == {}
        assert len(_objects(node)) == 1
    finally:
        node.close()


def test_one_json_part_is_a_stream_of_its_own(node: TestNode) -> None:
    node.put(node.health, "visit", TREATMENT_RECORD)

    answer = _get(node, "/parts/summary")

    assert answer.headers["content-type"] == "application/fhir+json"
    assert answer.json() == TREATMENT_RECORD["parts"]["summary"]


def test_part_that_the_record_has_not_is_not_found(node: TestNode) -> None:
    node.put(node.health, "visit", TREATMENT_RECORD)

    assert _get(node, "/parts/attachment").json()["code"] == "part-not-found"
    assert _get(node, "/parts/none").status_code == 422


def test_part_that_was_not_granted_is_denied(node: TestNode) -> None:
    _put(node, _form(TREATMENT_RECORD, ("attachment", LONG)))

    answer = _get(node, "/parts/attachment", who="LAND")

    assert (answer.status_code, answer.json()["code"]) == (403, "denied")


REFUSED: dict[str, tuple[bytes, int, str]] = {
    "no record first": (_form(None, ("attachment", LONG)), 422, "record"),
    "record after a stream": (
        _form(None, ("attachment", LONG), ("record", b"{}")),
        422,
        "record",
    ),
    "unknown part": (_form(TREATMENT_RECORD, ("portrait", LONG)), 422, "parts.portrait"),
    "a JSON part as a stream": (_form(TREATMENT_RECORD, ("summary", LONG)), 422, "parts.summary"),
    "twice": (_form(TREATMENT_RECORD, ("attachment", LONG), ("attachment", SHORT)), 422, "parts.attachment"),
    "empty": (_form(TREATMENT_RECORD, ("attachment", b"")), 422, "parts.attachment"),
    "too long": (_form(TREATMENT_RECORD, ("attachment", LONG + bytes(9_000))), 413, "parts.attachment"),
    "cut off": (_form(TREATMENT_RECORD, ("attachment", LONG), end=False), 400, ""),
    "cut off in the stream": (_form(TREATMENT_RECORD, ("attachment", LONG), end=False)[:-9_000], 400, ""),
    "binary in the JSON": (
        _form({"subjects": [], "parts": {"attachment": {"a": 1}}}, ("attachment", LONG)),
        422,
        "parts.attachment",
    ),
    "a record that does not fit": (
        _form({"subjects": [], "parts": {"summary": {"resourceType": "Ship"}}}, ("attachment", LONG)),
        422,
        "parts.summary",
    ),
    "not multipart": (b"hello", 400, ""),
    "nothing": (b"", 400, ""),
}


@pytest.mark.parametrize(("body", "status", "field"), REFUSED.values(), ids=REFUSED)
def test_put_refuses_and_keeps_nothing(tmp_path: Path, body: bytes, status: int, field: str) -> None:
    node = make_node(tmp_path, object_limit_bytes=len(LONG) + 1_000)
    try:
        before = node.row_counts()
        answer = _put(node, body)
        assert answer.status_code == status, answer.text
        assert answer.json().get("field", "").startswith(field)
        assert node.row_counts() == before
        assert [path for path in (tmp_path / "objects").rglob("*") if path.is_file()] == []
    finally:
        node.close()


def test_put_is_decided_before_the_body_is_read(node: TestNode) -> None:
    sent: list[int] = []

    def body() -> Iterator[bytes]:
        sent.append(1)
        yield _form(TREATMENT_RECORD, ("attachment", LONG))

    headers = {**node.headers("LAND", "writer"), "Content-Type": "multipart/form-data; boundary=b0"}
    answer = node.client.put(node.url(node.health, "visit"), content=body(), headers=headers)

    assert answer.status_code == 403
    assert _objects(node) == []
    assert node.row_counts()["receipt"] == 1


def test_put_with_a_stale_condition_keeps_nothing(node: TestNode) -> None:
    node.put(node.health, "visit", TREATMENT_RECORD)

    answer = _put(node, _form(TREATMENT_RECORD, ("attachment", LONG)), **{"If-Match": '"v7"'})

    assert (answer.status_code, _objects(node)) == (412, [])


def test_put_repeated_under_its_key_answers_as_before_and_keeps_one_object(node: TestNode) -> None:
    key = {"Idempotency-Key": "once"}
    first = _put(node, _form(TREATMENT_RECORD, ("attachment", LONG)), **key)

    other = {"Content-Type": "multipart/form-data; boundary=zz"}
    again = _put(node, _form(TREATMENT_RECORD, ("attachment", LONG), boundary="zz"), **key, **other)
    changed = _put(node, _form(TREATMENT_RECORD, ("attachment", LONG + b"x")), **key)

    assert again.json() == first.json()
    assert changed.json()["code"] == "idempotency-key-reused"
    assert len(_objects(node)) == 1


def test_put_that_another_write_overtakes_is_sealed_again_for_the_next_version(
    node: TestNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    seal = storage.seal_part
    raced: list[Any] = []

    def seal_and_lose(*arguments: Any) -> Any:
        sealed = seal(*arguments)
        if not raced:
            raced.append(sealed)
            node.put(node.health, "visit", TREATMENT_RECORD)
        return sealed

    monkeypatch.setattr("cityledger.exchange.parts.uploads.seal_part", seal_and_lose)
    answer = _put(node, _form(TREATMENT_RECORD, ("attachment", LONG)))

    assert (answer.status_code, answer.json()["version"]) == (200, 2)
    assert _get(node, "/parts/attachment").content == LONG
    assert raced[0].object not in _objects(node)
    assert len(_objects(node)) == 1


def test_erasing_a_record_removes_its_objects(node: TestNode) -> None:
    _put(node, _form(TREATMENT_RECORD, ("attachment", LONG)))
    _put(node, _form(TREATMENT_RECORD, ("attachment", LONG)))
    assert len(_objects(node)) == 2

    url = node.url(node.health, "visit") + "?reason=law"
    assert node.client.delete(url, headers=node.headers("HEALTH", "writer")).status_code == 200

    assert _objects(node) == []
    assert _get(node, "/parts/attachment").json()["code"] == "record-not-found"


ALTERATIONS = {
    "gone": lambda path: path.unlink(),
    "a bit turned": lambda path: path.write_bytes(path.read_bytes()[:-5] + b"\0" + path.read_bytes()[-4:]),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-70_000]),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"\0"),
    "emptied": lambda path: path.write_bytes(b""),
}


@pytest.mark.parametrize("alter", ALTERATIONS.values(), ids=ALTERATIONS)
def test_altered_object_lets_not_a_byte_out(node: TestNode, tmp_path: Path, alter: Any) -> None:
    _put(node, _form(TREATMENT_RECORD, ("attachment", LONG)))
    (path,) = [path for path in (tmp_path / "objects").rglob("*") if path.is_file()]
    alter(path)

    answer = _get(node, "/parts/attachment")

    assert answer.status_code in (500, 503)
    assert LONG[:64] not in answer.content


def test_objects_swapped_between_versions_are_refused(node: TestNode, tmp_path: Path) -> None:
    _put(node, _form(TREATMENT_RECORD, ("attachment", LONG)))
    _put(node, _form(TREATMENT_RECORD, ("attachment", LONG)))
    one, two = [path for path in (tmp_path / "objects").rglob("*") if path.is_file()]
    first = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(first)

    assert _get(node, "/parts/attachment").json()["code"] == "stored-bytes-altered"


def test_stream_is_cut_once_the_rules_deny(node: TestNode, monkeypatch: pytest.MonkeyPatch) -> None:
    _put(node, _form(TREATMENT_RECORD, ("attachment", LONG * 8)))
    granted = (1 << 8) - 1
    treatment = b"TREATMENT".ljust(32, b"\0")
    node.grant(node.health, node.agency("LAND"), treatment, granted)  # type: ignore[arg-type]
    whole = _get(node, "/parts/attachment", who="LAND")
    assert whole.content == LONG * 8

    headers = node.headers("LAND", "reader", "TREATMENT")
    url = node.url(node.health, "visit", "/parts/attachment")
    open_stream = node.context.services.objects.get
    reads: list[int] = []

    def revoking(key: str) -> Iterator[bytes]:
        reads.append(1)
        for number, chunk in enumerate(open_stream(key)):
            if len(reads) == 2 and number == 1:  # in the middle of the second pass
                node.revoke(node.health, node.agency("LAND"), treatment)  # type: ignore[arg-type]
                node.pass_time(2)
            yield chunk

    monkeypatch.setattr(node.context.services.objects, "get", revoking)
    before = node.row_counts()["receipt"]
    with node.client.stream("GET", url, headers=headers) as answer:
        got = b"".join(answer.iter_raw())

    assert 0 < len(got) < len(LONG * 8)
    assert node.row_counts()["receipt"] == before + 2  # the permit, and the denial that cut it


def _release(node: TestNode, who: str = "HEALTH") -> dict[str, Any]:
    number = node.agency(who)
    key = node.context.services.keyring.agency(number).sealing_key
    encoded = base64.urlsafe_b64encode(key.public_bytes).decode().rstrip("=")
    answer = node.client.post(
        node.url(node.health, "visit", "/release"),
        json={"kem": int(key.kem), "sealingKey": encoded},
        headers=node.headers(who, "reader"),
    )
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def test_release_of_a_long_part_says_where_its_ciphertext_is(node: TestNode) -> None:
    _put(node, _form(TREATMENT_RECORD, ("attachment", LONG)))
    released = _release(node)
    (bit,) = released["objects"]
    part = released["objects"][bit]

    answer = node.client.get(part["href"], headers=node.headers("HEALTH", "reader"))

    assert answer.status_code == 200, answer.text
    assert len(answer.content) == part["sealedBytes"] == int(answer.headers["content-length"])
    digest = "0x" + hashlib.sha256(answer.content).hexdigest()
    assert digest == released["leaf"]["parts"][int(bit)]["ciphertextDigest"]
    assert bit not in released["ciphertexts"]


def test_ciphertext_is_only_for_whom_the_receipt_names(node: TestNode) -> None:
    _put(node, _form(TREATMENT_RECORD, ("attachment", LONG)))
    (part,) = _release(node)["objects"].values()
    said = node.headers("HEALTH", "reader")
    other = {**said, "Authorization": f"Bearer {node.token('HEALTH', 'reader', officer='reader-2')}"}
    wrong_case = {**said, "Cityledger-Case": "other"}
    read = _get(node).headers["cityledger-read-receipt"].split(", ")[0]
    of_a_read = part["href"].partition("receipt=")[0] + "receipt=" + read
    of_nothing = part["href"][:-64] + "11" * 32

    refused = [
        node.client.get(part["href"], headers=other),
        node.client.get(part["href"], headers=wrong_case),
        node.client.get(of_a_read, headers=said),
        node.client.get(of_nothing, headers=said),
        node.client.get(part["href"].replace("parts/attachment", "parts/summary"), headers=said),
    ]

    assert [answer.status_code for answer in refused[:4]] == [404] * 4
    assert refused[4].status_code == 200  # the release was of that part too
    assert node.client.get(part["href"], headers=said).status_code == 200


def test_database_that_is_full_keeps_neither_row_nor_object(node: TestNode) -> None:
    class Full:
        def __getattr__(self, name: str) -> Any:
            return getattr(node.context.services.journal, name)

        def run(self, work: Any) -> Any:
            def failing(connection: sa.Connection) -> None:
                work(connection)
                raise StorageFullError("full")

            return node.context.services.journal.run(failing)

    client = node.client_with(journal=Full())
    headers = {**node.headers("HEALTH", "writer"), "Content-Type": "multipart/form-data; boundary=b0"}
    before = node.row_counts()

    body = _form(TREATMENT_RECORD, ("attachment", LONG))
    answer = client.put(node.url(node.health, "visit"), content=body, headers=headers)

    assert (answer.status_code, node.row_counts(), _objects(node)) == (507, before, [])


def test_rows_of_long_parts_name_an_object_and_hold_no_bytes(node: TestNode) -> None:
    _put(node, _form(TREATMENT_RECORD, ("attachment", LONG)))

    part = t.record_part.c
    with node.context.services.database.reading() as connection:
        row = connection.execute(sa.select(t.record_part).where(part.name == "attachment")).one()

    assert row.ciphertext is None
    assert [row.object] == _objects(node)
    assert row.sealed_bytes > len(LONG)

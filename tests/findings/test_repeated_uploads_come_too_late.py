"""A multipart PUT whose answer was lost was refused when sent again: it conflicted with its own version."""

from __future__ import annotations

import json
from pathlib import Path

from support.node.node_fixture import make_node
from support.node.sample_records import TREATMENT_RECORD


def _piece(name: str, payload: bytes, kind: str) -> bytes:
    head = f'Content-Disposition: form-data; name="{name}"\r\nContent-Type: {kind}'
    return f"--b0\r\n{head}\r\n\r\n".encode() + payload + b"\r\n"


def test_upload_sent_again_with_its_key_gets_the_answer_that_was_kept(tmp_path: Path) -> None:
    node = make_node(tmp_path)
    record = _piece("record", json.dumps(TREATMENT_RECORD).encode(), "application/json")
    body = record + _piece("attachment", b"scan", "application/octet-stream") + b"--b0--\r\n"
    said = {"Content-Type": "multipart/form-data; boundary=b0", "If-None-Match": "*", "Idempotency-Key": "k1"}
    headers = {**node.headers("HEALTH", "writer"), **said}

    first, again = (
        node.client.put(node.url(node.health, "visit"), content=body, headers=headers) for _ in range(2)
    )
    other = node.client.put(
        node.url(node.health, "visit"), content=body, headers={**headers, "Idempotency-Key": "k2"}
    )
    node.close()

    assert first.status_code == 201
    assert again.json() == first.json()
    assert other.status_code == 412

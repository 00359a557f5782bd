"""``GET /v1/siwe/nonce`` was a durable write for any client, without limit (audit 19)."""

from __future__ import annotations

import pytest

from cityledger.api.signin.nonces import make_nonce, verify_nonce
from cityledger.errors import CredentialError
from support.node.node_fixture import TestNode

KEY = b"k" * 32


def fixed(count: int) -> bytes:
    return bytes(range(count))


def test_nonces_leave_no_row(node: TestNode) -> None:
    before = node.row_counts()
    nonces = {node.client.get("/v1/siwe/nonce").json()["nonce"] for _ in range(20)}

    assert len(nonces) == 20
    assert node.row_counts() == before


def test_a_used_nonce_leaves_one_row_and_is_refused_again(node: TestNode) -> None:
    nonce = node.client.get("/v1/siwe/nonce").json()["nonce"]
    form = node.siwe_form("LAND", "steward", nonce)

    assert node.client.post("/v1/token", data=form).status_code == 200
    again = node.client.post("/v1/token", data=form)

    assert (again.status_code, again.json()["code"]) == (401, "credential-refused")
    assert "used before" in again.json()["detail"]
    assert node.row_counts()["single_use_value"] == 1


def test_another_key_and_a_changed_time_are_refused() -> None:
    nonce = make_nonce(KEY, fixed, 1_000)
    assert verify_nonce(KEY, nonce, 999) == 1_000

    for key, text, now in (
        (KEY, nonce, 1_000),
        (b"other", nonce, 999),
        (KEY, f"{2_000:010x}{nonce[10:]}", 999),
        (KEY, nonce[:-1], 999),
        (KEY, nonce + "0", 999),
        (KEY, nonce.replace("0", "０"), 999),
        (KEY, "", 999),
    ):
        with pytest.raises(CredentialError, match="nonce"):
            verify_nonce(key, text, now)

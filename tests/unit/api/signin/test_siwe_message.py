"""The public EIP-4361 vectors through this node's own checks."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest
from siwe import SiweMessage

from cityledger.api.signin.siwe_message import _verify_times, parse_siwe, verify_signature
from cityledger.errors import CredentialError
from cityledger.types import Address
from support.imports.public_data import public_data

FIELDS = {
    "issuedAt": "issued_at",
    "chainId": "chain_id",
    "expirationTime": "expiration_time",
    "notBefore": "not_before",
    "requestId": "request_id",
}

OTHER_FORM = "recovery byte starting at 0"
"""The vector whose v is 0 or 1; SPEC.md §3 takes 27 and 28 only."""


def vectors(name: str) -> dict[str, Any]:
    cases: dict[str, Any] = json.loads(public_data(f"vectors/eip4361-siwe/{name}.json").read_text("utf-8"))
    return cases


def message_of(case: dict[str, Any]) -> str:
    said = {FIELDS.get(name, name): value for name, value in case.items()}
    for name in ("signature", "time", "matchNonce", "domainBinding"):
        said.pop(name, None)
    text: str = SiweMessage(**said).prepare_message()
    return text


def seconds(instant: str) -> int:
    return int(datetime.fromisoformat(instant.replace("Z", "+00:00")).timestamp())


def test_parse_accepts_every_message_in_canonical_form() -> None:
    taken = 0
    for name, case in vectors("parsing_positive").items():
        parsed = SiweMessage.from_message(case["message"])
        if parsed.prepare_message() != case["message"]:
            continue  # e.g. without the empty line where a statement would be
        read = parse_siwe(case["message"])
        assert read.address == case["fields"]["address"], name
        assert read.nonce == case["fields"]["nonce"], name
        taken += 1
    assert taken >= 8


def test_parse_refuses_every_malformed_message() -> None:
    for name, message in vectors("parsing_negative.sample").items():
        with pytest.raises(CredentialError):
            parse_siwe(message)
            pytest.fail(name)


def test_signatures_of_the_positive_vectors_hold_in_their_one_form() -> None:
    for name, case in vectors("verification_positive").items():
        if name == OTHER_FORM:
            with pytest.raises(CredentialError, match="27 or 28"):
                verify_signature(message_of(case), case["signature"], Address(case["address"]))
        else:
            verify_signature(message_of(case), case["signature"], Address(case["address"]))


def test_signature_over_another_message_does_not_hold() -> None:
    for case in vectors("verification_positive").values():
        with pytest.raises(CredentialError):
            verify_signature(message_of(case) + " ", case["signature"], Address(case["address"]))


def test_times_of_the_vectors() -> None:
    now = seconds("2022-06-01T00:00:00Z")
    negative = vectors("verification_negative.sample")
    with pytest.raises(CredentialError, match="expired"):
        _verify_times(parse_siwe(message_of(negative["expired message"])), now)
    no_such_day = message_of(
        {**negative["invalid expirationTime"], "expirationTime": "2100-02-28T14:31:43.952Z"}
    ).replace("2100-02-28", "2100-02-31")
    with pytest.raises(CredentialError, match="not an EIP-4361 message"):
        parse_siwe(no_such_day)
    for case in vectors("verification_positive").values():
        if "expirationTime" in case:
            at = seconds(case["time"]) if "time" in case else now
            until = _verify_times(
                SiweMessage.from_message(message_of({**case, "issuedAt": "2019-01-01T00:00:00Z"})), at
            )
            assert until == seconds(case["expirationTime"])

"""Small unauthenticated requests that kept a node busy: a SIWE message, and JSON with a duplicate key."""

from __future__ import annotations

import contextlib
import json

import pytest

from cityledger.api.signin.siwe_message import parse_siwe
from cityledger.errors import CredentialError, MalformedJsonError
from cityledger.strict_json import parse

START = "city.test wants you to sign in with your Ethereum account:\n0x" + "aB" * 20 + "\n\n"
END = "\nVersion: 1\nChain ID: 1\nNonce: abcdefgh1\nIssued At: 2026-01-01T00:00:00Z"


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "message",
    [
        START + "a" * 1_800,
        START + "\nURI: http://x" + END + "\nResources:" + "\n- a:b" * 280,
        "a" * 900 + "@" * 900 + START,
        START + "\nURI: a:" + "/a" * 850 + END,
        START + "\nURI: http://" + "%41" * 570 + END,
        START + "\nURI: http://[" + "0:" * 850 + END,
        "1." * 900 + START,
    ],
    ids=["statement", "resources", "userinfo", "path", "percent", "IPv6", "dots"],
)
def test_a_hostile_siwe_message_is_answered_at_once(message: str) -> None:
    assert len(message) <= 2_048
    with contextlib.suppress(CredentialError):
        parse_siwe(message)


def test_a_siwe_field_that_runs_over_its_line_is_refused() -> None:
    message = START + "\nURI: http://x\nVersion: 1\nURI: http://y" + END

    with pytest.raises(CredentialError):
        parse_siwe(message)


@pytest.mark.timeout(10)
def test_a_duplicate_under_a_long_key_costs_one_path() -> None:
    body = json.dumps({"k" * 500_000: list(range(100_000))})[:-1] + ',"a":1,"a":2}'

    with pytest.raises(MalformedJsonError) as refused:
        parse(body.encode(), max_bytes=len(body))

    assert refused.value.field == "a"


@pytest.mark.parametrize("body", ['{"x":{"a":1,"a":1} oops', '{"a":1,"a":1', '[{"a":1,"a":1}'])
def test_a_duplicate_before_a_syntax_error_is_malformed_json(body: str) -> None:
    with pytest.raises(MalformedJsonError):
        parse(body.encode(), max_bytes=100)

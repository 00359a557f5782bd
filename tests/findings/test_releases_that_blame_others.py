"""The SDK opened a release whose receipts named another agency, officer, case or parts than asked."""

from __future__ import annotations

from typing import Any

import pytest

from cityledger.client import NO_RETRIES, AccessContext, AssertionCredentials, Client
from cityledger.client.credentials.sign_in import AccessToken
from cityledger.errors import VerificationError
from cityledger.exchange import receipts
from cityledger.keccak import keccak
from cityledger.proofs.leaves import Receipt
from cityledger.types import AgencyId, Role
from support.node.chain_facts import ORIGIN
from support.node.node_fixture import TestNode
from support.node.sample_records import TREATMENT_RECORD

CASE = AccessContext("OWN_DUTY", "bed 7")
BLAMES: dict[str, dict[str, Any]] = {
    "another agency": {"consumer": AgencyId(3)},
    "another officer": {"officer": "chief.wang"},
    "another system": {"system": "elsewhere"},
    "another case": {"case_digest": keccak(b"a case of murder")},
    "more parts": {"parts": 0b111},
    "a delegator": {"represents": AgencyId(3)},
    "another time": {"at": 1},
    "other facts": {"facts": 0},
}


@pytest.fixture
def client(node: TestNode) -> Client:
    node.put(node.health, "visit", TREATMENT_RECORD)
    credentials = AssertionCredentials(
        "HEALTH", "dr.chen", Role.READER, "ward-3", node.credential_keys["HEALTH"]
    )
    transport = node.client._transport
    return Client(ORIGIN, credentials, now=node.time.seconds, retries=NO_RETRIES, transport=transport)


def rewrite(monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]) -> None:
    """The node makes, signs and seals to receipts that say something else."""
    original = Receipt
    monkeypatch.setattr(receipts, "Receipt", lambda **values: original(**{**values, **change}))


@pytest.mark.parametrize("change", BLAMES.values(), ids=BLAMES)
def test_open_record_refuses(
    node: TestNode, client: Client, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    key = node.context.services.keyring.agency(node.agency("HEALTH")).sealing_key
    assert client.open_record(node.health, "visit", CASE, key).parts.keys() == {"summary"}
    rewrite(monkeypatch, change)
    with pytest.raises(VerificationError):
        client.open_record(node.health, "visit", CASE, key)


def test_a_node_cannot_take_the_caller_for_another(node: TestNode, client: Client) -> None:
    """Who the caller is, its credentials say, not the node."""
    key = node.context.services.keyring.agency(node.agency("HEALTH")).sealing_key
    client._access._token = AccessToken(node.token("HEALTH", "reader"), float("inf"))  # another officer's
    with pytest.raises(VerificationError, match="another caller"):
        client.open_record(node.health, "visit", CASE, key)

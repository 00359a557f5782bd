"""An agency's signed list of revoked officers over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from httpx import Response

from cityledger.errors import UnavailableError
from cityledger.exchange.access import Access, Intent, Target
from cityledger.exchange.decisions import rule
from cityledger.sealing.thumbprint import key_thumbprint
from cityledger.store import tables as t
from cityledger.store.objects import Objects
from cityledger.store.sessions import revocations
from cityledger.types import Action, AgencyStatus, purpose_from_name
from support.node.node_fixture import TestNode
from support.node.revocation_lists import list_objects, put, sign_in, signed

NEW_KEY = ec.generate_private_key(ec.SECP256R1())


def whoami(node: TestNode, signed_in: Response) -> int:
    headers = {"Authorization": f"Bearer {signed_in.json()['access_token']}"}
    return node.client.get("/v1/whoami", headers=headers).status_code


def test_list_ends_open_sessions_and_refuses_tokens_at_once(node: TestNode) -> None:
    chen, li = sign_in(node), sign_in(node, officer="dr.li")

    answer = put(node, signed(node, 1, ("dr.chen", None)))

    assert answer.json() == {"seq": 1, "revoked": [{"sub": "dr.chen", "system": None}]}
    assert (whoami(node, chen), whoami(node, li)) == (401, 200)
    refused = sign_in(node)
    assert (refused.status_code, refused.json()["code"]) == (401, "credential-refused")
    assert "has revoked this officer" in refused.json()["detail"]


def test_entry_with_system_is_for_that_system_alone(node: TestNode) -> None:
    ward_3, ward_4 = sign_in(node), sign_in(node, system="ward-4")

    put(node, signed(node, 1, ("dr.chen", "ward-3")))

    assert (whoami(node, ward_3), whoami(node, ward_4)) == (401, 200)


def test_second_decision_denies_a_revoked_officer(node: TestNode) -> None:
    session = node.session("LAND", "reader")
    put(node, signed(node, 1, (session.officer, None)))
    intent = Intent(Action.READ, purpose_from_name("TREATMENT"))

    ruling = rule(node.context.services, Access(session, intent, Target(node.health)))

    assert (ruling.permit, ruling.deciding.code) == (False, 22)


def test_later_list_replaces_the_former_whole(node: TestNode) -> None:
    put(node, signed(node, 1, ("dr.chen", None)))
    assert put(node, signed(node, 2, ("dr.li", None))).status_code == 200
    assert (sign_in(node).status_code, sign_in(node, officer="dr.li").status_code) == (200, 401)


@pytest.mark.parametrize("seq", [1, 2])
def test_list_cannot_be_put_back(node: TestNode, seq: int) -> None:
    put(node, signed(node, 2, ("dr.chen", None)))

    answer = put(node, signed(node, seq))

    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert sign_in(node).status_code == 401


def test_same_list_may_be_put_again(node: TestNode) -> None:
    """Its sender may not have had the answer, or the object store was full."""
    text = signed(node, 2, ("dr.chen", None))
    assert put(node, text).status_code == 200
    before = node.row_counts()

    assert put(node, text).json() == {"seq": 2, "revoked": [{"sub": "dr.chen", "system": None}]}
    assert node.row_counts() == before


def test_same_list_ends_the_wait_if_it_was_signed_after_the_restore(node: TestNode) -> None:
    text = signed(node, 2, ("dr.chen", None))
    put(node, text)
    with node.context.services.database.writing() as connection:
        revocations.await_list(connection, node.agency("LAND"), node.time.now + 61)
    assert put(node, text).status_code == 401
    assert sign_in(node, officer="dr.li").status_code == 401
    with node.context.services.database.writing() as connection:
        revocations.await_list(connection, node.agency("LAND"), node.time.now)

    assert put(node, text).status_code == 200
    assert (sign_in(node).status_code, sign_in(node, officer="dr.li").status_code) == (401, 200)


def test_list_is_not_acknowledged_before_its_object_is_durable(
    node: TestNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_objects: Objects, _key: str, _chunks: object) -> int:
        raise UnavailableError("the object store does not take it")

    text = signed(node, 1, ("dr.chen", None))
    with monkeypatch.context() as patch:
        patch.setattr(Objects, "put", refuse)
        answer = put(node, text)
    assert (answer.status_code, sign_in(node).status_code) == (503, 401)
    assert "put the same list again" in answer.json()["detail"]
    assert list_objects(node.context.services.objects) == {}

    assert put(node, text).status_code == 200
    assert list(list_objects(node.context.services.objects).values()) == [text.encode()]


def test_agency_whose_list_is_awaited_has_no_session(node: TestNode) -> None:
    open_session = sign_in(node)
    with node.context.services.database.writing() as connection:
        revocations.await_list(connection, node.agency("LAND"), node.time.now)

    assert whoami(node, open_session) == 401
    refused = sign_in(node)
    assert (refused.status_code, refused.json()["code"]) == (401, "credential-refused")
    assert "newest revocation list" in refused.json()["detail"]
    headers = {"Authorization": f"Bearer {node.token('LAND', 'auditor')}"}
    assert node.client.get("/v1/whoami", headers=headers).status_code == 200

    assert put(node, signed(node, 1, ("dr.li", None))).status_code == 200
    assert (sign_in(node).status_code, sign_in(node, officer="dr.li").status_code) == (200, 401)


def test_awaited_list_must_be_signed_after_the_restore(node: TestNode) -> None:
    """Any client may put what the agency once signed, and the restored node has forgotten its number."""
    with node.context.services.database.writing() as connection:
        revocations.await_list(connection, node.agency("LAND"), node.time.now)

    answer = put(node, signed(node, 9, issued=node.time.now - 61))

    assert (answer.status_code, answer.json()["code"]) == (401, "credential-refused")
    assert "signed before this node was restored" in answer.json()["detail"]
    assert sign_in(node).status_code == 401


def test_list_stays_in_effect_when_the_key_changes(node: TestNode) -> None:
    put(node, signed(node, 7, ("dr.chen", None)))
    node.set_agency("LAND", credential_key_digest=key_thumbprint(NEW_KEY))

    assert sign_in(node, key=NEW_KEY).status_code == 401
    assert sign_in(node, key=NEW_KEY, officer="dr.li").status_code == 200


def test_new_key_counts_from_its_own_first_list(node: TestNode) -> None:
    """Who stole the former key may have used up its numbers."""
    put(node, signed(node, 2**53 - 1))
    old = signed(node, 1, ("dr.li", None))
    node.set_agency("LAND", credential_key_digest=key_thumbprint(NEW_KEY))

    assert put(node, old).status_code == 401
    shown = node.client.get("/v1/agencies/LAND/revocations", headers=node.headers("LAND", "auditor", None))
    assert shown.json()["seq"] == 0
    assert put(node, signed(node, 1, ("dr.chen", None), key=NEW_KEY)).status_code == 200
    assert sign_in(node, key=NEW_KEY).status_code == 401


@pytest.mark.parametrize(
    ("changes", "agency", "part"),
    [
        ({"key": NEW_KEY}, "LAND", "not signed by the agency's key"),
        ({"instance": bytes(32)}, "LAND", "aud"),
        ({"issuer": "HEALTH"}, "LAND", "iss is not the code"),
        ({}, "HEALTH", "iss is not the code"),
    ],
)
def test_list_of_another_is_refused(node: TestNode, changes: dict[str, Any], agency: str, part: str) -> None:
    before = node.row_counts()

    answer = put(node, signed(node, 1, ("dr.chen", None), **changes), agency)

    assert (answer.status_code, answer.json()["code"]) == (401, "credential-refused")
    assert part in answer.json()["detail"]
    assert node.row_counts() == before


def test_key_of_before_a_reported_compromise_signs_no_list(node: TestNode) -> None:
    node.set_agency("LAND", status=int(AgencyStatus.SUSPENDED), epoch=2)
    assert "before a reported compromise" in put(node, signed(node, 1)).json()["detail"]


def test_suspended_agency_may_revoke(node: TestNode) -> None:
    node.set_agency("LAND", status=int(AgencyStatus.SUSPENDED))
    assert put(node, signed(node, 1, ("dr.chen", None))).status_code == 200


def test_list_is_shown_to_the_agency_alone(node: TestNode) -> None:
    put(node, signed(node, 1, ("dr.chen", None)))
    path = "/v1/agencies/LAND/revocations"

    assert node.client.get(path).status_code == 401
    assert node.client.get(path, headers=node.headers("HEALTH", "reader", None)).status_code == 403
    own = node.client.get(path, headers=node.headers("LAND", "reader", None))
    assert own.json() == {"seq": 1, "revoked": [{"sub": "dr.chen", "system": None}]}


def test_officer_on_chain_is_the_chains_to_dismiss(node: TestNode) -> None:
    account = node.account("LAND", "auditor").address
    put(node, signed(node, 1, (account, None)))
    headers = {"Authorization": f"Bearer {node.token('LAND', 'auditor')}"}
    assert node.client.get("/v1/whoami", headers=headers).status_code == 200


def test_long_list_is_refused_before_it_is_parsed(node: TestNode) -> None:
    assert put(node, "x" * 65_537).status_code == 413


def test_no_list_leaves_no_row(node: TestNode) -> None:
    assert put(node, "no list").status_code == 401
    with node.context.services.database.reading() as connection:
        assert connection.execute(t.revocation_list.select()).all() == []

"""A token stayed good after its key was rotated, and after a reported compromise and reinstatement; so did an
assertion made before the report. Sessions end with the key that vouched and with the agency's epoch."""

from __future__ import annotations

import os
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from cityledger.exchange.access import Access, Intent, Target
from cityledger.exchange.decisions import rule
from cityledger.exchange.imports.request import caller_from_json, caller_to_json
from cityledger.sealing.thumbprint import key_thumbprint
from cityledger.store.sessions.tokens import Session
from cityledger.types import Action, AgencyStatus, purpose_from_name
from support.node.node_fixture import TestNode
from support.node.sample_records import TITLE_RECORD, TREATMENT_RECORD

PROOF_KEY = ec.generate_private_key(ec.SECP256R1())
NEW_KEY = ec.generate_private_key(ec.SECP256R1())
TREATMENT = Intent(Action.READ, purpose_from_name("TREATMENT"))


def sign_in(node: TestNode, form: dict[str, str]) -> dict[str, Any]:
    answer = node.client.post("/v1/token", data=form, headers={"DPoP": node.proof(PROOF_KEY)})
    members: dict[str, Any] = answer.json()
    return {"status": answer.status_code, **members}


def read(node: TestNode, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}", "Cityledger-Purpose": "TREATMENT"}
    return node.client.get(node.url(node.health, "visit-1"), headers=headers).status_code


def reads(node: TestNode, token: str) -> int:
    return node.client.get("/v1/reads", headers={"Authorization": f"Bearer {token}"}).status_code


def report_and_reinstate(node: TestNode, code: str = "LAND", **values: Any) -> None:
    node.set_agency(code, status=int(AgencyStatus.SUSPENDED), epoch=2)
    node.set_agency(code, status=int(AgencyStatus.ACTIVE), **values)


def code_of(node: TestNode, session: Session) -> int:
    services = node.context.services
    ruling = rule(services, Access(session, TREATMENT, Target(node.health)))
    return ruling.deciding.code


def test_a_token_ends_with_the_key_that_vouched(node: TestNode) -> None:
    node.put(node.health, "visit-1", TREATMENT_RECORD)
    token = sign_in(node, node.assertion_form("LAND", proof_key=PROOF_KEY))["access_token"]
    assert read(node, token) == 200

    node.set_agency("LAND", credential_key_digest=key_thumbprint(NEW_KEY))

    assert read(node, token) == 401
    assert reads(node, token) == 401


def test_a_token_ends_with_the_epoch_and_reinstatement_does_not_revive_it(node: TestNode) -> None:
    vouched = sign_in(node, node.assertion_form("LAND", proof_key=PROOF_KEY))["access_token"]
    on_chain = node.token("LAND", "auditor")
    assert (reads(node, vouched), reads(node, on_chain)) == (200, 200)

    report_and_reinstate(node)

    assert (reads(node, vouched), reads(node, on_chain)) == (401, 401)


def test_an_assertion_of_before_the_report_buys_nothing(node: TestNode) -> None:
    form = node.assertion_form("LAND", proof_key=PROOF_KEY)
    report_and_reinstate(node)

    refused = sign_in(node, form)

    assert (refused["status"], refused["code"]) == (401, "credential-refused")
    assert "before a reported compromise" in refused["detail"]


def test_the_stolen_key_buys_nothing_however_new_the_assertion(node: TestNode) -> None:
    report_and_reinstate(node)
    node.pass_time(60)
    assert sign_in(node, node.assertion_form("LAND", proof_key=PROOF_KEY))["status"] == 401

    node.set_agency("LAND", credential_key_digest=key_thumbprint(NEW_KEY))
    node.set_agency("LAND", credential_key_digest=key_thumbprint(node.credential_keys["LAND"]))
    assert sign_in(node, node.assertion_form("LAND", proof_key=PROOF_KEY))["status"] == 401


def test_a_key_registered_after_the_report_signs_in(node: TestNode) -> None:
    report_and_reinstate(node, credential_key_digest=key_thumbprint(NEW_KEY))

    form = node.assertion_form("LAND", proof_key=PROOF_KEY, key=NEW_KEY)

    assert sign_in(node, form)["status"] == 200


def test_the_second_decision_asks_again_whether_the_session_counts(node: TestNode) -> None:
    """Rotation between decide and send: the rules deny what a request of a moment ago began."""
    session = node.session("LAND", "reader")
    assert code_of(node, session) == 120

    node.set_agency("LAND", credential_key_digest=key_thumbprint(NEW_KEY))

    assert code_of(node, session) == 22


def test_an_import_ends_with_the_key_of_who_asked_for_it(node: TestNode) -> None:
    stored = caller_to_json(node.session("LAND", "writer"), TREATMENT)

    session, _ = caller_from_json(stored)

    assert session == node.session("LAND", "writer")


def test_nothing_is_released_to_a_sealing_key_of_before_the_report(node: TestNode) -> None:
    node.put(node.land, "title-1", TITLE_RECORD)
    report_and_reinstate(node, "HEALTH", credential_key_digest=key_thumbprint(NEW_KEY))
    form = node.assertion_form("HEALTH", proof_key=PROOF_KEY, key=NEW_KEY)
    headers = {
        "Authorization": f"Bearer {sign_in(node, form)['access_token']}",
        "Cityledger-Purpose": "CREDIT",
    }
    before = node.row_counts()

    refused = node.client.get(node.url(node.land, "title-1"), headers=headers)

    assert refused.status_code == 409
    assert "reported compromise" in refused.json()["detail"]
    assert node.row_counts() == before
    keys = node.context.services.keyring.rotate_sealing_key(node.agency("HEALTH"), random=os.urandom)
    node.set_agency("HEALTH", sealing_key_digest=keys.sealing_key.digest)
    assert node.client.get(node.url(node.land, "title-1"), headers=headers).status_code == 200

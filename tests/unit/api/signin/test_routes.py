"""Sign-in over HTTP: what is accepted, and each refusal with nothing written."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from eth_account import Account
from httpx import Response
from joserfc import jws
from joserfc.jwk import ECKey

from cityledger.store import tables as t
from cityledger.store.index import tables
from cityledger.types import AgencyId, AgencyStatus, Role
from support.node.chain_facts import INSTANCE, START
from support.node.node_fixture import TestNode, make_node
from support.store.databases import stored_bytes

KEY = ec.generate_private_key(ec.SECP256R1())
OTHER_KEY = ec.generate_private_key(ec.SECP256R1())


def ask(node: TestNode, form: dict[str, str], proof: str | None = None) -> Response:
    return node.client.post("/v1/token", data=form, headers={} if proof is None else {"DPoP": proof})


def nonce_of(node: TestNode) -> str:
    answer = node.client.get("/v1/siwe/nonce")
    assert answer.headers["cache-control"] == "no-store"
    return str(answer.json()["nonce"])


def who(node: TestNode, answer: Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["token_type"] == "Bearer"
    headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    body: dict[str, Any] = node.client.get("/v1/whoami", headers=headers).json()
    return body


def tokens(node: TestNode) -> int:
    with node.context.services.database.reading() as connection:
        return len(connection.execute(t.token.select()).all())


def verify_refused(node: TestNode, answer: Response, part: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (401, "credential-refused"), answer.text
    assert part in answer.json()["detail"]
    assert "www-authenticate" in answer.headers
    assert tokens(node) == 0


# --- assertions --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["reader", "writer"])
def test_assertion_buys_a_token(node: TestNode, role: str) -> None:
    answer = ask(node, node.assertion_form("LAND", role, proof_key=KEY), node.proof(KEY))
    assert answer.json()["expires_in"] == 900
    assert who(node, answer) == {
        "agency": 2,
        "role": role,
        "officer": "dr.chen",
        "account": None,
        "system": "ward-3",
        "credentialUntil": START + 3_600,
        "expiresAt": START + 900,
    }


def test_assertion_is_good_again_with_a_new_proof(node: TestNode) -> None:
    form = node.assertion_form("LAND", proof_key=KEY)
    for _ in range(2):
        assert ask(node, form, node.proof(KEY)).status_code == 200


def test_token_ends_with_the_credential(node: TestNode) -> None:
    answer = ask(node, node.assertion_form("LAND", proof_key=KEY, life_seconds=100), node.proof(KEY))
    assert answer.json()["expires_in"] == 100


def test_suspended_agency_may_sign_in(node: TestNode) -> None:
    """Its reads are denied by rule 1 then, with a receipt."""
    node.set_agency("LAND", status=int(AgencyStatus.SUSPENDED))
    assert ask(node, node.assertion_form("LAND", proof_key=KEY), node.proof(KEY)).status_code == 200


def test_offboarded_agency_may_not_sign_in(node: TestNode) -> None:
    node.set_agency("LAND", status=int(AgencyStatus.OFFBOARDED))
    answer = ask(node, node.assertion_form("LAND", proof_key=KEY), node.proof(KEY))
    verify_refused(node, answer, "not the code of a member agency")


ASSERTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "another instance": ({"instance": bytes(32)}, "aud"),
    "over 12 hours": ({"life_seconds": 12 * 3600 + 1}, "more than 12 hours"),
    "expired": ({"issued": START - 7_200}, "expired"),
    "ends now": ({"issued": START - 3_600}, "expired"),
    "of the future": ({"issued": START + 61}, "iat is in the future"),
    "unknown agency": ({"issuer": "NOBODY"}, "not the code of a member agency"),
    "another agency's name": ({"issuer": "HEALTH"}, "not signed by the agency's key in the registry"),
    "an unknown key": ({"key": OTHER_KEY}, "not signed by the agency's key in the registry"),
    "empty officer": ({"officer": ""}, "sub must be"),
    "unprintable officer": ({"officer": "a\nb"}, "sub must be"),
    "long system": ({"system": "s" * 129}, "system must be"),
    "no jti": ({"identifier": ""}, "jti must be"),
}


@pytest.mark.parametrize(("changes", "part"), ASSERTIONS.values(), ids=ASSERTIONS)
def test_assertion_is_refused(node: TestNode, changes: dict[str, Any], part: str) -> None:
    before = node.row_counts()
    answer = ask(node, node.assertion_form("LAND", proof_key=KEY, **changes), node.proof(KEY))
    verify_refused(node, answer, part)
    assert node.row_counts() == before


def test_registry_key_that_was_rotated_is_refused(node: TestNode) -> None:
    form = node.assertion_form("LAND", proof_key=KEY)
    node.set_agency("LAND", credential_key_digest=bytes(31) + b"\1")
    verify_refused(node, ask(node, form, node.proof(KEY)), "not signed by the agency's key")


def claims_of(node: TestNode) -> dict[str, Any]:
    assertion = node.assertion_form("LAND", proof_key=KEY)["assertion"]
    middle = assertion.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
    return claims


def signed(node: TestNode, claims: bytes, **header: Any) -> dict[str, str]:
    key = ECKey.import_key(node.credential_keys["LAND"])
    protected = {"alg": "ES256", "jwk": key.as_dict(private=False), **header}
    return {
        "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "assertion": jws.serialize_compact(protected, claims, key, algorithms=["ES256"]),
    }


CLAIMS: dict[str, tuple[dict[str, Any], str]] = {
    "role on chain": ({"role": "steward"}, "role must be reader or writer"),
    "role in capitals": ({"role": "Reader"}, "role must be reader or writer"),
    "times as text": ({"exp": "never"}, "exp must be whole Unix seconds"),
    "times with fractions": ({"iat": START + 0.5}, "iat must be whole Unix seconds"),
    "no proof key": ({"cnf": {}}, "cnf.jkt"),
    "another proof key": ({"cnf": {"jkt": "Ä" * 43}}, "not the one that cnf.jkt names"),
    "not yet": ({"nbf": START + 120}, "nbf"),
    "audience list": ({"aud": ["0x" + INSTANCE.hex()]}, "aud"),
    "audience in capitals": ({"aud": "0x" + INSTANCE.hex().upper()}, "aud"),
}


@pytest.mark.parametrize(("changes", "part"), CLAIMS.values(), ids=CLAIMS)
def test_claims_are_refused(node: TestNode, changes: dict[str, Any], part: str) -> None:
    form = signed(node, json.dumps({**claims_of(node), **changes}).encode())
    verify_refused(node, ask(node, form, node.proof(KEY)), part)


def test_duplicate_claims_are_refused(node: TestNode) -> None:
    claims = json.dumps(claims_of(node)).encode()
    form = signed(node, claims[:-1] + b', "role": "writer"}')
    verify_refused(node, ask(node, form, node.proof(KEY)), "not strict JSON")


def test_private_key_in_the_header_is_refused(node: TestNode) -> None:
    private = ECKey.import_key(node.credential_keys["LAND"]).as_dict(private=True)
    form = signed(node, json.dumps(claims_of(node)).encode(), jwk=private)
    verify_refused(node, ask(node, form, node.proof(KEY)), "public EC key")


def test_unsigned_and_altered_assertions_are_refused(node: TestNode) -> None:
    form = node.assertion_form("LAND", proof_key=KEY)
    head, body, signature = form["assertion"].split(".")
    forged = base64.urlsafe_b64encode(json.dumps({**claims_of(node), "sub": "boss"}).encode())
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    altered = {
        f"{head}.{forged.rstrip(b'=').decode()}.{signature}": "signature is not valid",
        f"{none}.{body}.{signature}": "alg must be ES256",
        f"{head}.{body}.": "not a compact JWS",
        f"{head}.{body}": "not a compact JWS",
        "x" * 9_000: "not a compact JWS",
    }
    for text, part in altered.items():
        verify_refused(node, ask(node, {**form, "assertion": text}, node.proof(KEY)), part)


# --- DPoP --------------------------------------------------------------------------------------------------

PROOFS: dict[str, tuple[dict[str, Any], str]] = {
    "another method": ({"method": "GET"}, "htm"),
    "another node": ({"url": "https://evil.test/v1/token"}, "htu"),
    "another path": ({"url": "http://city.test/v1/grants"}, "htu"),
    "another port": ({"url": "http://city.test:1/v1/token"}, "htu"),
    "no URL": ({"url": "http://[/v1/token"}, "htu"),
    "old": ({"issued": START - 61}, "iat"),
    "of the future": ({"issued": START + 61}, "iat"),
    "no jti": ({"identifier": ""}, "jti"),
}


@pytest.mark.parametrize(("changes", "part"), PROOFS.values(), ids=PROOFS)
def test_proof_is_refused(node: TestNode, changes: dict[str, Any], part: str) -> None:
    before = node.row_counts()
    answer = ask(node, node.assertion_form("LAND", proof_key=KEY), node.proof(KEY, **changes))
    verify_refused(node, answer, part)
    assert node.row_counts() == before


def test_proof_by_another_key_is_refused(node: TestNode) -> None:
    answer = ask(node, node.assertion_form("LAND", proof_key=KEY), node.proof(OTHER_KEY))
    verify_refused(node, answer, "not the one that cnf.jkt names")


def test_assertion_is_not_a_proof(node: TestNode) -> None:
    form = node.assertion_form("LAND", proof_key=KEY)
    verify_refused(node, ask(node, form, form["assertion"]), "typ must be dpop+jwt")


def test_missing_proof_is_a_bad_request(node: TestNode) -> None:
    answer = ask(node, node.assertion_form("LAND", proof_key=KEY))
    assert (answer.status_code, answer.json()["field"]) == (422, "DPoP")


def test_replayed_proof_is_refused(node: TestNode) -> None:
    form, proof = node.assertion_form("LAND", proof_key=KEY), node.proof(KEY)
    assert ask(node, form, proof).status_code == 200
    node.execute(t.token.delete())
    before = node.row_counts()
    verify_refused(node, ask(node, form, proof), "jti was used before")
    assert node.row_counts() == before


def test_replayed_proof_is_refused_up_to_the_end_of_its_window(node: TestNode) -> None:
    form, proof = node.assertion_form("LAND", proof_key=KEY), node.proof(KEY, issued=START + 60)
    assert ask(node, form, proof).status_code == 200
    node.execute(t.token.delete())
    node.pass_time(120)
    verify_refused(node, ask(node, form, proof), "jti was used before")
    node.pass_time(1)
    verify_refused(node, ask(node, form, proof), "iat")


def test_failed_sign_in_does_not_use_up_the_proof(node: TestNode) -> None:
    proof = node.proof(KEY)
    verify_refused(node, ask(node, node.assertion_form("LAND", proof_key=KEY, issuer="X"), proof), "iss")
    assert ask(node, node.assertion_form("LAND", proof_key=KEY), proof).status_code == 200


# --- SIWE --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["steward", "auditor", "registrar"])
def test_siwe_gives_the_role_of_the_chain(node: TestNode, role: str) -> None:
    body = who(node, ask(node, node.siwe_form("LAND", role, nonce_of(node))))
    account = node.account("LAND", role).address
    assert (body["agency"], body["role"], body["officer"], body["account"]) == (2, role, account, account)


def test_siwe_token_ends_with_the_message(node: TestNode) -> None:
    form = node.siwe_form("LAND", "steward", nonce_of(node), expires=START + 60)
    assert ask(node, form).json()["expires_in"] == 60


MESSAGES: dict[str, tuple[dict[str, Any], str]] = {
    "another domain": ({"domain": "evil.test"}, "domain"),
    "another chain id": ({"chain_id": 1}, "chain id"),
    "chain id 0": ({"chain_id": 0}, "not in its canonical form"),
    "another instance": ({"instance": bytes(32)}, "must name this instance"),
    "another agency": ({"agency": AgencyId(1)}, "no live role at this agency"),
    "no such agency": ({"agency": AgencyId(99)}, "no live role at this agency"),
    "agency 0": ({"agency": AgencyId(0)}, "must name an agency's number"),
    "expired": ({"expires": START}, "expired"),
    "of the future": ({"issued": START + 61}, "issued in the future"),
    "an unknown account": ({"account": Account.from_key(b"\7" * 32)}, "no live role"),
}


@pytest.mark.parametrize(("changes", "part"), MESSAGES.values(), ids=MESSAGES)
def test_siwe_is_refused(node: TestNode, changes: dict[str, Any], part: str) -> None:
    nonce = nonce_of(node)
    before = node.row_counts()
    verify_refused(node, ask(node, node.siwe_form("LAND", "steward", nonce, **changes)), part)
    assert node.row_counts() == before


@pytest.mark.parametrize(
    "change", [{"role": int(Role.NONE)}, {"until": START}, {"epoch": 2}], ids=["dismissed", "lapsed", "epoch"]
)
def test_siwe_needs_a_live_role(node: TestNode, change: dict[str, int]) -> None:
    node.execute(tables.idx_officer.update().values(**change))
    verify_refused(node, ask(node, node.siwe_form("LAND", "steward", nonce_of(node))), "no live role")


def test_replayed_siwe_is_refused(node: TestNode) -> None:
    form = node.siwe_form("LAND", "steward", nonce_of(node))
    assert ask(node, form).status_code == 200
    node.execute(t.token.delete())
    before = node.row_counts()
    verify_refused(node, ask(node, form), "nonce")
    assert node.row_counts() == before


def test_nonce_of_another_is_refused(node: TestNode) -> None:
    verify_refused(node, ask(node, node.siwe_form("LAND", "steward", "0123456789abcdef")), "nonce")


def test_old_nonce_is_refused(node: TestNode) -> None:
    nonce = nonce_of(node)
    node.pass_time(600)
    verify_refused(node, ask(node, node.siwe_form("LAND", "steward", nonce)), "nonce")


def test_siwe_signed_by_another_account_is_refused(node: TestNode) -> None:
    form = node.siwe_form("LAND", "steward", nonce_of(node))
    other = node.siwe_form("LAND", "auditor", "0123456789abcdef")
    for signature, part in {
        other["signature"]: "another account",
        form["signature"][:-2] + "05": "ending in 27 or 28",
        "0x" + "00" * 64 + "1b": "fits no account",
        "0x": "65 bytes",
    }.items():
        verify_refused(node, ask(node, {**form, "signature": signature}), part)


@pytest.mark.parametrize(
    "extra",
    ["- cityledger:agency:1", "- cityledger:instance:0x00"],
)
def test_siwe_names_one_agency_and_one_instance(node: TestNode, extra: str) -> None:
    from cityledger.client.credentials.statements import sign_siwe_message

    form = node.siwe_form("LAND", "steward", nonce_of(node))
    message = form["message"] + "\n" + extra
    form = {
        **form,
        "message": message,
        "signature": sign_siwe_message(message, node.account("LAND", "steward")),
    }
    verify_refused(node, ask(node, form), "exactly one resource")


def test_siwe_without_end_is_refused(node: TestNode) -> None:
    from cityledger.client.credentials.statements import sign_siwe_message

    form = node.siwe_form("LAND", "steward", nonce_of(node))
    lines = [line for line in form["message"].split("\n") if not line.startswith("Expiration")]
    message = "\n".join(lines)
    form = {
        **form,
        "message": message,
        "signature": sign_siwe_message(message, node.account("LAND", "steward")),
    }
    verify_refused(node, ask(node, form), "expiration time is required")


# --- the form ----------------------------------------------------------------------------------------------

FORMS: dict[str, tuple[bytes, str]] = {
    "no grant type": (b"assertion=x", "grant_type"),
    "another grant type": (b"grant_type=password", "grant_type"),
    "missing field": (b"grant_type=urn:cityledger:params:oauth:grant-type:siwe&message=x", "signature"),
    "field of another type": (
        b"grant_type=urn:cityledger:params:oauth:grant-type:siwe&message=x&signature=0x&assertion=y",
        "assertion",
    ),
}


@pytest.mark.parametrize(("body", "field"), FORMS.values(), ids=FORMS)
def test_form_is_refused(node: TestNode, body: bytes, field: str) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = node.client.post("/v1/token", content=body, headers=headers)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


@pytest.mark.parametrize("body", [b"grant_type=a&grant_type=b", b"&&", b"grant_type=%ff", b"\xff=1", b""])
def test_malformed_form_is_refused(node: TestNode, body: bytes) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert node.client.post("/v1/token", content=body, headers=headers).status_code == 422


def test_token_rejects_json(node: TestNode) -> None:
    assert node.client.post("/v1/token", json={"grant_type": "x"}).status_code == 415


def test_token_rejects_a_large_form(tmp_path: Any) -> None:
    node = make_node(tmp_path, sign_in_limit_bytes=1_000)
    assert ask(node, {"grant_type": "x" * 1_000}).status_code == 413
    node.close()


def test_database_holds_no_token(node: TestNode) -> None:
    answer = ask(node, node.assertion_form("LAND", proof_key=KEY), node.proof(KEY))
    secret = answer.json()["access_token"].encode()
    assert secret not in stored_bytes(node.context.services.database)

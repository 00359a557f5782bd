"""The client against a whole node in this process: every call, and what it refuses to believe."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from cityledger.client import AccessContext, Client, SiweCredentials, with_openings
from cityledger.client._sync import record_calls
from cityledger.client.http.address import record_path as _path
from cityledger.errors import (
    CredentialError,
    DeniedError,
    NodeError,
    NotAnchoredError,
    NotFoundError,
    PayloadError,
    StaleVersionError,
    TokenError,
    VerificationError,
)
from cityledger.proofs.verify import Level, verify_payload
from cityledger.types import (
    Action,
    Address,
    AgencyStatus,
    ErasureReason,
    Role,
    SubjectId,
    purpose_from_name,
)
from support.node.chain_facts import ORIGIN
from support.node.node_fixture import TestNode
from support.node.sample_records import TITLE_RECORD, TREATMENT_RECORD

Connect = Callable[[str, str], Client]
TREATMENT = AccessContext("TREATMENT", "病例 7")
OWN = AccessContext("OWN_DUTY")
SUBJECT = SubjectId(b"\x5b" * 32)
SUMMARY = json.dumps(TREATMENT_RECORD["parts"]["summary"], indent=3).encode()
TITLE = json.dumps(TITLE_RECORD["parts"]["title"]).replace("61.5", "61.50").encode()


def write_title(client: Client, node: TestNode) -> None:
    client.put_record(node.land, "title-1", {"title": TITLE})


def test_directory_needs_no_sign_in(node: TestNode) -> None:
    client = Client(ORIGIN, transport=node.client._transport)
    assert [one.code for one in client.agencies()] == ["HEALTH", "LAND", "PARKING"]
    assert client.agency("LAND").status is AgencyStatus.ACTIVE
    assert {one.dataset for one in client.catalog()} == {node.health, node.land, node.parking}
    (parking,) = client.catalog("parking", provider=node.agency("PARKING"))
    assert client.dataset(parking.dataset) == parking
    assert "title" in json.dumps(client.schema(node.land))
    assert client.node().instance == node.context.services.instance


def test_whoami_returns_the_caller_of_the_credentials(connect: Connect, node: TestNode) -> None:
    reader, steward = connect("HEALTH", "reader").whoami(), connect("HEALTH", "steward").whoami()
    assert (reader.agency, reader.role, reader.officer, reader.account) == (1, Role.READER, "dr.chen", None)
    assert (steward.role, steward.account) == (
        Role.STEWARD,
        Address(node.account("HEALTH", "steward").address),
    )


def test_get_record_gives_each_part_as_it_was_written(connect: Connect, node: TestNode) -> None:
    written = connect("LAND", "writer").put_record(node.land, "title-1", {"title": TITLE})
    record = connect("LAND", "reader").get_record(node.land, "title-1", OWN)
    assert b"61.50" in record.parts["title"]
    assert record.parts == {"title": TITLE}
    assert (record.version, record.record) == (written.version, written.record)
    assert len(record.receipts) == 1
    assert "permit" in record.decision


def test_put_record_accepts_objects_and_subjects(connect: Connect, node: TestNode) -> None:
    writer, reader = connect("HEALTH", "writer"), connect("HEALTH", "reader")
    writer.put_record(node.health, "visit-1", TREATMENT_RECORD["parts"], subjects=[SUBJECT])
    assert reader.get_record(node.health, "visit-1", OWN).subjects == (SUBJECT,)
    (found,) = reader.find(node.health, OWN, subject=SUBJECT)
    assert reader.find(node.health, OWN, record="visit-1") == (found,)
    assert reader.check(node.health, OWN, record="visit-1")
    assert not reader.check(node.health, OWN, record="visit-2")


def test_find_and_check_take_a_business_identifier(connect: Connect, node: TestNode) -> None:
    writer, reader = connect("HEALTH", "writer"), connect("HEALTH", "reader")
    extra = {"identifier": [{"system": "http://hospital.example/visits", "value": "V-1"}]}
    summary = {**TREATMENT_RECORD["parts"]["summary"], **extra}
    written = writer.put_record(node.health, "visit-1", {"summary": summary})
    visit = ("http://hospital.example/visits", "V-1")
    (found,) = reader.find(node.health, OWN, identifier=visit)
    assert found.record == written.record
    assert reader.check(node.health, OWN, identifier=visit)
    assert not reader.check(node.health, OWN, identifier=(visit[0], "V-2"))
    with pytest.raises(TypeError, match="exactly one"):
        reader.find(node.health, OWN, record="visit-1", identifier=visit)


@pytest.mark.parametrize("query", [{"subject": SUBJECT}, {"identifier": ("urn:visits", "V-1")}])
def test_find_fetches_every_page(
    connect: Connect, node: TestNode, monkeypatch: pytest.MonkeyPatch, query: dict[str, Any]
) -> None:
    monkeypatch.setattr(record_calls, "_FOUND_PAGE", "2")
    extra = {"identifier": [{"system": "urn:visits", "value": "V-1"}]}
    summary = {**TREATMENT_RECORD["parts"]["summary"], **extra}
    writer = connect("HEALTH", "writer")
    written = {
        writer.put_record(node.health, f"visit-{number}", {"summary": summary}, subjects=[SUBJECT]).record
        for number in range(5)
    }
    found = connect("HEALTH", "reader").find(node.health, OWN, **query)

    assert [one.record for one in found] == sorted(written)


def test_put_record_writes_once_under_one_key(connect: Connect, node: TestNode) -> None:
    writer = connect("LAND", "writer")
    first = writer.put_record(node.land, "title-1", {"title": TITLE}, idempotency_key="k")
    assert writer.put_record(node.land, "title-1", {"title": TITLE}, idempotency_key="k") == first
    assert writer.put_record(node.land, "title-1", {"title": TITLE}).version == 2


def test_put_record_refuses_after_a_concurrent_write(connect: Connect, node: TestNode) -> None:
    writer = connect("LAND", "writer")
    writer.put_record(node.land, "title-1", {"title": TITLE}, expected_version=0)
    writer.put_record(node.land, "title-1", {"title": TITLE}, expected_version=1)
    with pytest.raises(StaleVersionError):
        writer.put_record(node.land, "title-1", {"title": TITLE}, expected_version=1)
    with pytest.raises(StaleVersionError):
        writer.put_record(node.land, "title-1", {"title": TITLE}, expected_version=0)


def test_put_record_names_the_field_that_does_not_fit(connect: Connect, node: TestNode) -> None:
    with pytest.raises(PayloadError) as refused:
        connect("LAND", "writer").put_record(node.land, "title-1", {"title": {"uid": 7}})
    assert refused.value.field.startswith("parts.title")
    assert not refused.value.reason.startswith("parts.title")


def test_denials_and_hidden_records_come_as_their_errors(connect: Connect, node: TestNode) -> None:
    with pytest.raises(NotFoundError) as missing:
        connect("LAND", "reader").get_record(node.land, "title-9", OWN)
    assert missing.value.what == "record"
    with pytest.raises(DeniedError) as denied:
        connect("LAND", "writer").get_record(node.land, "title-9", OWN)
    assert denied.value.code == 21
    assert not denied.value.reason.startswith("denied by")


def test_history_and_proof_follow_the_batch(connect: Connect, node: TestNode) -> None:
    connect("HEALTH", "writer").put_record(node.health, "v", {"summary": SUMMARY}, subjects=[SUBJECT])
    reader = connect("HEALTH", "reader")
    assert [one.state for one in reader.history(node.health, "v", OWN)] == [None]
    with pytest.raises(NotAnchoredError):
        reader.proof(node.health, "v", OWN)
    node.anchor_all()
    (version,) = reader.history(node.health, "v", OWN)
    assert version.state is not None
    proven = reader.proof(node.health, "v", OWN, version=1)
    assert proven.verdict.level is Level.PATH_ONLY
    assert proven.verdict.leaf_hash == version.leaf_hash


def test_answers_about_another_record_than_requested_are_refused(
    connect: Connect, node: TestNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = connect("HEALTH", "writer")
    wanted, other = (
        writer.put_record(node.health, name, {"summary": SUMMARY}, subjects=[SUBJECT]).record for name in "ab"
    )
    node.anchor_all()
    monkeypatch.setattr("cityledger.client._sync.record_calls.record_path", lambda d, _: _path(d, other))
    reader = connect("HEALTH", "reader")
    key = node.context.services.keyring.agency(node.agency("HEALTH")).sealing_key

    with pytest.raises(NodeError):
        reader.get_record(node.health, wanted, OWN)
    with pytest.raises(VerificationError, match="another record"):
        reader.proof(node.health, wanted, OWN)
    with pytest.raises(VerificationError, match="another record"):
        reader.open_record(node.health, wanted, OWN, key)


def test_with_openings_lets_a_payload_be_checked(connect: Connect, node: TestNode) -> None:
    connect("HEALTH", "writer").put_record(node.health, "v", {"summary": SUMMARY}, subjects=[SUBJECT])
    node.anchor_all()
    reader = connect("HEALTH", "reader")
    key = node.context.services.keyring.agency(node.agency("HEALTH")).sealing_key
    opened = reader.open_record(node.health, "v", OWN, key)
    file = with_openings(reader.proof(node.health, "v", OWN), opened.openings)
    verify_payload(file.proof, 0, SUMMARY)
    with pytest.raises(VerificationError):
        verify_payload(file.proof, 0, SUMMARY + b" ")


def test_withdraw_ends_a_record_that_a_write_brings_back_with_its_history(
    connect: Connect, node: TestNode
) -> None:
    writer, reader = connect("LAND", "writer"), connect("LAND", "reader")
    write_title(writer, node)

    assert writer.withdraw(node.land, "title-1", expected_version=1).version == 2

    with pytest.raises(NotFoundError):
        reader.get_record(node.land, "title-1", OWN)
    assert reader.get_record(node.land, "title-1", OWN, version=1).parts["title"] == TITLE
    write_title(writer, node)
    assert [one.withdrawn for one in reader.history(node.land, "title-1", OWN)] == [False, True, False]


def test_withdraw_distinguishes_a_stale_version_from_an_absent_record(
    connect: Connect, node: TestNode
) -> None:
    writer = connect("LAND", "writer")
    write_title(writer, node)
    with pytest.raises(StaleVersionError):
        writer.withdraw(node.land, "title-1", expected_version=2)
    with pytest.raises(NotFoundError):
        writer.withdraw(node.land, "title-2")


def test_erase_leaves_a_tombstone_for_each_version(connect: Connect, node: TestNode) -> None:
    writer = connect("LAND", "writer")
    for _ in range(2):
        write_title(writer, node)
    assert len(writer.erase(node.land, "title-1", ErasureReason.WRITTEN_IN_ERROR)) == 2
    with pytest.raises(NotFoundError):
        connect("LAND", "reader").get_record(node.land, "title-1", OWN)
    assert [one.erased for one in connect("LAND", "reader").history(node.land, "title-1", OWN)] == [True] * 2


def test_resolve_subject_is_the_pseudonym_of_the_provider(connect: Connect, node: TestNode) -> None:
    writer, reader = connect("HEALTH", "writer"), connect("HEALTH", "reader")
    fresh = writer.resolve_subject(node.health, "urn:example", "P-1", OWN)
    assert fresh is not None
    assert reader.resolve_subject(node.health, "urn:example", "P-1", OWN) == fresh


def test_steward_calls_reach_the_desk(connect: Connect, node: TestNode) -> None:
    steward = connect("HEALTH", "steward")
    connect("HEALTH", "writer").put_record(node.health, "v", {"summary": SUMMARY}, subjects=[SUBJECT])
    steward.restrict(node.health, "v", consumer=node.agency("LAND"))
    steward.restrict(node.health, "v", restricted=False)
    steward.seal_by_law(node.health, "v")
    steward.grant(node.health, node.agency("LAND"), "TREATMENT", ["summary"], until=node.time.now + 60)
    assert steward.revoke(node.health, node.agency("LAND"), "TREATMENT").block >= 1
    assert len(node.steward.calls) == 5


def test_grants_and_decisions_tell_the_rules(connect: Connect, node: TestNode) -> None:
    reader = connect("LAND", "reader")
    node.revoke(node.health, node.agency("LAND"), purpose_from_name("TREATMENT"))
    assert reader.decide(node.health, Action.READ, TREATMENT).code == 81
    node.grant(node.health, node.agency("LAND"), purpose_from_name("TREATMENT"), 1)
    decision = reader.decide(node.health, Action.READ, TREATMENT, parts=["summary"])
    assert (decision.permit, decision.rule) == (True, 12)
    (grant,) = reader.grants(node.health)
    assert (grant.parts, grant.until, grant.live) == (("summary",), None, True)
    assert grant.grant == decision.basis


def test_reads_come_page_by_page(connect: Connect, node: TestNode) -> None:
    write_title(connect("LAND", "writer"), node)
    reader = connect("LAND", "reader")
    for _ in range(5):
        reader.get_record(node.land, "title-1", OWN)
    reads = list(reader.reads(limit=2))
    assert [one.action for one in reads] == [Action.READ] * 5
    whole = reads[0].whole
    assert whole is not None
    assert whole.receipt.struct_hash() == whole.leaf.receipt
    node.anchor_all()
    assert reader.read_proof(whole.leaf.receipt).verdict.level is Level.PATH_ONLY


def test_token_is_renewed_before_it_lapses(connect: Connect, node: TestNode) -> None:
    client = connect("HEALTH", "reader")
    first = client.token()
    node.pass_time(10)
    assert client.token() == first
    node.pass_time(900)
    assert client.token() != first
    client.whoami()


def test_refused_token_is_replaced_once(connect: Connect, node: TestNode) -> None:
    client = connect("HEALTH", "reader")
    client.whoami()
    client._access._token = replace(client._access.token(), secret="unknown")
    client.whoami()
    with pytest.raises(TokenError):
        Client(ORIGIN, token="unknown", transport=node.client._transport).whoami()
    with pytest.raises(CredentialError):
        Client(ORIGIN, transport=node.client._transport).whoami()


def test_siwe_refuses_a_node_of_another_name(node: TestNode) -> None:
    def relay(request: httpx.Request) -> httpx.Response:
        return node.client.request(request.method, request.url.path, content=request.content)

    credentials = SiweCredentials(node.account("HEALTH", "steward"), node.agency("HEALTH"))
    client = Client("http://evil.test", credentials, transport=httpx.MockTransport(relay))
    with pytest.raises(CredentialError, match=r"calls itself city\.test, not evil\.test"):
        client.whoami()

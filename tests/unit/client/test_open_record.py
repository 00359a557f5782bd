"""Records that a client opens itself: every check, and what each refuses."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from cityledger.client import AccessContext, Client
from cityledger.client.answers import Release
from cityledger.client.releases.checks import Caller, ReleaseExpectation
from cityledger.client.releases.opening import open_release_from
from cityledger.errors import (
    SealingError,
    VerificationError,
)
from cityledger.types import (
    Action,
    Address,
    LogId,
    LogKind,
    RecordId,
    SubjectId,
    purpose_from_name,
)
from support.chain.memory_reader import MemoryReader
from support.node.node_fixture import TestNode
from support.node.sample_records import TREATMENT_RECORD

Connect = Callable[[str, str], Client]
OWN = AccessContext("OWN_DUTY")
SUBJECT = SubjectId(b"\x5b" * 32)
SUMMARY = json.dumps(TREATMENT_RECORD["parts"]["summary"], indent=3).encode()


def test_open_record_opens_here_after_every_check(connect: Connect, node: TestNode) -> None:
    connect("HEALTH", "writer").put_record(node.health, "v", {"summary": SUMMARY}, subjects=[SUBJECT])
    keys = node.context.services.keyring.agency(node.agency("HEALTH"))
    opened = connect("HEALTH", "reader").open_record(node.health, "v", OWN, keys.sealing_key)
    assert opened.parts == {"summary": SUMMARY}
    assert opened.signer == node.context.services.operator.address
    assert [one.receipt.action for one in opened.receipts] == [Action.RELEASE]


@pytest.fixture
def released(connect: Connect, node: TestNode) -> Release:
    connect("HEALTH", "writer").put_record(node.health, "v", {"summary": SUMMARY}, subjects=[SUBJECT])
    key = node.context.services.keyring.agency(node.agency("HEALTH")).sealing_key
    return connect("HEALTH", "reader").release(node.health, "v", OWN, key)


def altered_receipt(release: Release) -> Release:
    one = release.receipts[0]
    changed = replace(one, receipt=replace(one.receipt, officer="nobody"))
    return replace(release, receipts=(changed,))


def altered_signature(release: Release) -> Release:
    one = release.receipts[0]
    return replace(release, receipts=(replace(one, signature=bytes(64) + b"\x1b"),))


def altered_leaf(release: Release) -> Release:
    leaf = replace(release.sealed.leaf, seq=release.sealed.leaf.seq + 1)
    return replace(release, sealed=replace(release.sealed, leaf=leaf))


def altered_ciphertext(release: Release) -> Release:
    sealed = release.sealed.ciphertexts[0]
    altered = {**release.sealed.ciphertexts, 0: sealed[:-1] + bytes([sealed[-1] ^ 1])}
    return replace(release, sealed=replace(release.sealed, ciphertexts=altered))


def without_receipts(release: Release) -> Release:
    return replace(release, receipts=())


@pytest.mark.parametrize(
    "alter", [altered_receipt, altered_signature, altered_leaf, altered_ciphertext, without_receipts]
)
def test_open_record_refuses_what_was_altered(
    node: TestNode, released: Release, alter: Callable[[Release], Release]
) -> None:
    key = node.context.services.keyring.agency(node.agency("HEALTH")).sealing_key
    expected, domain = expectation_of(node), node.context.services.domain
    open_release_from(released, expected, key, domain)
    with pytest.raises((VerificationError, SealingError)):
        open_release_from(alter(released), expected, key, domain)
    open_release_from(released, replace(expected, record=released.sealed.leaf.record), key, domain)
    for wrong in (
        replace(expected, version=2),
        replace(expected, dataset=node.land),
        replace(expected, purpose=b""),
        replace(expected, record=RecordId(bytes(32))),
    ):
        with pytest.raises(VerificationError):
            open_release_from(released, wrong, key, domain)


def expectation_of(node: TestNode) -> ReleaseExpectation:
    """What ``released`` is of."""
    return ReleaseExpectation(
        instance=node.context.services.instance,
        caller=Caller(node.agency("HEALTH"), "dr.chen", "ward-3"),
        dataset=node.health,
        record=None,
        version=None,
        parts=None,
        purpose=purpose_from_name("OWN_DUTY"),
        case_digest=OWN.case_digest,
        sent=node.time.now,
        received=node.time.now,
    )


def test_open_record_checks_the_signer_against_the_chain(connect: Connect, node: TestNode) -> None:
    """The receipts must be in a log of the provider, signed by its operator."""
    connect("HEALTH", "writer").put_record(node.health, "v", {"summary": SUMMARY}, subjects=[SUBJECT])
    services, health = node.context.services, node.agency("HEALTH")
    key = services.keyring.agency(health).sealing_key
    reader = MemoryReader(services.domain.chain_id, services.domain.ledger, services.instance)
    reader.providers[node.health] = health
    for log in range(1, 7):
        reader.open_log(LogId(log), health, LogKind.RECEIPTS, Address(services.operator.address))
    asking = connect("HEALTH", "reader")
    assert asking.open_record(node.health, "v", OWN, key, reader=reader).parts == {"summary": SUMMARY}
    for log in range(1, 7):
        reader.open_log(LogId(log), health, LogKind.RECEIPTS, Address("0x" + "99" * 20))
    with pytest.raises(VerificationError, match="not signed by the operator"):
        asking.open_record(node.health, "v", OWN, key, reader=reader)

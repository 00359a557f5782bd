"""Exports of an agency's receipts, and the refusals of files that were tampered with."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from cityledger.client import OWN_DUTY, Client
from cityledger.client.audit.check import examine_audit, signers_shown, verify_audit
from cityledger.client.audit.file import FORMAT, header_line, read_line
from cityledger.errors import VerificationError
from support.node.node_fixture import TestNode
from support.node.sample_records import TITLE_RECORD

Connect = Callable[[str, str], Client]
TITLE = json.dumps(TITLE_RECORD["parts"]["title"]).encode()


@pytest.fixture
def lines(connect: Connect, node: TestNode) -> list[bytes]:
    """Three reads of one title and one of another, all anchored, as LAND exports them."""
    writer, reader = connect("LAND", "writer"), connect("LAND", "reader")
    for name in ("title-1", "title-2"):
        writer.put_record(node.land, name, {"title": TITLE})
    for name in ("title-1", "title-1", "title-2", "title-1"):
        reader.get_record(node.land, name, OWN_DUTY)
    node.anchor_all()
    made = [header_line(reader.node(), reader.whoami().agency, 1_800_000_000)]
    for read in reader.reads():
        assert read.whole is not None
        made.append(read_line(read, reader.read_proof(read.whole.leaf.receipt)))
    return made


def changed(line: bytes, change: Callable[[dict[str, Any]], None]) -> bytes:
    members = json.loads(line)
    change(members)
    return json.dumps(members).encode()


def test_a_whole_export_holds(lines: list[bytes], node: TestNode) -> None:
    tally = verify_audit(lines)
    assert (tally.receipts, tally.links, tally.gaps, tally.proven) == (4, 3, 0, 4)
    assert (tally.anchored, tally.unseen) == (0, 0)  # no chain was read
    (signer,) = signers_shown(tally)
    assert signer.endswith(node.context.services.operator.address)


def test_a_missing_receipt_is_a_gap(lines: list[bytes]) -> None:
    del lines[2]
    tally = examine_audit(lines)
    assert (tally.receipts, tally.links, tally.gaps, tally.missing) == (3, 1, 1, 1)
    with pytest.raises(VerificationError, match="1 receipts of the agency's own logs are missing"):
        verify_audit(lines)
    verify_audit(lines, accept_missing=1)


def test_the_same_line_twice_counts_once(lines: list[bytes]) -> None:
    assert verify_audit([*lines, lines[1]]).receipts == 4


def test_a_receipt_without_proof_counts_as_unproven(lines: list[bytes]) -> None:
    lines[1] = changed(lines[1], lambda members: members.update(proof=None))
    with pytest.raises(VerificationError, match="1 receipts have no proof"):
        verify_audit(lines)
    tally = verify_audit(lines, accept_unproven=1)
    assert (tally.proven, tally.unproven, tally.unchained) == (3, 1, 0)


def test_reads_that_were_refused_are_counted_apart(
    connect: Connect, node: TestNode, lines: list[bytes]
) -> None:
    refused = changed(lines[1], lambda members: members.update(whole=None, proof=None, permit=False))
    assert verify_audit([lines[0], refused]).unseen == 1


def set_officer(members: dict[str, Any]) -> None:
    members["officer"] = "nobody"


def set_signed_officer(members: dict[str, Any]) -> None:
    members["officer"] = members["whole"]["receipt"]["officer"] = "nobody"


def set_signature(members: dict[str, Any]) -> None:
    members["whole"]["signature"] = "0x" + "00" * 65


def set_previous(members: dict[str, Any]) -> None:
    members["whole"]["leaf"]["previous"] = "0x" + "11" * 32
    members["proof"] = None


def set_previous_of_record(members: dict[str, Any]) -> None:
    members["whole"]["leaf"]["prevReadOfRecord"] = "0x" + "11" * 32
    members["proof"] = None


def set_sequence(members: dict[str, Any]) -> None:
    members["whole"]["leaf"]["seq"] = "2"
    members["proof"] = None


def set_instance(members: dict[str, Any]) -> None:
    members["whole"]["leaf"]["instance"] = "0x" + "11" * 32
    members["proof"] = None


def set_path(members: dict[str, Any]) -> None:
    members["proof"]["tree"]["root"] = "0x" + "11" * 32


def drop_proof(members: dict[str, Any]) -> None:
    del members["proof"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (set_officer, "line 3: the receipt says another officer"),
        (set_signed_officer, "line 3: the receipt is not the one in its leaf"),
        (set_signature, "line 3: "),
        (set_previous, "previous is not the leaf hash of the one before it"),
        (set_sequence, "line 4: two receipts have one place in the log"),
        (set_instance, "line 3: the receipt is of another deployment"),
        (set_path, "line 3: "),
        (drop_proof, "line 3: not a read with its proof"),
    ],
)
def test_tampering_is_reported_with_its_line(
    lines: list[bytes], change: Callable[[dict[str, Any]], None], message: str
) -> None:
    lines[2] = changed(lines[2], change)
    with pytest.raises(VerificationError) as refused:
        verify_audit(lines)
    assert message in str(refused.value)


def test_a_record_s_reads_are_chained_too(lines: list[bytes]) -> None:
    lines[4] = changed(lines[4], set_previous_of_record)  # the last: no leaf names its hash
    with pytest.raises(VerificationError, match="prevReadOfRecord is not the leaf hash"):
        verify_audit(lines)


def test_a_proof_of_another_receipt_is_refused(lines: list[bytes]) -> None:
    other = json.loads(lines[1])["proof"]
    lines[2] = changed(lines[2], lambda members: members.update(proof=other))
    with pytest.raises(VerificationError, match="the proof is of another leaf"):
        verify_audit(lines)


@pytest.mark.parametrize("header", [b"", b"{}", b"not json", b'{"format": "cityledger-audit/0"}'])
def test_file_that_is_not_an_export_is_refused(header: bytes) -> None:
    with pytest.raises(VerificationError, match=FORMAT):
        verify_audit([header])


def test_no_lines_are_no_export() -> None:
    with pytest.raises(VerificationError):
        verify_audit([])

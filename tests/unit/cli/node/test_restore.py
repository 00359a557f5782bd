from __future__ import annotations

import pytest

from cityledger.cli.node.restore import _refusal, _remark, _verify_waived
from cityledger.cli.node.restore_lists import remark_lists
from cityledger.errors import VerificationError
from cityledger.recovery.restore.revocations import FoundLists
from cityledger.recovery.restore.tombstones import Found, Refused


def test_restore_remarks_that_it_found_no_tombstone(capsys: pytest.CaptureFixture[str]) -> None:
    _remark(Found((), (Refused("1.json", "altered"),)))
    assert capsys.readouterr().err == "", "refused ones are named otherwise"
    _remark(Found((), ()))
    output = capsys.readouterr()
    assert "--tombstones FOLDER" in output.err
    assert output.out == ""


def test_restore_remarks_that_it_found_no_revocation_list(capsys: pytest.CaptureFixture[str]) -> None:
    remark_lists(FoundLists(refused=(Refused("1.jwt", "altered"),)))
    assert capsys.readouterr().err == "", "refused ones are named otherwise"
    remark_lists(FoundLists())
    said = capsys.readouterr()
    assert "--revocations FOLDER" in said.err
    assert said.out == ""


def test_refusal_names_tombstones_and_lists() -> None:
    refused = (Refused("revocations/1/00/2.jwt", "the signature is not valid"),)
    only_lists = _refusal((), refused)
    assert "1 revocation lists cannot be verified (revocations/1/00/2.jwt: the signature" in only_lists
    assert "tombstones" not in only_lists
    both = _refusal((Refused("1.json", "altered"),), refused)
    assert "1 tombstones" in both
    assert "1 revocation lists" in both


def test_each_option_waives_its_own_kind_alone() -> None:
    refused = (Refused("1", "altered"),)
    _verify_waived((), ())
    with pytest.raises(VerificationError, match="--without-refused-tombstones") as tombstones:
        _verify_waived(refused, ())
    with pytest.raises(VerificationError, match="--without-refused-lists") as lists:
        _verify_waived((), refused)
    assert "--without-refused-lists" not in str(tombstones.value)
    assert "--without-refused-tombstones" not in str(lists.value)

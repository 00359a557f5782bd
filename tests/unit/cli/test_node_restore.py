from __future__ import annotations

import pytest

from cityledger.cli.node_restore import _remark
from cityledger.recovery.tombstone_replay import Found, Refused


def test_restore_remarks_that_it_found_no_tombstone(capsys: pytest.CaptureFixture[str]) -> None:
    _remark(Found((), (Refused("1.json", "altered"),)))
    assert capsys.readouterr().err == "", "refused ones are told otherwise"
    _remark(Found((), ()))
    told = capsys.readouterr()
    assert "--tombstones FOLDER" in told.err
    assert told.out == ""

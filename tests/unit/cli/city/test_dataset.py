"""The output of ``cityledger dataset`` without a chain."""

import json

import pytest

from cityledger.cli.main import run
from cityledger.profiles import registry


@pytest.mark.parametrize("profile", registry.names())
def test_sample_prints_a_record_to_begin_with(profile: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["dataset", "sample", profile]) == 0
    output = capsys.readouterr()
    assert json.loads(output.out).keys() == {"subjects", "parts"}
    assert "cityledger record put" in output.err


def test_schema_prints_all_parts_or_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["dataset", "schema", "parking"]) == 0
    whole = json.loads(capsys.readouterr().out)
    assert "state" in whole["properties"]
    assert run(["dataset", "schema", "parking", "--part", "state"]) == 0
    assert "availableSpotNumber" in capsys.readouterr().out
    assert run(["dataset", "schema", "parking", "--part", "colour"]) == 2


@pytest.mark.parametrize("command", ["sample", "schema"])
def test_a_profile_that_is_not_there_is_told_with_those_that_are(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["dataset", command, "traffic"]) == 2
    assert "medical, property, parking" in " ".join(capsys.readouterr().err.replace("│", "").split())

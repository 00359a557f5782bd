"""``cityledger settings``: what is set, and from where."""

import json
from pathlib import Path

import pytest

from cityledger.cli.main import run


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("CITYLEDGER_TEST_DATA", "CITYLEDGER_FOLDER", "CITYLEDGER_NODE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_show_tells_value_and_origin(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "cityledger.toml").write_text("[client]\nretry_seconds = 5\n")
    monkeypatch.setenv("CITYLEDGER_NODE", "https://user:secret@health.example/path")
    assert run(["settings", "show", "--folder", str(folder), "--json"]) == 0
    printed = capsys.readouterr().out
    rows = {one["setting"]: (one["value"], one["from"]) for one in json.loads(printed)}
    assert rows["client.retry_seconds"] == ("5.0", "cityledger.toml")
    assert rows["client.node"] == ("https://…@health.example/…", "CITYLEDGER_NODE")
    assert rows["client.timeout_seconds"] == ("30.0", "default")
    assert "secret" not in printed


def test_check_is_content_without_a_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["settings", "check", "--folder", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["node"] is False


def test_check_tells_everything_at_once(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "cityledger.toml").write_text('colour = "red"\n[client]\nnodes = "typo"\n')
    monkeypatch.setenv("CITYLEDGER_CREDENTAILS", "typo")
    assert run(["settings", "check", "--folder", str(folder)]) == 1
    printed = capsys.readouterr().err
    for complaint in (
        "colour is unknown",
        "client.nodes is unknown",
        "rpc_url is missing",
        "CITYLEDGER_CREDENTAILS is not a variable of this program",
    ):
        assert complaint in printed


def test_check_finds_values_out_of_range(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "cityledger.toml").write_text("[client]\ntimeout_seconds = 0\n")
    assert run(["settings", "check", "--folder", str(folder)]) == 1
    assert "timeout_seconds must be 0.1 to 3600.0" in capsys.readouterr().err

"""A folder whose restore was cut off could be backed up, over the backup that it came from, and its logs be
linked and resumed.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cityledger.cli.node.commands import app
from cityledger.node.lock import RESTORING_NAME

COMMANDS = {
    "backup": ["backup", "{target}"],
    "link": ["link", "HEALTH"],
    "migrate": ["migrate"],
    "rebuild": ["rebuild"],
    "resume-log": ["resume-log", "1"],
    "scrub": ["scrub"],
}

SETTINGS = f"""
database_url = "sqlite:///node.db"
rpc_url = "http://127.0.0.1:9"
chain_id = 31337
manifest = "deployment.json"
keyring = "keyring"
operator = "0x{"11" * 20}"
"""


@pytest.mark.parametrize("name", COMMANDS)
def test_no_command_writes_before_a_restore_has_ended(name: str, tmp_path: Path) -> None:
    (tmp_path / "cityledger.toml").write_text(SETTINGS)
    (tmp_path / RESTORING_NAME).write_text("{}")
    arguments = [one.format(target=tmp_path / "backup") for one in COMMANDS[name]]

    ended = CliRunner().invoke(app, [*arguments, "--folder", str(tmp_path)])

    assert ended.exit_code != 0
    assert "a restore into" in f"{ended.exception}{ended.output}"
    assert not (tmp_path / "backup").exists()

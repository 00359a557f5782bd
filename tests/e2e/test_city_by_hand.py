"""The commands "A city by hand" of docs/developer/quickstart.md, run as written, on a free port."""

from __future__ import annotations

import contextlib
import os
import random
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(300)
ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/developer/quickstart.md"


def _block() -> str:
    section = PAGE.read_text().partition("## A city by hand")[2]
    found = re.search(r"```sh\n(.*?)```", section, re.DOTALL)
    assert found is not None
    return found[1]


def _free_port() -> int:
    """A port that no other listener can be given before the node asks for it.

    The devnet of the commands takes a port that the system picks, so a port from the system's own
    range could be handed out twice. Below that range only this test picks.
    """
    for port in random.sample(range(20_000, 30_000), 100):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise AssertionError("no free port between 20000 and 30000")


def test_commands_of_the_page_build_a_city_and_share_a_record(tmp_path: Path) -> None:
    port = str(_free_port())
    script = "set -e\n" + _block().replace("8053", port)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("CITYLEDGER_")}
    environment = {
        **inherited,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "CITYLEDGER_ANVIL": os.environ.get("CITYLEDGER_ANVIL", str(ROOT / ".tools/bin/anvil")),
        "CITYLEDGER_PORT": port,
        "CITYLEDGER_NODE": f"http://127.0.0.1:{port}",
    }

    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=240
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert '"availableSpotNumber": 7' in done.stdout
